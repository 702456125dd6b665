/*
 * Packets that a guest sends, gathered from their slots in the ring. The
 * layout is that of <xen/io/netif.h>: a first request, extra information
 * behind it, and further requests with the rest of the data. The first
 * request's size is that of the whole packet.
 */
#ifndef BACKEND_NET_GATHER_H
#define BACKEND_NET_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "backend-drivers/ring/ring.h"

/* What a packet may have, and from where on a front end must be broken. */
#define TX_SLOTS 18u
#define TX_SLOTS_FATAL 20u

struct tx_part {
	uint32_t gref;
	uint16_t offset, size;
};

/* A packet, or a request about multicast groups in the guise of one. */
enum tx_kind { TX_PACKET, TX_GROUP_ADD, TX_GROUP_REMOVE };

struct tx_packet {
	enum tx_kind kind;
	uint8_t group[6];		/* an address, of the last two kinds */
	uint16_t flags;			/* NETTXF_* of the first request */
	uint32_t size;			/* bytes, Ethernet header included */
	uint8_t gso_type;		/* XEN_NETIF_GSO_TYPE_* */
	uint16_t gso_size;
	unsigned int parts;		/* requests: each has an id to answer */
	unsigned int extras;		/* slots to be answered as nothing */
	bool drop;			/* wrong, but no reason to stop */
	uint16_t id[TX_SLOTS_FATAL];
	struct tx_part part[TX_SLOTS_FATAL];
};

/**
 * Takes the next packet from @r. Returns 1, 0 if there is none, or -EPROTO
 * with *@why set to what is wrong: the device is to be stopped then. Of a
 * packet that is not to be dropped every part lies within a page, and the
 * parts' sizes add up to its size.
 */
int tx_gather(struct ring *r, struct tx_packet *p, const char **why);

/** Answers all slots of @p; @status is NETIF_RSP_*. */
void tx_answer(struct ring *r, const struct tx_packet *p, int status);

#endif

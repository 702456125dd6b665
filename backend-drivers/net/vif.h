/*
 * The data path of one virtual network interface: frames from the guest's
 * transmit rings to the tap, and from the tap to the guest's receive rings.
 * All data is moved by grant copy, through private memory, where frames are
 * looked at; batches make one copy call and one event of many frames.
 *
 * A queue is a pair of rings. The guest sends on any of them; hash.h says on
 * which it receives. They share one tap: a frame for a queue without buffers
 * waits, and the frames behind it wait too.
 *
 * A guest that posts no receive buffers holds up nothing but its own tap,
 * whose own queue is bounded by the kernel.
 */
#ifndef BACKEND_NET_VIF_H
#define BACKEND_NET_VIF_H

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/base/served.h"
#include "backend-drivers/net/announce.h"
#include "backend-drivers/net/filter.h"
#include "backend-drivers/net/hash.h"
#include "backend-drivers/net/memory.h"
#include "backend-drivers/net/offload.h"
#include "backend-drivers/net/pace.h"
#include "backend-drivers/net/rate.h"
#include "backend-drivers/net/wire.h"
#include "backend-drivers/ring/ring.h"

struct queue_setup {
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port;	/* rx_port 0: one port for both */
};

/* What the front end asked for. */
struct vif_setup {
	unsigned int queues;
	struct queue_setup queue[VIF_QUEUES];
	uint32_t control_ref, control_port;	/* port 0: no control ring */
	bool rx_notify;			/* it tells when it posts buffers */
	bool groups;			/* multicast frames on request alone */
	struct offload_features features;
};

struct vif_queue {
	struct vif *vif;
	struct grant_map tx_map, rx_map;
	struct ring tx, rx;
	struct port tx_port, rx_port;
	struct loop_work transmit;
	struct pace pace;
	unsigned int found;		/* packets, since the last rest */
	struct loop_timer again;	/* the next look at the ring */
};

/* The ring by which a front end chooses hashes; see control.c. */
struct control {
	struct grant_map map;
	struct ring ring;
	struct port port;
	struct loop_work work;
};

struct vif {
	struct served served;

	struct loop_fd tap;
	struct wire wire;		/* to the same */
	char tap_name[16];
	unsigned int mtu;
	bool has_mac, spoof_check;
	uint8_t mac[ETHER_ADDRESS];	/* the guest's */

	struct offload_features features;
	bool rx_notify, groups;
	unsigned int queues;
	struct vif_queue queue[VIF_QUEUES];
	struct control control;
	struct memory *memory;		/* outlives the process */

	/* A frame read from the tap for which there is no room yet. */
	struct loop_work receive;
	uint8_t *held;
	size_t held_len;
	unsigned int alone;		/* looks at the tap that found one */
	struct loop_timer poll;		/* for guests that do not tell */
	struct rate rate;		/* of what the guest sends */
	struct loop_timer pause;	/* until it may send again */
	struct announce announce;
};

_Static_assert(sizeof(struct vif_setup) <= SERVED_BODY, "setup");

/** Maps rings, binds ports, begins. v->tap.fd is open. 0 or -errno, logged. */
int vif_open(struct vif *v, const struct vif_setup *setup);

/** Lets go of all of the front end's. */
void vif_close(struct vif *v);

/**
 * Moves frames from a transmit ring to the tap, a batch at most. Returns 1
 * if there may be more, 0 if the ring is at rest, or will be looked at again
 * soon (q->again goes on then), or the guest has sent as much as it may
 * (v->pause), -EPROTO with *@why.
 */
int vif_transmit(struct vif_queue *q, const char **why);

/**
 * Moves frames from the tap to the receive rings, a batch at most. Returns 1
 * if there may be more, 0 if the tap is empty or the guest has posted too
 * few buffers, -EPROTO with *@why.
 */
int vif_receive(struct vif *v, const char **why);

/**
 * Answers requests of the control ring, a few at most. Returns as
 * vif_transmit() does.
 */
int control_serve(struct vif *v, const char **why);

#endif

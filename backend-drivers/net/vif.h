/*
 * The data path of one virtual network interface: frames from the guest's
 * transmit ring to the tap, and from the tap to the guest's receive ring.
 * All data is moved by grant copy, through private memory, where frames are
 * looked at; batches make one copy call and one event of many frames.
 *
 * A guest that posts no receive buffers holds up nothing but its own tap,
 * whose queue is bounded by the kernel.
 */
#ifndef BACKEND_NET_VIF_H
#define BACKEND_NET_VIF_H

#include "backend-drivers/base/bus.h"
#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/net/offload.h"
#include "backend-drivers/net/rate.h"
#include "backend-drivers/ring/ring.h"

/* What the front end asked for. */
struct vif_setup {
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port;	/* rx_port 0: one port for both */
	bool rx_notify;			/* it tells when it posts buffers */
	struct offload_features features;
};

struct vif {
	struct device dev;

	struct loop_fd tap;
	char tap_name[16];
	struct offload_features features;
	bool rx_notify;

	struct grant_map tx_map, rx_map;
	struct ring tx, rx;
	struct port tx_port, rx_port;
	struct loop_work work;

	/* A frame read from the tap for which there is no room yet. */
	uint8_t *held;
	size_t held_len;
	struct loop_timer poll;		/* for guests that do not tell */
	struct rate rate;		/* of what the guest sends */
	struct loop_timer pause;	/* until it may send again */

	uint64_t tx_frames, tx_dropped, rx_frames, rx_dropped;
};

/** Maps rings, binds ports, begins. v->tap.fd is open. 0 or -errno, logged. */
int vif_open(struct vif *v, const struct vif_setup *setup);

/** Lets go of all of the front end's. */
void vif_close(struct vif *v);

/**
 * Moves frames from the transmit ring to the tap, a batch at most. Returns
 * 1 if there may be more, 0 if the ring is at rest or the guest has sent as
 * much as it may (v->pause goes on then), -EPROTO with *@why.
 */
int vif_transmit(struct vif *v, const char **why);

/**
 * Moves frames from the tap to the receive ring, a batch at most. Returns 1
 * if there may be more, 0 if the tap is empty or the guest has posted too
 * few buffers, -EPROTO with *@why.
 */
int vif_receive(struct vif *v, const char **why);

#endif

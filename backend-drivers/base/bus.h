/*
 * The devices of one kind, as the store shows them: backend/KIND/DOMID/DEVID
 * of our domain. This finds them, follows both ends' states, and calls the
 * driver at the few moments that matter to it. The states are those of
 * <xen/io/xenbus.h>; who moves when:
 *
 *   ours  theirs            what happens
 *   1     any but 5, 6      probe(): take the disk or make the tap; to 2
 *   2     3 or 4            connect(): map the rings; to 4
 *   4     5                 to 5; the rings stay, requests are still served
 *   any   6, or gone        disconnect(), then release(); to 6
 *   6     1, and online     as if new
 *
 * What a front end writes may be anything, in any order: states that make no
 * sense in the row where we are change nothing. A front end counts as gone
 * when its state node is missing, or when its domain is dying. A device ends
 * when its own directory goes.
 *
 * Each of these steps may need time (I/O in flight, a process that starts):
 * then the device stands still until the driver says that it is done.
 *
 * The toolstack's part of the store (our directory) is trusted; what the
 * front end wrote is parsed strictly by the readers below.
 */
#ifndef BACKEND_BASE_BUS_H
#define BACKEND_BASE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

#include "xenstore/client/store.h"

/*
 * One device. A driver embeds it as the first member of its own structure,
 * of bus_ops.size bytes, which the bus allocates zeroed and frees.
 */
struct device {
	struct device *next;
	uint32_t domid;			/* the front end's */
	uint32_t devid;
	char name[40];			/* "vane-vbd/3/51712", for the log */
	char path[64];			/* our directory, relative */
	char *front;			/* theirs, absolute */
	enum xenbus_state state;	/* as we wrote it last */
	bool probed, connected;
	bool entering;			/* probe() or connect() goes on */
	bool leaving;			/* disconnect() or release() goes on */
	bool failed;			/* probe() failed: wait for removal */
};

#define BUS_LATER 1	/* probe(), connect(): the result comes later */

struct bus_ops {
	const char *kind;
	size_t size;

	/*
	 * Take what the device needs in Dom0 and publish what it can. On
	 * failure logs why, gives all back and returns -errno. BUS_LATER:
	 * device_probed() will tell.
	 */
	int (*probe)(struct device *);

	/*
	 * Read the front end's keys, map rings, bind ports. As above;
	 * BUS_LATER: device_connected() will tell.
	 */
	int (*connect)(struct device *);

	/*
	 * Let go of everything of the front end's: rings, ports. True: done;
	 * false: device_idle() will be called when it is.
	 */
	bool (*disconnect)(struct device *);

	/* Give back what probe() took. As disconnect(). */
	bool (*release)(struct device *);

	/*
	 * Our directory may have changed while the device is connected: the
	 * toolstack may want something. NULL: it never does.
	 */
	void (*changed)(struct device *);
};

/**
 * Connects to the store and takes up the devices that are there. The daemon
 * ends if the store does. Returns 0 or -errno.
 */
int bus_start(const struct bus_ops *ops);

/**
 * Lets requests in flight come to their end, then disconnects and releases
 * everything. States stay as they are: a successor carries on.
 */
void bus_stop(void);

/** Whether it is us who end: a successor will want what release() gives. */
bool bus_stopping(void);

/** probe() or connect() has come to its end: 0 or -errno. */
void device_probed(struct device *d, int rc);
void device_connected(struct device *d, int rc);

/** disconnect() or release() has come to its end. */
void device_idle(struct device *d);

/**
 * The front end broke the protocol: logs @fmt and ends the device, which
 * leaves through disconnect() and state 5. May be called from any callback
 * of the driver's own, not from within the four above.
 */
void device_stop(struct device *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** Log with the device's name. */
#define device_log(d, ...) log_line((d)->name, __VA_ARGS__)

/* --- the store, for drivers ---------------------------------------------- */

/** Writes a key of our directory. Returns 0 or -errno. */
int device_publish(struct device *d, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * The same, and our state again in the same step: front ends read some keys
 * anew when they see it. Removes the key @done. Returns 0 or -errno.
 */
int device_publish_again(struct device *d, const char *key, const char *value,
			 const char *done);

/** Reads a key of our directory. Returns the text for free(), or NULL. */
char *device_param(struct device *d, const char *key);

/** Reads a number of our directory; @fallback if missing or no number. */
uint64_t device_param_number(struct device *d, const char *key,
			     uint64_t fallback);

/** Reads a key of the front end's. Returns the text for free(), or NULL. */
char *device_front(struct device *d, const char *key);

/**
 * Reads a number of the front end's that must lie within [@min, @max].
 * Returns 0, -ENOENT if it is missing, -EINVAL if it is anything else.
 */
int device_front_number(struct device *d, const char *key, uint64_t min,
			uint64_t max, uint64_t *number);

#endif

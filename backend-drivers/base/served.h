/*
 * Devices that are each served by a process of their own. The supervisor has
 * the store (bus.h), and looks at nothing that a guest writes but keys of the
 * store; the worker has the device and the rings, and no way to the store.
 *
 *   supervisor                              worker
 *   prepare(): our directory's keys
 *   fork ---------------------------------> open(): the disk, the tap
 *                                           all other rights are given up
 *   opened(): publish    <----- facts ------
 *   read_front(): keys   ------ setup -----> connect(): rings, ports
 *                        <----- result -----
 *   changed(): wishes    ------ order -----> order()
 *   news()               <----- news -------
 *   "stopped: ..."       <----- why --------  served_stop()
 *                        ------------------> disconnect()
 *                        <------------------  served_idle()
 *   kill
 *
 * A worker that dies is followed by another, which opens the device anew and
 * is given the same setup: it takes the rings up where they are. One whose
 * supervisor dies ends what it has begun and then itself. Its successor waits
 * for it: each worker holds a lock on a file of its device, whose text is its
 * process number.
 *
 * struct served stands at the beginning of the driver's structure of a
 * device. fork() gives the worker a copy of it, with all that prepare() put
 * there; from there on the two do not share anything but messages.
 */
#ifndef BACKEND_BASE_SERVED_H
#define BACKEND_BASE_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/base/bus.h"
#include "backend-drivers/base/confine.h"
#include "backend-drivers/base/worker.h"

#define SERVED_BODY (WORKER_MESSAGE - 8)	/* bytes */

enum served_phase {
	SERVED_NOT,		/* no worker */
	SERVED_OPENING,		/* the bus waits for the device */
	SERVED_REFUSED,		/* it could not be had: the worker ends */
	SERVED_READY,
	SERVED_CONNECTING,	/* the bus waits for the rings */
	SERVED_SERVING,
	SERVED_DISCONNECTING,
	SERVED_ENDING,
};

struct served {
	struct device dev;
	struct worker worker;
	enum served_phase phase;
	bool open;		/* the worker that runs has said so */
	bool successor;		/* to one that died */
	int refused;		/* -errno */
	_Alignas(8) uint8_t setup[SERVED_BODY];
};

struct served_ops {
	const char *kind;	/* "vane-vbd" */
	size_t size;		/* of the driver's structure */
	unsigned int number;	/* of the kind: its users, see confine.h */
	const struct confine_call *calls;	/* ends with -1 */

	/* --- in the supervisor --- */

	/*
	 * Read our directory's keys; take what only root can take, as
	 * descriptors in worker.keep. 0 or -errno, logged.
	 */
	int (*prepare)(struct served *);
	/* The device is open (0) or cannot be had (-errno): publish that. */
	int (*opened)(struct served *, int rc, const void *facts);
	/* Read the front end's keys into setup. 0 or -errno, logged. */
	int (*read_front)(struct served *, void *setup);
	/* Our directory may have changed while connected. May be NULL. */
	void (*changed)(struct served *);
	/* The worker sent news, of any length and content. May be NULL. */
	void (*news)(struct served *, const void *news, size_t len);
	/* Give back what prepare() took; the worker is gone. May be NULL. */
	void (*release)(struct served *);

	/* --- in the worker --- */

	/*
	 * With all rights: open what the device is made of; fill facts for
	 * opened(). The loop, grants and ports are there. 0 or -errno,
	 * logged.
	 */
	int (*open)(struct served *, void *facts);
	/* Without: map the rings, bind the ports, serve. */
	int (*connect)(struct served *, const void *setup);
	/* As bus_ops.disconnect; false: served_idle() will be called. */
	bool (*disconnect)(struct served *);
	/* An order of the supervisor's. May be NULL. */
	void (*order)(struct served *, const void *order);
};

/** Serves such devices from here on. Returns 0 or -errno. */
int served_start(const struct served_ops *ops);

/** To the worker: at most SERVED_BODY bytes for order(). */
void served_order(struct served *s, const void *order, size_t len);

/* --- in the worker ----------------------------------------------------------- */

/** To the supervisor: at most SERVED_BODY bytes for news(). */
void served_news(const void *news, size_t len);

/**
 * The front end broke the protocol: @fmt says how. Do nothing more for it;
 * disconnect() will be called.
 */
void served_stop(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** disconnect() has come to its end. */
void served_idle(void);

#endif

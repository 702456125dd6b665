/*
 * A device's two halves in the store, and the states by which they find each
 * other: <xen/io/xenbus.h>, enum xenbus_state. Ours lies at device/KIND/ID of
 * this domain; its node `backend` names the other one.
 */
#ifndef FRONTEND_XENBUS_DEVICE_H
#define FRONTEND_XENBUS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

#include "frontend-drivers/xenbus/store.h"

#define DEVICE_PATH 128

struct device {
	uint16_t backend; /* its domain */
	char front[DEVICE_PATH], back[DEVICE_PATH];
};

/* Finds both halves and watches the other. -XEN_ENOENT: no such device. */
int device_find(struct device *d, const char *kind, unsigned long id);
/* Stops watching. */
void device_forget(struct device *d);

/* The other half's state; XenbusStateClosed when it is gone. */
int device_state(const struct device *d);
int device_set_state(const struct device *d, enum xenbus_state state);
/*
 * Waits until the other half is in one of the states of the mask (1 << state)
 * and returns it; -XEN_ETIMEDOUT at the time @until.
 */
int device_await(const struct device *d, unsigned int mask, uint64_t until);
/* It is about to go, or holds nothing of ours any more. */
#define DEVICE_CLOSED (1u << XenbusStateClosed)
#define DEVICE_ENDED (1u << XenbusStateClosing | DEVICE_CLOSED)

/*
 * Tells the other half to close and waits until it has, and so holds nothing
 * of ours any more: 0 or an error.
 */
int device_close(const struct device *d, uint64_t until);

/* A number that the other half tells; @absent when it tells none. */
unsigned long device_number(const struct device *d, const char *name,
			    unsigned long absent);
/* In our half: a number. */
int device_tell(const struct device *d, uint32_t tx, const char *name,
		unsigned long value);
int device_tell_text(const struct device *d, uint32_t tx, const char *name,
		     const char *value);
/* Text of our half. */
int device_own_text(const struct device *d, const char *name, char *value,
		    size_t size);

/*
 * Does @tell(arg, tx) in a transaction, again when somebody was in between:
 * 0 or the first error.
 */
int device_publish(int (*tell)(void *arg, uint32_t tx), void *arg);

#endif

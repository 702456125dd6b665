/*
 * Thin access to /dev/xen/evtchn: event channels in user space.
 *
 * One descriptor holds any number of ports. A port that fires is masked by
 * the kernel until evtchn_unmask(): take it, do the work, unmask, look once
 * more at the shared state. The descriptor can be polled for reading and
 * never blocks. Closing it unbinds all of its ports.
 *
 * Errors are negative errno values. Facts: <xen/sys/evtchn.h> of libxen-dev,
 * the kernel's evtchn driver.
 */
#ifndef TOOLSTACK_SYS_EVTCHN_H
#define TOOLSTACK_SYS_EVTCHN_H

#include <stdint.h>

/** Opens the node. Returns a descriptor (non-blocking, close-on-exec). */
int evtchn_open(void);

/** Binds a global or vCPU-0 virtual interrupt, VIRQ_*. Returns our port. */
int evtchn_bind_virq(int fd, uint32_t virq);

/**
 * Connects to @remote_port, which @domid offers us. Returns our port. It is
 * pending at once, so the first look at shared state needs no extra call.
 */
int evtchn_bind_interdomain(int fd, uint32_t domid, uint32_t remote_port);

/** Offers a fresh port to @domid. Returns our port. */
int evtchn_bind_unbound(int fd, uint32_t domid);

/** Closes one of our ports. Returns 0 or -errno. */
int evtchn_unbind(int fd, uint32_t port);

/** Sends an event through our @port. Returns 0 or -errno. */
int evtchn_notify(int fd, uint32_t port);

/**
 * Takes ports that have fired, at most @max. Returns how many, 0 when none
 * has, or -errno; -EFBIG means the kernel's buffer overflowed and events are
 * lost.
 */
int evtchn_next(int fd, uint32_t *ports, unsigned int max);

/**
 * From here on @fd only connects to @domid: what a process that serves one
 * domain needs. Cannot be undone. Returns 0 or -errno.
 */
int evtchn_restrict(int fd, uint32_t domid);

/** Lets our @port fire again. Returns 0 or -errno. */
int evtchn_unmask(int fd, uint32_t port);

#endif

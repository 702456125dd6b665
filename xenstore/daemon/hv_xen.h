/*
 * A real hypervisor, asked through the kernel's device nodes.
 */
#ifndef XENSTORE_DAEMON_HV_XEN_H
#define XENSTORE_DAEMON_HV_XEN_H

#include "xenstore/daemon/server.h"

extern const struct hv_ops hv_xen;

/* Open the device nodes: 0 or -errno, with a line in the log. */
int hv_xen_open(void);

/*
 * Join the event loop: events of rings and deaths of domains reach `srv`;
 * connect the ring of this domain's kernel.  0 or -errno.
 */
int hv_xen_start(struct server *srv);

#endif

/* What an interface's front end asks for, as its keys in the store say. */
#ifndef BACKEND_NET_FRONT_H
#define BACKEND_NET_FRONT_H

#include "backend-drivers/net/vif.h"

/** Reads and checks all of it. Returns 0 or -errno, logged. */
int front_read(struct device *d, struct vif_setup *s);

#endif

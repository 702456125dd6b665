/*
 * A tap device of Dom0: the other end of a guest's network interface. It
 * outlives whoever made it, and waits for whoever opens it next, until it is
 * told to go. Frames are read and written with a struct virtio_net_hdr
 * before them.
 */
#ifndef BACKEND_NET_TAP_H
#define BACKEND_NET_TAP_H

#include <stdbool.h>

#include "backend-drivers/net/offload.h"

/**
 * Makes a tap called @name, or opens the one that is there, puts it on
 * @bridge (NULL: on none) and brings it up, without carrier. Waits up to five
 * seconds for one that is in use still. @what receives
 * what failed, for a message. Returns the descriptor (non-blocking, close-on-exec) or -errno.
 */
int tap_open(const char *name, const char *bridge, unsigned int mtu,
	     const char **what);

/** It goes when the last descriptor of it is closed. 0 or -errno. */
int tap_forget(int fd);

/** The one called @name, which nobody uses, goes. 0, if there is none too. */
int tap_remove(const char *name);

/** Tells the kernel what the reader of the tap can take. 0 or -errno. */
int tap_set_features(int fd, const struct offload_features *f);

/** The cable: in or out. Returns 0 or -errno. */
int tap_set_carrier(int fd, bool on);

#endif

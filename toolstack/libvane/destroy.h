/*
 * Removing a domain in whatever state it is.
 */
#ifndef TOOLSTACK_LIBVANE_DESTROY_H
#define TOOLSTACK_LIBVANE_DESTROY_H

#include "toolstack/libvane/internal.h"

/*
 * Takes down devices, memory and store nodes of a domain, as far as there
 * are any, and waits until it is gone. Goes on after errors; returns the
 * first.
 */
int domain_remove(struct vane *v, uint32_t domid, const uint8_t uuid[16]);

#endif

/*
 * Defaults of this host, from /etc/vane/vane.conf (the syntax of xl.cfg).
 */
#ifndef TOOLSTACK_LIBVANE_SETTINGS_H
#define TOOLSTACK_LIBVANE_SETTINGS_H

#include "toolstack/libvane.h"

#define SETTINGS_FILE "/etc/vane/vane.conf"

struct settings {
	enum vane_backend disk, nic;	/* never VANE_BACKEND_DEFAULT */
	char bridge[16];
};

/* Without the file: our back ends, xenbr0. Tells what is wrong in it. */
int settings_load(struct vane *v, struct settings *s);

#endif

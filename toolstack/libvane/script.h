/*
 * Hot-plug scripts.
 */
#ifndef TOOLSTACK_LIBVANE_SCRIPT_H
#define TOOLSTACK_LIBVANE_SCRIPT_H

#include "toolstack/libvane/device.h"

#define SCRIPT_PATH 256

/*
 * The path of a script that a configuration names, put into @to; NULL: none,
 * or one of those whose work is done without them.
 */
const char *script_path(const char *written, char to[SCRIPT_PATH]);

/*
 * Runs a script for a device and waits for its end. @action: add, remove
 * (disks), online, offline (interfaces). Tells why it failed, in the script's
 * own words too.
 */
int script_run(struct vane *v, const struct device *d, const char *script,
	       const char *action);

#endif

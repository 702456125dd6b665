/*
 * Virtual devices: their nodes in the store, bringing up the Dom0 side, and
 * taking it down.
 *
 * A front end lives in the guest at /local/domain/N/device/KIND/D, its back
 * end in Dom0 at /local/domain/0/backend/BACK_KIND/N/D. The guest may write
 * to its directory, so the tools believe only their own record of what goes
 * with what: /libxl/N/device/KIND/D.
 */
#ifndef TOOLSTACK_LIBVANE_DEVICE_H
#define TOOLSTACK_LIBVANE_DEVICE_H

#include "toolstack/libvane/entries.h"
#include "toolstack/libvane/settings.h"

#define STORE_PATH_MAX 128

struct device {
	uint32_t domid;
	const char *kind;		/* vbd, vif: the front end's */
	const char *back_kind;		/* vbd, vif, vane-vbd, vane-vif */
	unsigned int devid;
	char front[STORE_PATH_MAX], back[STORE_PATH_MAX];
	char record[STORE_PATH_MAX];	/* the tools' own */
	bool taken;			/* a back end has been seen at it */
	bool ask;			/* the guest is to let go by itself */
};

#define DEVICE_BACKENDS "/local/domain/0/backend"

void device_init(struct device *d, uint32_t domid, const char *kind,
		 const char *back_kind, unsigned int devid);
void device_of_disk(struct device *d, uint32_t domid,
		    const struct vane_disk *disk);
void device_of_nic(struct device *d, uint32_t domid,
		   const struct vane_nic *nic);

/* Text of a key below @dir; "" where there is none. */
void device_key(struct store *s, const char *dir, const char *key, char *to,
		size_t size);

/* State of the end at @dir, -1 where there is none. */
int device_state(struct store *s, const char *dir);

/* A question for the user: who ought to serve it, is that running? */
const char *device_server(const struct device *d);

/* --- device_plan.c: before they are made --------------------------------- */

/* Tells about a file that is not there or not allowed; @path may be NULL. */
int check_file(struct vane *v, const char *what, const char *path,
	       bool writable);

/* Whether the host has what they need; tells all that is missing. */
int devices_check(struct vane *v, const struct vane_config *config);

/* A configuration whose devices have everything chosen that was left open. */
struct device_plan {
	struct vane_config config;	/* its device lists are the plan's */
	struct settings settings;
};

int devices_choose(struct vane *v, const struct vane_config *config,
		   struct device_plan *plan);
void devices_unchoose(struct device_plan *plan);

/* --- making them, taking them down --------------------------------------- */

/* Writes the nodes of a configuration's devices, inside a transaction. */
void devices_enter(struct entry_writer *w, const struct vane_config *config);

/*
 * Waits until each back end is there and does the Dom0 part of the kernel's
 * ones: loop devices, network interfaces.
 */
int devices_connect(struct vane *v, uint32_t domid,
		    const struct vane_config *config);

/*
 * Takes all devices of a domain down, whatever the guest thinks of it, and
 * removes their nodes. Returns 0 or the first error; goes on after errors.
 */
int devices_remove(struct vane *v, uint32_t domid);

/* --- hotplug.c: the Dom0 part of the kernel's back ends ------------------ */

/*
 * Gives a vbd back end its block device: @target itself, or a loop device
 * over a regular file. Writes physical-device and hotplug-status.
 */
int hotplug_disk(struct vane *v, const struct device *d,
		 const struct vane_disk *disk);

/*
 * Puts a vif back end's interface onto its bridge and switches it on. -EAGAIN
 * while the interface does not exist yet.
 */
int hotplug_nic(struct vane *v, const struct device *d,
		const struct vane_nic *nic);

/* Gives back what these two took. */
void unplug(struct vane *v, const struct device *d);

#endif

/*
 * What the commands for devices of living domains share: block-attach,
 * block-detach, block-list and the same of network. Each returns an exit status.
 */
#ifndef TOOLSTACK_VANE_DEVICES_H
#define TOOLSTACK_VANE_DEVICES_H

#include "toolstack/vane/vane.h"

/*
 * DOMAIN and what describes the device, whose words are joined by commas and
 * given to @one; it tells findings in @report.
 */
int device_attach(int argc, char **argv,
		  int (*one)(struct vane *v, uint32_t domid, const char *text,
			     struct vane_report *report));

#define DETACH_OPTIONS \
	"    --force  without asking the guest, which may lose data\n"

/*
 * DOMAIN and a device of the store's @kind, whose number @find makes of what
 * the user writes; it returns 0, or -errno after a message.
 */
int device_detach(const struct command *c, int argc, char **argv,
		  const char *kind,
		  int (*find)(struct vane *v, uint32_t domid, const char *text,
			      unsigned int *devid));

/* The columns of one kind, and what its JSON has that others have not. */
struct device_table {
	const char *kind;
	void (*header)(void);
	void (*row)(const struct vane_device *d, uint32_t domid);
	void (*json)(yajl_gen g, const struct vane_device *d, uint32_t domid);
};

/* The devices of all domains that the arguments name. */
int device_list(const struct command *c, int argc, char **argv,
		const struct device_table *t);

#endif

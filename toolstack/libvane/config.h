/*
 * What the parts of the configuration reader share.
 */
#ifndef TOOLSTACK_LIBVANE_CONFIG_H
#define TOOLSTACK_LIBVANE_CONFIG_H

#include <stddef.h>

#include "toolstack/libvane/cfg.h"

/* Where the value of a setting stands, for findings about it. */
struct spec {
	struct vane_report *report;
	struct place place;
	const char *key;		/* disk, vif */
};

/*
 * One disk or vif specification. 0 with *@disk or *@nic filled (its texts
 * are the caller's), or -EINVAL after findings.
 */
int disk_parse(const struct spec *spec, const char *text,
	       struct vane_disk *disk);
int nic_parse(const struct spec *spec, const char *text,
	      struct vane_nic *nic);

/* "vane", "phy", "linux", ...: 0 and *@backend, or -EINVAL. */
int backend_parse(const char *text, enum vane_backend *backend);
#define BACKEND_ALLOWED "vane (ours), phy or linux (the kernel's)"

/* --- config.c has the table of keys, config_values.c what they take ------- */

/* What the table's functions work on. */
struct maker {
	struct vane_config *config;
	struct cfg *cfg;
	struct vane_report *report;
};

struct key;
typedef void config_take_fn(struct maker *m, struct cfg_setting *s,
		     const struct key *key);

struct key {
	const char *name;
	config_take_fn *take;
	size_t offset;			/* in struct vane_config */
	uint64_t min, max;
};

#define AT(member) offsetof(struct vane_config, member)

/* Where a value stands; NULL: where the setting's name does. */
struct place config_place(const struct cfg_setting *s,
			  const struct cfg_value *value);

/* Reports the value of a setting; the text says what is allowed. */
void config_wrong(struct maker *m, const struct cfg_setting *s,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

config_take_fn config_number, config_bool, config_mib, config_text,
	config_path, config_name, config_uuid, config_action,
	config_type, config_tsc_mode, config_frames, config_cpus,
	config_disks, config_nics, config_part, config_ignored,
	config_unsupported;

#endif

/*
 * What the parts of the configuration reader share.
 */
#ifndef TOOLSTACK_LIBVANE_CONFIG_H
#define TOOLSTACK_LIBVANE_CONFIG_H

#include <stddef.h>

#include "toolstack/libvane/cfg.h"
#include "toolstack/libvane/text.h"

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

/* "no discard": VANE_ERROR, or VANE_WARNING where a configuration is only
 * to be described. */
enum vane_level refusal(const struct vane_report *report);

/* "vane", "phy", "linux", ...: 0 and *@backend, or -EINVAL. */
int backend_parse(const char *text, enum vane_backend *backend);

/** True if @target is the URI of a disk of the network. */
bool disk_is_remote(const char *target);
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
	unsigned int said;		/* VANE_SAID_* */
};

#define AT(member) offsetof(struct vane_config, member)

/* Where a value stands; NULL: where the setting's name does. */
struct place config_place(const struct cfg_setting *s,
			  const struct cfg_value *value);

/* Reports the value of a setting; the text says what is allowed. */
void config_wrong(struct maker *m, const struct cfg_setting *s,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Texts by value: actions, time modes, disk formats. NULL ends them. */
extern const char *const config_actions[], *const config_tsc_modes[],
	*const config_disk_formats[];

config_take_fn config_number, config_bool, config_mib, config_text,
	config_path, config_name, config_uuid, config_action,
	config_type, config_tsc_mode, config_frames, config_cpus,
	config_disks, config_nics, config_part, config_args;

/* --- what is written the same way in every form --------------------------- */

/* Where settings go; a text may be NULL: it was not said. */
struct config_sink {
	void (*text)(void *to, const char *name, const char *value);
	void (*number)(void *to, const char *name, long long value);
	void (*texts)(void *to, const char *name, char *const *list,
		      unsigned int count);
};

/* Those that xl.cfg and xl's JSON call by one name. */
void config_same(const struct vane_config *c, const struct config_sink *sink,
		 void *to);

/* A MAC address as text; NULL: none was chosen. */
const char *config_mac(const struct vane_nic *n, char text[MAC_TEXT]);

/* --- config_other.c: settings that are only described --------------------- */

enum other_kind {
	OTHER_BOOL,			/* "True" or "False" */
	OTHER_NUMBER, OTHER_MIB, OTHER_TEXT,
	OTHER_WORD,			/* - is _ in JSON */
	OTHER_LIST,			/* of texts */
	OTHER_NUMBERS,
	OTHER_NONE,			/* nothing in JSON */
};

struct other_key {
	const char *name;		/* in xl.cfg */
	const char *section, *json;	/* in JSON: c_info, b_info, type.pv */
	enum other_kind kind;
	bool refused;			/* a domain without it is another one */
	const char *const *words;	/* what a word may be, ended by NULL */
};

struct vane_other {
	const struct other_key *key;
	char **items;			/* one, or those of a list */
	unsigned int nr_items;
};

extern const struct other_key config_others[];
extern const unsigned int config_nr_others;

const struct other_key *other_find(const char *name);
const struct other_key *other_find_json(const char *section, const char *json);

/* Takes a setting over; its value may be of a wrong kind. */
void other_take(struct maker *m, struct cfg_setting *s,
		const struct other_key *key);
/* Adds a value; 0 or -ENOMEM. @text is copied. */
int other_add(struct vane_config *c, const struct other_key *key,
	      const char *text);
void others_free(struct vane_config *c);

#endif

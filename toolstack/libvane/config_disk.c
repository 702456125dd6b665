/*
 * Disk specifications: `target, format, vdev, access` in this order, mixed
 * with `key=value` and flags. Old prefixes (phy:, file:, tap:aio:, raw:) are
 * taken off the target.
 */
#include "toolstack/libvane/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"

#define LIMIT_MAX (1ull << 40)	/* of what may be done in a second */

struct disk_reader {
	const struct spec *spec;
	struct vane_disk disk;
	char *slot[4];			/* target, format, vdev, access */
	bool failed;
};

enum { TARGET, FORMAT, VDEV, ACCESS, SLOTS };

static void fail(struct disk_reader *r, const char *what, const char *found,
		 const char *allowed)
{
	r->failed = true;
	report_add(r->spec->report, VANE_ERROR, r->spec->place, r->spec->key,
		   "%s \"%s\"; allowed: %s", what, found, allowed);
}

/* What can be described, but not had here. */
static void refuse(struct disk_reader *r, const char *what, const char *found,
		   const char *allowed)
{
	enum vane_level level = refusal(r->spec->report);

	r->failed |= level == VANE_ERROR;
	report_add(r->spec->report, level, r->spec->place, r->spec->key,
		   "%s \"%s\" is not supported; allowed: %s", what, found,
		   allowed);
}

/* Copies a text into a member that is given once. */
static void set_text(struct disk_reader *r, char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	r->failed |= !*to;
}

static void set_slot(struct disk_reader *r, unsigned int slot,
		     const char *text)
{
	static const char *const name[] = {
		"target", "format", "vdev", "access",
	};

	if (r->slot[slot]) {
		fail(r, "a second value for", name[slot], "one");
		return;
	}
	r->slot[slot] = strdup(text);
	if (!r->slot[slot])
		r->failed = true;
}

/* --- options ------------------------------------------------------------- */

static bool take_flag(struct disk_reader *r, const char *word)
{
	struct vane_disk *d = &r->disk;

	if (!strcmp(word, "cdrom"))
		d->cdrom = true;
	else if (!strcmp(word, "discard"))
		d->discard = VANE_YES;
	else if (!strcmp(word, "no-discard"))
		d->discard = VANE_NO;
	else if (!strcmp(word, "direct-io-safe"))
		d->direct_io_safe = true;
	else if (!strcmp(word, "trusted"))
		d->trusted = VANE_YES;
	else if (!strcmp(word, "untrusted"))
		d->trusted = VANE_NO;
	else
		return false;
	return true;
}

int backend_parse(const char *text, enum vane_backend *backend)
{
	static const struct {
		const char *name;
		enum vane_backend backend;
	} names[] = {
		{ "vane", VANE_BACKEND_OURS },
		{ "qdisk", VANE_BACKEND_OURS },	/* a process serves it */
		{ "tap", VANE_BACKEND_OURS },
		{ "phy", VANE_BACKEND_KERNEL },
		{ "linux", VANE_BACKEND_KERNEL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i].name)) {
			*backend = names[i].backend;
			return 0;
		}
	return -EINVAL;
}

/* A number of bytes: "10MB", "4096B"; what follows it, or NULL. */
static const char *take_size(const char *text, uint64_t *bytes)
{
	uint64_t factor = 1, n;
	char *at;

	if (!isdigit((unsigned char)*text))
		return NULL;
	n = strtoull(text, &at, 10);
	if (*at == 'K' || *at == 'M' || *at == 'G')
		factor = *at == 'K' ? 1000 : *at == 'M' ? 1000000 : 1000000000;
	at += factor > 1;
	if (*at != 'B' || n > LIMIT_MAX / factor)
		return NULL;
	*bytes = n * factor;
	return at + 1;
}

/* "10MB/s", "10MB/s@50MB": a second's bytes, and what may be saved up. */
static void take_rate(struct disk_reader *r, const char *value)
{
	uint64_t rate, burst = 0;
	const char *at = take_size(value, &rate);

	if (at && !strncmp(at, "/s", 2)) {
		at += 2;
		if (*at == '@')
			at = take_size(at + 1, &burst);
		if (at && !*at) {
			r->disk.rate = rate;
			r->disk.rate_burst = burst;
			return;
		}
	}
	fail(r, "rate", value, "as 10MB/s or 10MB/s@50MB");
}

static const char *take_count(const char *text, uint64_t *count)
{
	char *at;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*count = strtoull(text, &at, 10);
	return *count > LIMIT_MAX ? NULL : at;
}

/* "500", "500@2000": a second's requests, and what may be saved up. */
static void take_iops(struct disk_reader *r, const char *value)
{
	uint64_t iops, burst = 0;
	const char *at = take_count(value, &iops);

	if (at && *at == '@')
		at = take_count(at + 1, &burst);
	if (!at || *at) {
		fail(r, "iops", value, "as 500 or 500@2000");
		return;
	}
	r->disk.iops = iops;
	r->disk.iops_burst = burst;
}

static void take_option(struct disk_reader *r, const char *key,
			const char *value)
{
	static const char *const keys[] = {
		"target", "format", "vdev", "access", "devtype", "backend",
		"backendtype", "specification", "script", "rate", "iops",
	};
	const char *near;

	if (!strcmp(key, "format")) {
		set_slot(r, FORMAT, value);
	} else if (!strcmp(key, "vdev")) {
		set_slot(r, VDEV, value);
	} else if (!strcmp(key, "access")) {
		set_slot(r, ACCESS, value);
	} else if (!strcmp(key, "devtype")) {
		if (!strcmp(value, "cdrom"))
			r->disk.cdrom = true;
		else if (strcmp(value, "disk"))
			fail(r, "devtype", value, "disk or cdrom");
	} else if (!strcmp(key, "backendtype")) {
		set_text(r, &r->disk.backend_type, value);
		if (!strcmp(value, "standalone"))
			refuse(r, key, value, BACKEND_ALLOWED);
		else if (backend_parse(value, &r->disk.backend))
			fail(r, key, value, BACKEND_ALLOWED);
	} else if (!strcmp(key, "backend")) {
		set_text(r, &r->disk.backend_domain, value);
		if (strcmp(value, "0") && strcmp(value, "Domain-0"))
			refuse(r, key, value, "0 or Domain-0");
	} else if (!strcmp(key, "specification")) {
		set_text(r, &r->disk.specification, value);
		if (!strcmp(value, "virtio"))
			refuse(r, key, value, "xen");
		else if (strcmp(value, "xen"))
			fail(r, key, value, "xen");
	} else if (!strcmp(key, "script")) {
		set_text(r, &r->disk.script, value);
	} else if (!strcmp(key, "rate")) {
		take_rate(r, value);
	} else if (!strcmp(key, "iops")) {
		take_iops(r, value);
	} else {
		near = nearest_name(key, keys, sizeof(keys) / sizeof(keys[0]));
		r->failed = true;
		report_add(r->spec->report, VANE_ERROR, r->spec->place,
			   r->spec->key, "there is no disk option \"%s\"%s%s%s",
			   key, near ? "; did you mean \"" : "",
			   near ? near : "", near ? "\"?" : "");
	}
}

/* A path has an = at times: a key is made of letters alone. */
static bool is_option(const char *word, const char *equals)
{
	for (const char *p = word; p < equals; p++)
		if (!islower((unsigned char)*p))
			return false;
	return equals && equals > word;
}

static char *trim(char *word)
{
	size_t n;

	word += strspn(word, " \t");
	n = strlen(word);
	while (n && (word[n - 1] == ' ' || word[n - 1] == '\t'))
		word[--n] = '\0';
	return word;
}

/* Goes through the words; target= eats what follows, commas too. */
static void read_words(struct disk_reader *r, char *text)
{
	unsigned int slot = TARGET;

	for (char *next = text; next;) {
		char *word = next + strspn(next, " \t"), *equals;

		if (!strncmp(word, "target=", 7)) {
			set_slot(r, TARGET, word + 7);
			return;
		}
		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		word = trim(word);
		equals = strchr(word, '=');
		if (is_option(word, equals)) {
			*equals = '\0';
			take_option(r, word, equals + 1);
		} else if (take_flag(r, word)) {
			continue;
		} else if (slot < SLOTS) {
			if (*word)
				set_slot(r, slot, word);
			slot++;
		} else if (*word) {
			fail(r, "one value too many:", word, "target, format, "
			     "vdev, access");
		}
	}
}

/* --- what it means ------------------------------------------------------- */

/*
 * Prefixes of the old form, `PREFIX:...TARGET, VDEV, ACCESS`: some say
 * nothing, some a format, some a script. Several may follow each other.
 */
static const struct prefix {
	const char *text;
	const char *format, *script;
} prefixes[] = {
	{ "phy:", NULL, NULL }, { "file:", NULL, NULL },
	{ "aio:", NULL, NULL }, { "tap:", NULL, NULL },
	{ "tap2:", NULL, NULL }, { "tapdisk:", NULL, NULL },
	{ "ioemu:", NULL, NULL }, { "raw:", "raw", NULL },
	{ "qcow:", "qcow", NULL }, { "qcow2:", "qcow2", NULL },
	{ "vhd:", "vhd", NULL }, { "iscsi:", NULL, "block-iscsi" },
	{ "nbd:", NULL, "block-nbd" }, { "enbd:", NULL, "block-enbd" },
	{ "drbd:", NULL, "block-drbd" },
};

bool disk_is_remote(const char *target)
{
	return !strncmp(target, "nbd://", 6) ||
	       !strncmp(target, "nbd+unix://", 11);
}

static const struct prefix *prefix_of(const char *target)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(target, prefixes[i].text,
			     strlen(prefixes[i].text)))
			return &prefixes[i];
	return NULL;
}

static bool is_format(const char *word)
{
	for (unsigned int i = 0; config_disk_formats[i]; i++)
		if (!strcmp(word, config_disk_formats[i]))
			return true;
	return false;
}

/* The old form has no place for a format: what follows moves up. */
static void shift_slots(struct disk_reader *r)
{
	if (r->slot[FORMAT] && !r->slot[ACCESS] &&
	    !is_format(r->slot[FORMAT])) {
		r->slot[ACCESS] = r->slot[VDEV];
		r->slot[VDEV] = r->slot[FORMAT];
		r->slot[FORMAT] = NULL;
	}
}

static void strip_prefix(struct disk_reader *r)
{
	char *target = r->slot[TARGET];
	const struct prefix *p;
	bool any = false;

	/* An empty drive of old: ",hdc:cdrom,r". */
	if (!target && r->slot[FORMAT] && strchr(r->slot[FORMAT], ':'))
		shift_slots(r);
	while (target && !disk_is_remote(target) && (p = prefix_of(target))) {
		size_t n = strlen(p->text);

		memmove(target, target + n, strlen(target + n) + 1);
		if (!any)
			shift_slots(r);
		any = true;
		if (p->script)
			take_option(r, "script", p->script);
		if (p->format && !r->slot[FORMAT])
			set_slot(r, FORMAT, p->format);
	}
}

const char *const config_disk_formats[] = {
	[VANE_DISK_RAW] = "raw", [VANE_DISK_EMPTY] = "empty",
	[VANE_DISK_QCOW] = "qcow", [VANE_DISK_QCOW2] = "qcow2",
	[VANE_DISK_VHD] = "vhd", [VANE_DISK_QED] = "qed",
	[VANE_DISK_VMDK] = "vmdk", NULL,
};

static void take_format(struct disk_reader *r)
{
	const char *format = r->slot[FORMAT];
	unsigned int i = 0;

	if (!format || !*format)
		return;
	while (config_disk_formats[i] && strcmp(format, config_disk_formats[i]))
		i++;
	if (!config_disk_formats[i])
		fail(r, "format", format, "raw, empty, qcow, qcow2, vhd, qed, "
		     "vmdk");
	r->disk.format = i;
}

static void take_access(struct disk_reader *r)
{
	const char *access = r->slot[ACCESS];

	/* Nobody writes to a CD, whatever the configuration says. */
	r->disk.readonly = r->disk.cdrom;
	if (!access || !strcmp(access, "w") || !strcmp(access, "rw"))
		return;
	if (!strcmp(access, "r") || !strcmp(access, "ro"))
		r->disk.readonly = true;
	else
		fail(r, "access", access, "r, ro, w, rw");
}

static void take_vdev(struct disk_reader *r)
{
	char *vdev = r->slot[VDEV], *kind;

	if (!vdev) {
		fail(r, "no vdev in", r->slot[TARGET] ? r->slot[TARGET] : "",
		     "target, format, vdev, access");
		return;
	}
	/* Of a time when the emulated devices were named apart: nothing. */
	if (!strncmp(vdev, "ioemu:", 6))
		vdev += 6;
	kind = strchr(vdev, ':');
	if (kind) {
		*kind++ = '\0';
		if (!strcmp(kind, "cdrom"))
			r->disk.cdrom = true;
		else if (strcmp(kind, "disk"))
			fail(r, "device type", kind, "cdrom, disk");
	}
	if (vdev_parse(vdev, &r->disk.devid))
		fail(r, "vdev", vdev, "xvda, xvdb1, sda, hdc, d0p1 or a "
		     "number");
	else
		r->disk.vdev = strdup(vdev);
}

static void take_target(struct disk_reader *r)
{
	const char *target = r->slot[TARGET];

	if (target && *target && r->disk.format != VANE_DISK_EMPTY) {
		set_text(r, &r->disk.target, target);
		/* For xl it lies in /dev, unless a script says otherwise. */
		if (*target != '/' && !r->disk.script &&
		    !disk_is_remote(target))
			refuse(r, "target", target, "an absolute path, or "
			       "nbd://HOST/NAME");
	} else if (r->disk.cdrom) {
		r->disk.format = VANE_DISK_EMPTY;
	} else {
		fail(r, "no target for", r->disk.vdev ? r->disk.vdev : "",
		     "a path; only a cdrom may be empty");
	}
}

int disk_parse(const struct spec *spec, const char *text,
	       struct vane_disk *disk)
{
	struct disk_reader r = { .spec = spec };
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	r.disk.line = spec->place.line;
	read_words(&r, copy);
	strip_prefix(&r);
	take_vdev(&r);
	take_format(&r);
	take_access(&r);
	take_target(&r);
	if (r.disk.backend == VANE_BACKEND_KERNEL && r.disk.target &&
	    (r.disk.format >= VANE_DISK_QCOW || disk_is_remote(r.disk.target)))
		refuse(&r, "format", config_disk_formats[r.disk.format],
		       "with our back end (backendtype=vane)");
	if (r.disk.script && strcmp(r.disk.script, "block") &&
	    r.disk.backend == VANE_BACKEND_OURS)
		refuse(&r, "script", r.disk.script, "with the kernel's back "
		       "end (backendtype=phy)");
	for (unsigned int i = 0; i < SLOTS; i++)
		free(r.slot[i]);
	free(copy);
	if (r.failed) {
		vane_disk_free(&r.disk);
		return -EINVAL;
	}
	*disk = r.disk;
	return 0;
}

void vane_disk_free(struct vane_disk *disk)
{
	free(disk->target);
	free(disk->vdev);
	free(disk->script);
	free(disk->backend_domain);
	free(disk->backend_type);
	free(disk->specification);
	disk->target = disk->vdev = disk->script = NULL;
	disk->backend_domain = disk->backend_type = NULL;
	disk->specification = NULL;
}

int vane_disk_parse(struct vane_disk *disk, const char *text,
		    struct vane_report *report)
{
	const struct spec spec = {
		.report = report, .place.file = "command line", .key = "disk",
	};

	return disk_parse(&spec, text, disk);
}

/*
 * A domain's nodes in the store. See entries.h.
 *
 * New nodes inherit the rights of their parent, so only the roots and what
 * the guest may write need rights of their own.
 */
#include "toolstack/libvane/entries.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "toolstack/libvane/device.h"
#include "toolstack/libvane/text.h"

#define CONSOLE_LIMIT	1048576		/* bytes a console may buffer */

static unsigned int make_perms(enum entry_perms perms, uint32_t domid,
			       struct store_perm list[2])
{
	list[0] = (struct store_perm) { 0, STORE_PERM_NONE };
	list[1] = (struct store_perm) { domid, STORE_PERM_READ };
	switch (perms) {
	case READABLE:
		return 2;
	case FRONT:
		list[1].domid = 0;
		list[0].domid = domid;
		return 2;
	case GUESTS:
		list[0].domid = domid;
		return 1;
	default:
		return 1;
	}
}

static void write_entry(struct entry_writer *w, enum entry_perms perms,
			const char *path, const char *value, size_t len)
{
	struct store_perm list[2];

	if (w->rc)
		return;
	w->rc = store_write(w->store, w->tx, path, value, len);
	if (!w->rc && perms != INHERIT)
		w->rc = store_set_perms(w->store, w->tx, path, list,
					make_perms(perms, w->domid, list));
}

static void __attribute__((format(printf, 4, 0)))
entry_v(struct entry_writer *w, enum entry_perms perms, const char *path,
	const char *fmt, va_list ap)
{
	char value[2048];
	int n = vsnprintf(value, sizeof(value), fmt, ap);

	if (n >= (int)sizeof(value))
		w->rc = w->rc ? w->rc : -E2BIG;
	else
		write_entry(w, perms, path, value, n);
}

void entry(struct entry_writer *w, enum entry_perms perms, const char *path,
	   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	entry_v(w, perms, path, fmt, ap);
	va_end(ap);
}

/* "DIR/LEAF" in @path; false: too long, which is noted. */
static bool join(struct entry_writer *w, char path[STORE_PATH_MAX],
		 const char *dir, const char *leaf)
{
	size_t above = strlen(dir), below = strlen(leaf);

	if (above + 1 + below >= STORE_PATH_MAX) {
		w->rc = w->rc ? w->rc : -E2BIG;
		return false;
	}
	memcpy(path, dir, above);
	path[above] = '/';
	memcpy(path + above + 1, leaf, below + 1);
	return true;
}

/* The same below a directory. */
static void __attribute__((format(printf, 5, 6)))
put(struct entry_writer *w, enum entry_perms perms, const char *dir,
    const char *leaf, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (join(w, path, dir, leaf))
		entry_v(w, perms, path, fmt, ap);
	va_end(ap);
}

static void put_text(struct entry_writer *w, enum entry_perms perms,
		     const char *dir, const char *leaf, const char *text)
{
	char path[STORE_PATH_MAX];

	if (join(w, path, dir, leaf))
		write_entry(w, perms, path, text, strlen(text));
}

/*
 * A domain's own nodes are written one by one, all in one batch: nobody looks
 * at them before the domain is introduced, and when they cannot be written
 * the domain is removed with them.
 */
int entries_reserve(struct vane *v, uint32_t domid, const char *name)
{
	struct entry_writer w = { .tx = STORE_NO_TX, .domid = domid };
	char home[STORE_PATH_MAX];
	int rc = vane_store(v, &w.store);

	if (rc)
		return rc;
	snprintf(home, sizeof(home), "/local/domain/%u", domid);
	w.rc = store_batch_begin(w.store);
	/* A domain that died without its tools may have left something. */
	if (!w.rc)
		w.rc = store_rm(w.store, STORE_NO_TX, home);
	entry(&w, READABLE, home, "%s", "");
	put_text(&w, INHERIT, home, "name", name);
	rc = store_batch_end(w.store);
	rc = w.rc ? w.rc : rc;
	return vane_nodes_refused(v, rc, name);
}

static void put_home(struct entry_writer *w, const char *home,
		     const struct vane_config *config, const char *uuid)
{
	static const char *const guests[] = {
		"device/suspend/event-channel", "control/shutdown",
		"control/feature-poweroff", "control/feature-reboot",
		"control/feature-suspend", "control/sysrq", "data",
		"drivers", "feature", "attr", "error",
	};
	char leaf[48];

	put(w, INHERIT, home, "vm", "/vm/%s", uuid);
	put(w, INHERIT, home, "domid", "%u", w->domid);
	for (unsigned int i = 0; i < config->maxvcpus; i++) {
		snprintf(leaf, sizeof(leaf), "cpu/%u/availability", i);
		put_text(w, INHERIT, home, leaf,
			 i < config->vcpus ? "online" : "offline");
	}
	put(w, INHERIT, home, "memory/static-max", "%llu",
	    (unsigned long long)config->maxmem_kib);
	put(w, INHERIT, home, "memory/target", "%llu",
	    (unsigned long long)config->memory_kib);
	put_text(w, INHERIT, home, "memory/videoram", "0");
	put_text(w, INHERIT, home, "device", "");
	put_text(w, INHERIT, home, "control", "");
	for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
		put_text(w, GUESTS, home, guests[i], "");
	put_text(w, INHERIT, home,
		 "control/platform-feature-multiprocessor-suspend", "1");
	put_text(w, INHERIT, home,
		 "control/platform-feature-xs_reset_watches", "1");
}

static void put_console(struct entry_writer *w, const char *home,
			const struct build *b)
{
	char back[STORE_PATH_MAX], record[STORE_PATH_MAX];

	snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/0",
		 w->domid);
	put_text(w, INHERIT, home, "console/backend", back);
	put_text(w, FRONT, home, "console/backend-id", "0");
	put(w, INHERIT, home, "console/limit", "%d", CONSOLE_LIMIT);
	put_text(w, INHERIT, home, "console/type", "xenconsoled");
	put_text(w, INHERIT, home, "console/output", "pty");
	put_text(w, INHERIT, home, "console/tty", "");
	put(w, INHERIT, home, "console/port", "%d", b->console_port);
	put(w, INHERIT, home, "console/ring-ref", "%llu",
	    (unsigned long long)b->p2m[b->layout.console_pfn]);
	entry(w, READABLE, back, "%s", "");
	put(w, INHERIT, back, "frontend", "%s/console", home);
	put(w, INHERIT, back, "frontend-id", "%u", w->domid);
	put_text(w, INHERIT, back, "online", "1");
	put_text(w, INHERIT, back, "state", "1");
	put_text(w, INHERIT, back, "protocol", "vt100");
	snprintf(record, sizeof(record), "/libxl/%u/device/console/0",
		 w->domid);
	put(w, INHERIT, record, "frontend", "%s/console", home);
	put_text(w, INHERIT, record, "backend", back);
}

static void put_vm(struct entry_writer *w, const struct vane_config *config,
		   const char *uuid)
{
	char vm[STORE_PATH_MAX];
	struct timespec now;

	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	clock_gettime(CLOCK_REALTIME, &now);
	entry(w, READABLE, vm, "%s", "");
	put_text(w, INHERIT, vm, "uuid", uuid);
	put_text(w, INHERIT, vm, "name", config->name);
	put_text(w, INHERIT, vm, "image/ostype", "linux");
	put_text(w, INHERIT, vm, "image/kernel", config->kernel_name ?
		 config->kernel_name : config->kernel);
	if (config->ramdisk)
		put_text(w, INHERIT, vm, "image/ramdisk",
			 config->ramdisk_name ? config->ramdisk_name :
			 config->ramdisk);
	put_text(w, INHERIT, vm, "image/cmdline",
		 config->cmdline ? config->cmdline : "");
	put(w, INHERIT, vm, "start_time", "%lld.%02ld",
	    (long long)now.tv_sec, now.tv_nsec / 10000000);
}

static void put_record(struct entry_writer *w)
{
	char record[STORE_PATH_MAX];

	snprintf(record, sizeof(record), "/libxl/%u", w->domid);
	entry(w, TOOLS, record, "%s", "");
	put_text(w, INHERIT, record, "device", "");
	put_text(w, INHERIT, record, "type", "pv");
	put_text(w, INHERIT, record, "dm-version", "qemu_xen");
}

/* All but its devices. */
static int write_own(struct store *s, const struct build *b, const char *uuid)
{
	struct entry_writer w = {
		.store = s, .tx = STORE_NO_TX, .domid = b->domid,
	};
	char home[STORE_PATH_MAX];
	int rc;

	w.rc = store_batch_begin(s);
	snprintf(home, sizeof(home), "/local/domain/%u", b->domid);
	put_home(&w, home, b->config, uuid);
	put_vm(&w, b->config, uuid);
	put_record(&w);
	put(&w, INHERIT, home, "store/port", "%d", b->store_port);
	put(&w, INHERIT, home, "store/ring-ref", "%llu",
	    (unsigned long long)b->p2m[b->layout.store_pfn]);
	put_console(&w, home, b);
	rc = store_batch_end(s);
	return w.rc ? w.rc : rc;
}

/* Back ends take a device as soon as they see it: it is there as a whole. */
static int write_devices(struct store *s, store_tx tx, void *arg)
{
	const struct build *b = arg;
	struct entry_writer w = { .store = s, .tx = tx, .domid = b->domid };
	int rc;

	w.rc = store_batch_begin(s);
	devices_enter(&w, b->config);
	rc = store_batch_end(s);
	return w.rc ? w.rc : rc;
}

int entries_write(struct vane *v, struct build *b, const uint8_t uuid[16])
{
	char text[UUID_TEXT];
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	uuid_format(uuid, text);
	rc = write_own(s, b, text);
	if (!rc && (b->config->nr_disks || b->config->nr_nics))
		rc = store_transaction(s, write_devices, b);
	return vane_nodes_refused(v, rc, b->config->name);
}

/* Removes a directory if nothing is in it. */
static int prune(struct store *s, store_tx tx, const char *path)
{
	unsigned int count;
	char **names;
	int rc = store_directory(s, tx, path, &names, &count);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	free(names);
	return count ? 0 : store_rm(s, tx, path);
}

/* What came with the first domain goes with the last. */
static int prune_shared(struct store *s, store_tx tx, void *arg)
{
	static const char *const shared[] = {
		"/local/domain/0/backend/console", "/local/domain/0/backend",
		"/libxl", "/vm",
	};
	int rc = 0;

	(void)arg;
	for (unsigned int i = 0; !rc && i < 4; i++)
		rc = prune(s, tx, shared[i]);
	return rc;
}

/*
 * One after another, and not in a transaction: Debian's xenstored removes
 * what the guest owned as soon as the domain is dead, and refuses every
 * transaction that has removed some of it as well, with -ENOMEM.
 */
static int remove_roots(struct store *s, uint32_t domid,
			const uint8_t uuid[16])
{
	static const char *const parent[] = {
		"/local/domain/0/backend/console", "/libxl", "/local/domain",
	};
	char path[STORE_PATH_MAX], text[UUID_TEXT];
	int rc;

	uuid_format(uuid, text);
	snprintf(path, sizeof(path), "/vm/%s", text);
	rc = store_rm(s, STORE_NO_TX, path);
	for (unsigned int i = 0; (!rc || rc == -ENOENT) && i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%u", parent[i], domid);
		rc = store_rm(s, STORE_NO_TX, path);
	}
	return rc == -ENOENT ? 0 : rc;
}

int entries_remove(struct vane *v, uint32_t domid, const uint8_t uuid[16])
{
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	rc = remove_roots(s, domid, uuid);
	if (!rc)
		rc = store_transaction(s, prune_shared, NULL);
	return rc ? vane_fail(v, rc, "domain %u: removing its nodes: %s (once "
			      "the store answers, `vane destroy %u` again)",
			      domid, strerror(-rc), domid) : 0;
}

#define ERRORS "/local/domain/0/error"

/* The domain's, then what has become empty above them. */
static int remove_errors(struct store *s, store_tx tx, void *arg)
{
	static const char *const kinds[] = { "vbd", "vif" };
	char path[STORE_PATH_MAX];
	int rc = 0;

	for (unsigned int i = 0; !rc && i < 2; i++) {
		snprintf(path, sizeof(path), ERRORS "/backend/%s/%u", kinds[i],
			 *(const uint32_t *)arg);
		rc = store_rm(s, tx, path);
		if (rc == -ENOENT)
			rc = 0;
		snprintf(path, sizeof(path), ERRORS "/backend/%s", kinds[i]);
		if (!rc)
			rc = prune(s, tx, path);
	}
	if (!rc)
		rc = prune(s, tx, ERRORS "/backend");
	return rc ? rc : prune(s, tx, ERRORS);
}

void entries_forget_errors(struct vane *v, uint32_t domid)
{
	struct store *s;

	if (!vane_store(v, &s) &&
	    store_exists(s, STORE_NO_TX, ERRORS "/backend") == 1)
		(void)store_transaction(s, remove_errors, &domid);
}

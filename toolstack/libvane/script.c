/*
 * Hot-plug scripts: programs that do the Dom0 part of a device where the
 * configuration names one (docs/hot-plug.md has the contract, which is that
 * of libxl's scripts). What a script writes to standard error and output is a
 * part of the error that the user sees.
 */
#include "toolstack/libvane/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/child.h"

#ifndef SCRIPT_MS
#define SCRIPT_MS	40000
#endif

#define SCRIPT_DIR	"/etc/xen/scripts/"

const char *script_path(const char *written, char to[SCRIPT_PATH])
{
	if (!written || !*written)
		return NULL;
	snprintf(to, SCRIPT_PATH, "%s%s", *written == '/' ? "" : SCRIPT_DIR,
		 written);
	return !strcmp(to, SCRIPT_DIR "block") ||
		!strcmp(to, SCRIPT_DIR "vif-bridge") ? NULL : to;
}

/* In the child. */
static void set_environment(void *arg)
{
	const struct device *d = arg;
	char text[STORE_PATH_MAX];

	setenv("XENBUS_TYPE", d->kind, 1);
	/* Relative to Dom0's directory, as scripts use it. */
	snprintf(text, sizeof(text), "backend/%s/%u/%u", d->back_kind,
		 d->domid, d->devid);
	setenv("XENBUS_PATH", text, 1);
	setenv("XENBUS_BASE_PATH", "backend", 1);
	if (strcmp(d->kind, "vif"))
		return;
	snprintf(text, sizeof(text), "vif%u.%u", d->domid, d->devid);
	setenv("vif", text, 1);
	setenv("netdev", text, 1);
}

/* Scripts tell in the store too, and may fail without a status. */
static bool told_failure(struct vane *v, const struct device *d, char *why,
			 size_t size)
{
	char status[32];
	struct store *s;

	why[0] = '\0';
	if (vane_store(v, &s))
		return false;
	device_key(s, d->back, "hotplug-error", why, size);
	device_key(s, d->back, "hotplug-status", status, sizeof(status));
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	return why[0] || !strcmp(status, "error") || !strcmp(status, "busy");
}

int script_run(struct vane *v, const struct device *d, const char *script,
	       const char *action)
{
	const char *const argv[] = {
		script, action, strcmp(d->kind, "vif") ? NULL : "type_if=vif",
		NULL,
	};
	struct child c = {
		.argv = argv, .prepare = set_environment, .arg = (void *)d,
		.limit_ms = SCRIPT_MS,
	};
	char why[256];
	int rc;

	setenv("script", script, 1);
	rc = child_run(&c);
	unsetenv("script");
	if (!told_failure(v, d, why, sizeof(why)) && !rc)
		return 0;
	return vane_fail(v, rc ? rc : -EIO, "device %s %u of domain %u: "
			 "script %s %s %s%s%s%s%s", d->kind, d->devid,
			 d->domid, script, action, rc ? c.how : "failed",
			 why[0] ? ": " : "", why, c.text[0] ? ": " : "",
			 c.text);
}

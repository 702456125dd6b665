/*
 * A domain's name and UUID: changing them, and setting a dead domain aside so
 * that another one can take its place.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/device.h"
#include "toolstack/libvane/text.h"
#include "xenstore/client/store.h"

struct renaming {
	uint32_t domid;
	const char *name;
	const char *uuid;		/* NULL: keeps its own */
};

/* Copies a node and what lies below it. */
static int copy_tree(struct store *s, store_tx tx, const char *from,
		     const char *to)
{
	char below[STORE_PATH_MAX], copy[STORE_PATH_MAX], *value, **names;
	unsigned int count;
	size_t len;
	int rc = store_read(s, tx, from, &value, &len);

	if (rc)
		return rc;
	rc = store_write(s, tx, to, value, len);
	free(value);
	if (!rc)
		rc = store_directory(s, tx, from, &names, &count);
	if (rc)
		return rc;
	for (unsigned int i = 0; !rc && i < count; i++) {
		snprintf(below, sizeof(below), "%.80s/%.40s", from, names[i]);
		snprintf(copy, sizeof(copy), "%.80s/%.40s", to, names[i]);
		rc = copy_tree(s, tx, below, copy);
	}
	free(names);
	return rc;
}

/* The domain's directory below /vm goes where its new UUID says. */
static int move_vm(struct store *s, store_tx tx, const struct renaming *r,
		   const char *link, char **vm)
{
	struct store_perm perms[] = {
		{ 0, STORE_PERM_NONE }, { r->domid, STORE_PERM_READ },
	};
	char to[UUID_TEXT + 8], path[STORE_PATH_MAX];
	int rc;

	snprintf(to, sizeof(to), "/vm/%s", r->uuid);
	rc = store_mkdir(s, tx, to);
	if (!rc)
		rc = store_set_perms(s, tx, to, perms, 2);
	if (!rc)
		rc = copy_tree(s, tx, *vm, to);
	snprintf(path, sizeof(path), "%s/uuid", to);
	if (!rc)
		rc = store_write_str(s, tx, path, r->uuid);
	if (!rc)
		rc = store_write_str(s, tx, link, to);
	if (!rc)
		rc = store_rm(s, tx, *vm);
	free(*vm);
	*vm = rc ? NULL : strdup(to);
	return rc ? rc : *vm ? 0 : -ENOMEM;
}

static int rename_nodes(struct store *s, store_tx tx, void *arg)
{
	const struct renaming *r = arg;
	char path[STORE_PATH_MAX], *vm;
	int rc;

	snprintf(path, sizeof(path), "/local/domain/%u/name", r->domid);
	rc = store_write_str(s, tx, path, r->name);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/vm", r->domid);
	if (store_read(s, tx, path, &vm, NULL))
		return 0;
	if (r->uuid) {
		rc = move_vm(s, tx, r, path, &vm);
		if (rc)
			return rc;
	}
	snprintf(path, sizeof(path), "%.80s/name", vm);
	free(vm);
	return store_write_str(s, tx, path, r->name);
}

static int check_free(struct vane *v, uint32_t domid, const char *name)
{
	struct vane_domain *all;
	unsigned int n;
	int rc = vane_domains(v, &all, &n);

	if (rc)
		return rc;
	for (unsigned int i = 0; !rc && i < n; i++)
		if (all[i].name && !strcmp(all[i].name, name) &&
		    all[i].domid != domid)
			rc = vane_fail(v, -EEXIST, "a domain named \"%s\" "
				       "exists already, with id %u", name,
				       all[i].domid);
	vane_domains_free(all, n);
	return rc;
}

int vane_rename(struct vane *v, uint32_t domid, const char *name)
{
	struct renaming r = { .domid = domid, .name = name };
	struct store *s;
	int rc = vane_store(v, &s);

	if (!rc && !name_is_good(name))
		rc = vane_fail(v, -EINVAL, "domain %u: name: found \"%.80s\"; "
			       "allowed: " NAME_ALLOWED, domid, name);
	if (!rc)
		rc = check_free(v, domid, name);
	if (rc)
		return rc;
	rc = store_transaction(s, rename_nodes, &r);
	return rc ? vane_fail(v, rc, "domain %u: its name in the store: %s",
			      domid, strerror(-rc)) : 0;
}

int vane_set_aside(struct vane *v, uint32_t domid, const char *name)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_setdomainhandle, .domain = domid,
	};
	char text[UUID_TEXT];
	struct renaming r = { .domid = domid, .name = name, .uuid = text };
	struct store *s;
	uint8_t uuid[16];
	int rc = vane_store(v, &s);

	if (!rc)
		rc = check_free(v, domid, name);
	if (rc)
		return rc;
	uuid_make(uuid);
	uuid_format(uuid, text);
	memcpy(op.u.setdomainhandle.handle, uuid, sizeof(uuid));
	rc = store_transaction(s, rename_nodes, &r);
	if (!rc)
		rc = hv_domctl(v, &op);
	return rc < 0 ? vane_fail(v, rc, "domain %u cannot be set aside as "
				  "%s: %s", domid, name, strerror(-rc)) : 0;
}

/*
 * Which domains there are, by number, name and UUID. Numbers and states come
 * from the hypervisor, names from the store; a domain without a name there
 * is on its way in or out, or somebody else's.
 */
#include "toolstack/libvane/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "xenstore/client/store.h"

/* Domains asked for per call. */
#define BATCH	(HC_DATA_SIZE / sizeof(struct xen_domctl_getdomaininfo))

int vane_domain_name(struct vane *v, uint32_t domid, char **name)
{
	struct store *s;
	char path[48];
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	return store_read(s, STORE_NO_TX, path, name, NULL);
}

static void take_info(struct vane_domain *d,
		      const struct xen_domctl_getdomaininfo *info)
{
	memset(d, 0, sizeof(*d));
	d->domid = info->domain;
	memcpy(d->uuid, info->handle, sizeof(d->uuid));
	d->memory_kib = (info->tot_pages + info->outstanding_pages) * 4;
	d->claimed_kib = info->outstanding_pages * 4;
	d->max_kib = info->max_pages * 4;
	d->pool = info->cpupool;
	d->online_vcpus = info->nr_online_vcpus;
	d->max_vcpus = info->max_vcpu_id + 1; /* ~0 means none */
	d->cpu_ns = info->cpu_time;
	d->running = info->flags & XEN_DOMINF_running;
	d->blocked = info->flags & XEN_DOMINF_blocked;
	d->paused = info->flags & XEN_DOMINF_paused;
	d->shutdown = info->flags & XEN_DOMINF_shutdown;
	d->dying = info->flags & XEN_DOMINF_dying;
	d->shutdown_reason = (info->flags >> XEN_DOMINF_shutdownshift) &
		XEN_DOMINF_shutdownmask;
}

/* All domains, without names. */
static int list_bare(struct vane *v, struct vane_domain **list,
		     unsigned int *count)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_getdomaininfolist };
	struct xen_domctl_getdomaininfo *info = v->hc_data;
	struct vane_domain *all = NULL;
	unsigned int n = 0;
	uint32_t next = 0, got;

	do {
		struct vane_domain *more;
		int rc;

		op.u.getdomaininfolist.first_domain = next;
		op.u.getdomaininfolist.max_domains = BATCH;
		set_xen_guest_handle(op.u.getdomaininfolist.buffer,
				     (void *)info);
		rc = hv_sysctl(v, &op);
		if (rc < 0) {
			free(all);
			return vane_fail(v, rc, "list of domains: %s",
					 strerror(-rc));
		}
		got = op.u.getdomaininfolist.num_domains;
		more = realloc(all, (n + got + 1) * sizeof(*all));
		if (!more) {
			free(all);
			return vane_no_memory(v, "the list of domains");
		}
		all = more;
		for (uint32_t i = 0; i < got; i++)
			take_info(&all[n++], &info[i]);
		if (got)
			next = all[n - 1].domid + 1;
	} while (got == BATCH && next < DOMID_FIRST_RESERVED);
	*list = all;
	*count = n;
	return 0;
}

/* The names of all, by few waits; NULL where there is none. */
static int take_names(struct vane *v, struct vane_domain *all, unsigned int n)
{
	char (*text)[32] = calloc(n + 1, sizeof(*text));
	const char **paths = calloc(n + 1, sizeof(*paths));
	char **names = calloc(n + 1, sizeof(*names));
	struct store *s;
	int rc = text && paths && names ? 0 : -ENOMEM;

	for (unsigned int i = 0; !rc && i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "/local/domain/%u/name",
			 all[i].domid);
		paths[i] = text[i];
	}
	/* Without a store there are domains all the same, without names. */
	if (!rc && !vane_store(v, &s))
		(void)store_read_many(s, STORE_NO_TX, paths, n, names);
	for (unsigned int i = 0; !rc && i < n; i++)
		all[i].name = names[i];
	free(names);
	free(paths);
	free(text);
	return rc ? vane_no_memory(v, "the names of domains") : 0;
}

int vane_domains(struct vane *v, struct vane_domain **list,
		 unsigned int *count)
{
	struct vane_domain *all;
	unsigned int n;
	int rc = list_bare(v, &all, &n);

	if (rc)
		return rc;
	rc = take_names(v, all, n);
	if (rc) {
		free(all);
		return rc;
	}
	*list = all;
	*count = n;
	return 0;
}

void vane_domains_free(struct vane_domain *list, unsigned int count)
{
	for (unsigned int i = 0; list && i < count; i++)
		free(list[i].name);
	free(list);
}

int vane_domain_get(struct vane *v, uint32_t domid, struct vane_domain **d)
{
	struct xen_domctl_getdomaininfo info;
	struct vane_domain *one;
	int rc = hv_domain_info(v, domid, &info);

	if (rc)
		return vane_no_domain(v, rc, domid);
	one = malloc(sizeof(*one));
	if (!one)
		return vane_no_memory(v, "a domain's data");
	take_info(one, &info);
	if (vane_domain_name(v, domid, &one->name))
		one->name = NULL;
	*d = one;
	return 0;
}

static bool all_digits(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n && n < 6 && !text[n];
}

int vane_domain_find(struct vane *v, const char *text, uint32_t *domid)
{
	struct xen_domctl_getdomaininfo info;
	struct vane_domain *all;
	unsigned int n;
	uint8_t uuid[16];
	bool by_uuid = !uuid_parse(text, uuid);
	int rc;

	if (all_digits(text)) {
		*domid = strtoul(text, NULL, 10);
		rc = hv_domain_info(v, *domid, &info);
		return rc ? vane_no_domain(v, rc, *domid) : 0;
	}
	rc = by_uuid ? list_bare(v, &all, &n) : vane_domains(v, &all, &n);
	if (rc)
		return rc;
	rc = -ESRCH;
	for (unsigned int i = 0; i < n && rc; i++) {
		if (by_uuid)
			rc = memcmp(uuid, all[i].uuid, 16) ? -ESRCH : 0;
		else if (all[i].name)
			rc = strcmp(all[i].name, text) ? -ESRCH : 0;
		if (!rc)
			*domid = all[i].domid;
	}
	vane_domains_free(all, n);
	return rc ? vane_fail(v, rc, "there is no domain \"%s\" (`vane list` "
			      "shows them)", text) : 0;
}

static int read_affinity(struct vane *v, uint32_t domid, unsigned int vcpu,
			 struct vane_vcpu *info)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_getvcpuaffinity, .domain = domid,
	};
	uint8_t *map = v->hc_data;
	int rc;

	memset(map, 0, sizeof(info->hard) + sizeof(info->soft));
	op.u.vcpuaffinity.vcpu = vcpu;
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD |
		XEN_VCPUAFFINITY_SOFT;
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, map);
	op.u.vcpuaffinity.cpumap_hard.nr_bits = 8 * sizeof(info->hard);
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap,
			     map + sizeof(info->hard));
	op.u.vcpuaffinity.cpumap_soft.nr_bits = 8 * sizeof(info->soft);
	rc = hv_domctl(v, &op);
	if (rc < 0)
		return rc;
	memcpy(info->hard, map, sizeof(info->hard));
	memcpy(info->soft, map + sizeof(info->hard), sizeof(info->soft));
	return 0;
}

int vane_vcpu_get(struct vane *v, uint32_t domid, unsigned int vcpu,
		  struct vane_vcpu *info)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_getvcpuinfo, .domain = domid,
	};
	struct vane_vcpu got;
	int rc;

	op.u.getvcpuinfo.vcpu = vcpu;
	rc = hv_domctl(v, &op);
	if (rc < 0)
		return rc;
	got.online = op.u.getvcpuinfo.online;
	got.blocked = op.u.getvcpuinfo.blocked;
	got.running = op.u.getvcpuinfo.running;
	got.cpu_ns = op.u.getvcpuinfo.cpu_time;
	got.cpu = op.u.getvcpuinfo.cpu;
	rc = read_affinity(v, domid, vcpu, &got);
	if (rc)
		return rc;
	*info = got;
	return 0;
}

/* The path /vm/UUID of a domain, for free(). */
static int vm_path(struct vane *v, struct store *s, uint32_t domid, char **vm)
{
	char path[48];

	(void)v;
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	return store_read(s, STORE_NO_TX, path, vm, NULL);
}

int vane_domain_started(struct vane *v, uint32_t domid, int64_t *since)
{
	struct store *s;
	char path[128], *vm, *text;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	rc = vm_path(v, s, domid, &vm);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%.80s/start_time", vm);
	free(vm);
	rc = store_read(s, STORE_NO_TX, path, &text, NULL);
	if (rc)
		return rc;
	*since = strtoll(text, NULL, 10); /* "seconds.hundredths" */
	free(text);
	return 0;
}

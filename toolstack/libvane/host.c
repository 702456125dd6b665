/*
 * What the hypervisor says about itself and the machine.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/version.h>

#include "toolstack/sys/privcmd.h"

/* The log is read in pieces of this size. */
#define LOG_PIECE	(16u << 10)
#define LOG_MAX		(64u << 20)

_Static_assert(LOG_PIECE <= HC_DATA_SIZE, "a piece fits the scratch");

static uint64_t pages_kib(uint64_t pages)
{
	return pages << (PAGE_SHIFT - 10);
}

static int physinfo(struct vane *v, struct xen_sysctl_physinfo *info)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_physinfo };
	int rc = hv_sysctl(v, &op);

	if (rc < 0)
		return vane_fail(v, rc, "the hypervisor tells nothing about "
				 "the host: %s%s", strerror(-rc),
				 rc == -EACCES ? " (its interface version is "
				 "another one)" : "");
	*info = op.u.physinfo;
	return 0;
}

static uint64_t free_pages(const struct xen_sysctl_physinfo *info)
{
	uint64_t pages = info->free_pages + info->scrub_pages;

	return pages > info->outstanding_pages ?
		pages - info->outstanding_pages : 0;
}

int vane_host_memory(struct vane *v, uint64_t *total_kib, uint64_t *free_kib)
{
	struct xen_sysctl_physinfo info;
	int rc = physinfo(v, &info);

	if (rc)
		return rc;
	*total_kib = pages_kib(info.total_pages);
	*free_kib = pages_kib(free_pages(&info));
	return 0;
}

static void take_physinfo(struct vane_host *h,
			  const struct xen_sysctl_physinfo *info)
{
	h->nr_cpus = info->nr_cpus;
	h->max_cpu_id = info->max_cpu_id;
	h->nr_nodes = info->nr_nodes;
	h->cores_per_socket = info->cores_per_socket;
	h->threads_per_core = info->threads_per_core;
	h->cpu_khz = info->cpu_khz;
	memcpy(h->hw_cap, info->hw_cap, sizeof(h->hw_cap));
	h->capability_bits = info->capabilities;
	h->total_kib = pages_kib(info->total_pages);
	h->free_kib = pages_kib(info->free_pages + info->scrub_pages);
	h->outstanding_kib = pages_kib(info->outstanding_pages);
}

/* Fetches one text of xen_version; empty when there is none. */
static void version_text(struct vane *v, unsigned int cmd, char *text,
			 size_t size)
{
	if (hv_version(v, cmd, text, size) < 0)
		text[0] = '\0';
	text[size - 1] = '\0';
}

static void take_version(struct vane *v, struct vane_host *h)
{
	struct xen_compile_info compile = { 0 };
	struct xen_platform_parameters params = { 0 };
	long version = hv_version(v, XENVER_version, NULL, 0);
	long page = hv_version(v, XENVER_pagesize, NULL, 0);

	h->major = version > 0 ? version >> 16 : 0;
	h->minor = version > 0 ? version & 0xffff : 0;
	h->page_size = page > 0 ? page : 0;
	version_text(v, XENVER_extraversion, h->extra, sizeof(h->extra));
	version_text(v, XENVER_capabilities, h->capabilities,
		     sizeof(h->capabilities));
	version_text(v, XENVER_changeset, h->changeset, sizeof(h->changeset));
	version_text(v, XENVER_commandline, h->command_line,
		     sizeof(h->command_line));
	if (hv_version(v, XENVER_compile_info, &compile, sizeof(compile)) < 0)
		memset(&compile, 0, sizeof(compile));
	snprintf(h->compiler, sizeof(h->compiler), "%.63s", compile.compiler);
	snprintf(h->compiled_by, sizeof(h->compiled_by), "%.15s",
		 compile.compile_by);
	snprintf(h->compile_domain, sizeof(h->compile_domain), "%.31s",
		 compile.compile_domain);
	snprintf(h->compile_date, sizeof(h->compile_date), "%.31s",
		 compile.compile_date);
	if (hv_version(v, XENVER_platform_parameters, &params,
		       sizeof(params)) >= 0)
		h->virt_start = params.virt_start;
}

static void take_build_id(struct vane *v, struct vane_host *h)
{
	const size_t room = sizeof(h->build_id) / 2;
	/* The id follows its length. */
	uint8_t buf[sizeof(xen_build_id_t) + sizeof(h->build_id) / 2] = { 0 };
	uint32_t want = room;
	long len;

	memcpy(buf, &want, sizeof(want));
	len = hv_version(v, XENVER_build_id, buf, sizeof(buf));
	if (len < 0 || (size_t)len >= room)
		len = 0;
	for (long i = 0; i < len; i++)
		sprintf(h->build_id + 2 * i, "%02x", buf[sizeof(want) + i]);
}

static int64_t sharing(struct vane *v, unsigned int cmd)
{
	char unused = 0;
	long rc = hv_memory_op(v, cmd, &unused, sizeof(unused));

	return rc < 0 ? -1 : rc;
}

static void take_scheduler(struct vane *v, struct vane_host *h)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_sched_id };

	snprintf(h->scheduler, sizeof(h->scheduler), "%s",
		 sched_name(hv_sysctl(v, &op) < 0 ? ~0u :
			    op.u.sched_id.sched_id));
}

/* CPUs that belong to no pool. */
static unsigned int count_free_cpus(struct vane *v)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cpupool_op };
	uint8_t *map = v->hc_data;
	unsigned int count = 0;

	memset(map, 0, 128);
	op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, map);
	op.u.cpupool_op.cpumap.nr_bits = 1024;
	if (hv_sysctl(v, &op) < 0)
		return 0;
	for (unsigned int i = 0; i < 128; i++)
		count += __builtin_popcount(map[i]);
	return count;
}

int vane_host_info(struct vane *v, struct vane_host *host)
{
	struct xen_sysctl_physinfo info;
	int rc = physinfo(v, &info);

	if (rc)
		return rc;
	memset(host, 0, sizeof(*host));
	take_physinfo(host, &info);
	take_version(v, host);
	take_build_id(v, host);
	take_scheduler(v, host);
	host->free_cpus = count_free_cpus(v);
	host->sharing_freed_pages = sharing(v, XENMEM_get_sharing_freed_pages);
	host->sharing_used_pages = sharing(v, XENMEM_get_sharing_shared_pages);
	return 0;
}

static int take_cpus(struct vane *v, struct vane_topology *t)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cputopoinfo };
	struct xen_sysctl_cputopo *cpus = v->hc_data;
	int rc;

	op.u.cputopoinfo.num_cpus = HC_DATA_SIZE / sizeof(*cpus);
	set_xen_guest_handle(op.u.cputopoinfo.cputopo, cpus);
	rc = hv_sysctl(v, &op);
	if (rc < 0)
		return rc;
	t->nr_cpus = op.u.cputopoinfo.num_cpus;
	t->cpus = calloc(t->nr_cpus + 1, sizeof(*t->cpus));
	for (unsigned int i = 0; t->cpus && i < t->nr_cpus; i++) {
		t->cpus[i].core = cpus[i].core;
		t->cpus[i].socket = cpus[i].socket;
		t->cpus[i].node = cpus[i].node;
	}
	return t->cpus ? 0 : -ENOMEM;
}

static int take_nodes(struct vane *v, struct vane_topology *t)
{
	enum { MAX = 64 };
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_numainfo };
	struct xen_sysctl_meminfo *mem = v->hc_data;
	uint32_t *distances = (uint32_t *)(mem + MAX);
	unsigned int n;
	int rc;

	op.u.numainfo.num_nodes = MAX;
	set_xen_guest_handle(op.u.numainfo.meminfo, mem);
	set_xen_guest_handle(op.u.numainfo.distance, distances);
	rc = hv_sysctl(v, &op);
	if (rc < 0)
		return rc;
	n = t->nr_nodes = op.u.numainfo.num_nodes;
	t->nodes = calloc(n + 1, sizeof(*t->nodes));
	t->distances = calloc((size_t)n * n + 1, sizeof(*t->distances));
	if (!t->nodes || !t->distances)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		t->nodes[i].size = mem[i].memsize;
		t->nodes[i].free = mem[i].memfree;
	}
	memcpy(t->distances, distances, (size_t)n * n * sizeof(*distances));
	return 0;
}

int vane_topology(struct vane *v, struct vane_topology *t)
{
	struct vane_topology got = { 0 };
	int rc = take_cpus(v, &got);

	if (!rc)
		rc = take_nodes(v, &got);
	if (rc) {
		vane_topology_free(&got);
		return vane_fail(v, rc, "the host's topology: %s",
				 strerror(-rc));
	}
	*t = got;
	return 0;
}

void vane_topology_free(struct vane_topology *t)
{
	free(t->cpus);
	free(t->nodes);
	free(t->distances);
	memset(t, 0, sizeof(*t));
}

int vane_host_log(struct vane *v, bool clear, char **text)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_readconsole };
	size_t have = 0;
	char *log = NULL;
	int rc;

	op.u.readconsole.incremental = 1;
	do {
		char *more = realloc(log, have + LOG_PIECE + 1);

		if (!more) {
			free(log);
			return vane_no_memory(v, "the hypervisor's log");
		}
		log = more;
		set_xen_guest_handle(op.u.readconsole.buffer, v->hc_data);
		op.u.readconsole.count = LOG_PIECE;
		rc = hv_sysctl(v, &op);
		if (rc < 0)
			break;
		memcpy(log + have, v->hc_data, op.u.readconsole.count);
		have += op.u.readconsole.count;
	} while (op.u.readconsole.count && have < LOG_MAX);
	if (rc >= 0 && clear) {
		op.u.readconsole.incremental = 0;
		op.u.readconsole.clear = 1;
		op.u.readconsole.count = LOG_PIECE;
		rc = hv_sysctl(v, &op);
	}
	if (rc < 0) {
		free(log);
		return vane_fail(v, rc, "the hypervisor's log: %s",
				 strerror(-rc));
	}
	log[have] = '\0';
	*text = log;
	return 0;
}

int vane_debug_keys(struct vane *v, const char *keys)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_debug_keys };
	size_t len = strlen(keys);
	int rc;

	if (!len || len > HC_DATA_SIZE)
		return vane_fail(v, -EINVAL, "debug keys: %zu of them; "
				 "allowed: 1 to %zu", len,
				 (size_t)HC_DATA_SIZE);
	memcpy(v->hc_data, keys, len);
	set_xen_guest_handle(op.u.debug_keys.keys, v->hc_data);
	op.u.debug_keys.nr_keys = len;
	rc = hv_sysctl(v, &op);
	return rc < 0 ? vane_fail(v, rc, "debug keys: %s", strerror(-rc)) : 0;
}

/*
 * CPU pools: the hypervisor has them by number, their names are in the store.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/client/store.h"

#define NR_CPUS		1024u
#define BUSY_TRIES	20		/* a CPU is on its way elsewhere */

static int pool_op(struct vane *v, unsigned int op, struct xen_sysctl *s)
{
	s->cmd = XEN_SYSCTL_cpupool_op;
	s->u.cpupool_op.op = op;
	return hv_sysctl(v, s);
}

static void pool_path(unsigned int id, const char *leaf, char path[48])
{
	snprintf(path, 48, "/local/pool/%u%s", id, leaf);
}

static void take_name(struct store *s, struct vane_pool *pool)
{
	char path[48], *name;

	snprintf(pool->name, sizeof(pool->name), "Pool-%u", pool->id);
	pool_path(pool->id, "/name", path);
	if (!s || store_read(s, STORE_NO_TX, path, &name, NULL))
		return;
	snprintf(pool->name, sizeof(pool->name), "%s", name);
	free(name);
}

/* The first pool from @id on; -ENOENT: there is none. */
static int next_pool(struct vane *v, unsigned int id, struct vane_pool *pool)
{
	struct xen_sysctl op = { 0 };
	int rc;

	memset(v->hc_data, 0, sizeof(pool->cpus));
	memset(pool, 0, sizeof(*pool));
	op.u.cpupool_op.cpupool_id = id;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, v->hc_data);
	op.u.cpupool_op.cpumap.nr_bits = NR_CPUS;
	rc = pool_op(v, XEN_SYSCTL_CPUPOOL_OP_INFO, &op);
	if (rc < 0)
		return rc;
	pool->id = op.u.cpupool_op.cpupool_id;
	pool->nr_domains = op.u.cpupool_op.n_dom;
	snprintf(pool->scheduler, sizeof(pool->scheduler), "%s",
		 sched_name(op.u.cpupool_op.sched_id));
	memcpy(pool->cpus, v->hc_data, sizeof(pool->cpus));
	for (size_t i = 0; i < sizeof(pool->cpus); i++)
		pool->nr_cpus += __builtin_popcount(pool->cpus[i]);
	return 0;
}

int vane_pools(struct vane *v, struct vane_pool **list, unsigned int *count)
{
	struct vane_pool *all = NULL, *more, pool;
	struct store *s = NULL;
	unsigned int n = 0, id = 0;
	int rc;

	(void)vane_store(v, &s);
	while (!(rc = next_pool(v, id, &pool))) {
		more = realloc(all, (n + 1) * sizeof(*all));
		if (!more) {
			free(all);
			return vane_no_memory(v, "the list of CPU pools");
		}
		all = more;
		take_name(s, &pool);
		all[n++] = pool;
		id = pool.id + 1;
	}
	if (rc != -ENOENT) {
		free(all);
		return vane_fail(v, rc, "CPU pools: %s", strerror(-rc));
	}
	*list = all;
	*count = n;
	return 0;
}

int vane_pool_find(struct vane *v, const char *text, struct vane_pool *pool)
{
	struct vane_pool *list;
	unsigned int count;
	unsigned long id;
	char *end;
	int rc = vane_pools(v, &list, &count);

	if (rc)
		return rc;
	id = strtoul(text, &end, 10);
	rc = -ENOENT;
	for (unsigned int i = 0; i < count && rc; i++)
		if (!strcmp(list[i].name, text) ||
		    (*text && !*end && list[i].id == id)) {
			*pool = list[i];
			rc = 0;
		}
	free(list);
	return rc ? vane_fail(v, rc, "there is no CPU pool \"%s\" (`vane "
			      "cpupool-list` shows them)", text) : 0;
}

static int name_taken(struct vane *v, const char *name)
{
	struct vane_pool *list;
	unsigned int count;
	int rc = vane_pools(v, &list, &count);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			rc = vane_fail(v, -EEXIST, "a CPU pool named \"%s\" "
				       "exists already", name);
	free(list);
	return rc;
}

static int write_name(struct vane *v, unsigned int id, const char *name)
{
	struct store *s;
	char path[48];
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	pool_path(id, "/name", path);
	rc = store_write_str(s, STORE_NO_TX, path, name);
	return rc ? vane_fail(v, rc, "pool %s: its name in the store: %s", name,
			      strerror(-rc)) : 0;
}

static int fill(struct vane *v, unsigned int id, const uint8_t cpus[128])
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < NR_CPUS; i++)
		if (cpus[i / 8] >> i % 8 & 1)
			rc = vane_pool_cpu(v, id, i, true);
	return rc;
}

int vane_pool_create(struct vane *v, const char *name, const char *scheduler,
		     const uint8_t cpus[128], unsigned int *id)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_sched_id };
	int rc = name_taken(v, name), sched;

	if (rc)
		return rc;
	sched = scheduler ? sched_number(scheduler) : hv_sysctl(v, &op);
	if (sched < 0)
		return vane_fail(v, sched, "pool %s: there is no scheduler "
				 "\"%s\"; allowed: credit, bvt (Paravane's), "
				 "credit, credit2, rtds, null, arinc653 (Xen's)",
				 name, scheduler ? scheduler : "");
	if (!scheduler)
		sched = op.u.sched_id.sched_id;
	memset(&op, 0, sizeof(op));
	op.u.cpupool_op.cpupool_id = XEN_SYSCTL_CPUPOOL_PAR_ANY;
	op.u.cpupool_op.sched_id = sched;
	rc = pool_op(v, XEN_SYSCTL_CPUPOOL_OP_CREATE, &op);
	if (rc < 0)
		return vane_fail(v, rc, "pool %s: %s", name,
				 rc == -EINVAL ? "this hypervisor does not "
				 "have that scheduler" : strerror(-rc));
	rc = write_name(v, op.u.cpupool_op.cpupool_id, name);
	if (!rc)
		rc = fill(v, op.u.cpupool_op.cpupool_id, cpus);
	if (rc)
		(void)vane_pool_destroy(v, op.u.cpupool_op.cpupool_id);
	else
		*id = op.u.cpupool_op.cpupool_id;
	return rc;
}

int vane_pool_destroy(struct vane *v, unsigned int id)
{
	struct xen_sysctl op = { 0 };
	struct vane_pool pool;
	struct store *s;
	char path[48];
	int rc = next_pool(v, id, &pool);

	if (!rc && pool.id != id)
		rc = -ENOENT;
	if (!rc && pool.nr_domains)
		return vane_fail(v, -EBUSY, "pool %u has %u domains "
				 "(cpupool-migrate moves them)", id,
				 pool.nr_domains);
	/* A pool goes without its CPUs. */
	for (unsigned int i = 0; !rc && i < NR_CPUS; i++)
		if (pool.cpus[i / 8] >> i % 8 & 1)
			rc = vane_pool_cpu(v, id, i, false);
	op.u.cpupool_op.cpupool_id = id;
	if (!rc)
		rc = pool_op(v, XEN_SYSCTL_CPUPOOL_OP_DESTROY, &op);
	if (rc < 0)
		return vane_fail(v, rc, "pool %u: %s", id, strerror(-rc));
	if (vane_store(v, &s))
		return 0;
	pool_path(id, "", path);
	rc = store_rm(s, STORE_NO_TX, path);
	return !rc || rc == -ENOENT ? 0 :
		vane_fail(v, rc, "pool %u: its name in the store: %s", id,
			  strerror(-rc));
}

int vane_pool_rename(struct vane *v, unsigned int id, const char *name)
{
	int rc = name_taken(v, name);

	return rc ? rc : write_name(v, id, name);
}

int vane_pool_cpu(struct vane *v, unsigned int id, unsigned int cpu, bool add)
{
	int rc, tries = 0;

	do {
		struct xen_sysctl op = { 0 };

		op.u.cpupool_op.cpupool_id = id;
		op.u.cpupool_op.cpu = cpu;
		rc = pool_op(v, add ? XEN_SYSCTL_CPUPOOL_OP_ADDCPU :
			     XEN_SYSCTL_CPUPOOL_OP_RMCPU, &op);
	} while (rc == -EAGAIN && tries++ < BUSY_TRIES);
	if (rc >= 0)
		return 0;
	return vane_fail(v, rc, "CPU %u %s pool %u: %s", cpu,
			 add ? "to" : "from", id,
			 rc == -ENODEV ? add ? "it belongs to a pool already" :
			 "it is not in that pool" :
			 rc == -EBUSY ? "it is the last one of a pool with "
			 "domains" :
			 rc == -EINVAL ? "there is no such CPU" :
			 rc == -EADDRINUSE ? "a vCPU is bound to it for a "
			 "while" :
			 strerror(-rc));
}

int vane_pool_move(struct vane *v, unsigned int id, uint32_t domid)
{
	struct xen_sysctl op = { 0 };
	struct xen_domctl_getdomaininfo info;
	int rc = hv_domain_info(v, domid, &info);

	if (!rc && info.cpupool == id)
		return 0;
	op.u.cpupool_op.cpupool_id = id;
	op.u.cpupool_op.domid = domid;
	if (!rc)
		rc = pool_op(v, XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, &op);
	return rc < 0 ? vane_fail(v, rc, "domain %u to pool %u: %s", domid, id,
				  rc == -EINVAL && !domid ? "Domain-0 stays "
				  "where it is" :
				  rc == -ENODEV ? "it has no CPU "
				  "(cpupool-cpu-add gives it one)" :
				  strerror(-rc)) : 0;
}

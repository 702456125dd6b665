/*
 * memory_op: one row for each sub-operation. What a guest asks to know stands
 * here, what changes reservations in reservation.c.
 */
#include "boot.h"
#include "cpu.h"
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "mm.h"
#include "reservation.h"

#define M2P_SPAN (1UL << 38) /* of the table's virtual range */

static long op_maximum_ram_page(uint64_t arg)
{
	return max_mfn().n - 1;
}

/* What is known about one domain, by sub-operation. */
static long domain_number(uint64_t arg,
			  uint64_t (*number)(const struct domain *d))
{
	struct xen_memory_domain m;
	struct domain *d;
	long rc;

	if (get_guest(&m, arg))
		return -EFAULT;
	rc = memory_target(m.domid, &d);
	if (rc)
		return rc;
	rc = number(d);
	domain_put(d);
	return rc;
}

static uint64_t pages_now(const struct domain *d)
{
	return READ_ONCE(d->tot_pages);
}

static uint64_t pages_at_most(const struct domain *d)
{
	return READ_ONCE(d->max_pages);
}

/* The guest says itself how far its pfns reach. */
static uint64_t highest_pfn(const struct domain *d)
{
	const struct shared_info *s = READ_ONCE(d->shared);

	return s ? READ_ONCE(s->arch.max_pfn) - 1 : 0;
}

static long op_current_reservation(uint64_t arg)
{
	return domain_number(arg, pages_now);
}

static long op_maximum_reservation(uint64_t arg)
{
	return domain_number(arg, pages_at_most);
}

static long op_maximum_gpfn(uint64_t arg)
{
	return domain_number(arg, highest_pfn);
}

static long op_machphys_mapping(uint64_t arg)
{
	struct xen_machphys_mapping m = {
		.v_start = M2P_RO_BASE,
		.v_end = M2P_RO_BASE + M2P_SPAN,
		.max_mfn = max_mfn().n - 1,
	};

	return put_guest(arg, &m);
}

/* The 2 MiB of the table that a virtual address lies in; 0 for a hole. */
static uint64_t m2p_extent(uint64_t va)
{
	uint64_t *table = hv_l4, e = 0;
	unsigned int level;

	for (level = 4; level >= 2; level--) {
		e = table[pt_index(va, level)];
		if (!(e & PTE_P))
			return 0;
		if (e & PTE_PSE)
			break;
		table = (uint64_t *)(DIRECT_BASE + (e & PTE_MFN_MASK));
	}
	if (level == 3) /* a gigabyte's entry: the part of it */
		e += va & ((1UL << 30) - 1);
	return (e & PTE_MFN_MASK) >> PAGE_SHIFT & ~511UL;
}

static long op_machphys_mfn_list(uint64_t arg)
{
	const uint64_t end = M2P_RO_BASE + max_mfn().n * sizeof(uint64_t);
	struct xen_machphys_mfn_list l;
	xen_pfn_t mfn;
	uint64_t va;

	if (!current->domain->privileged)
		return -EPERM;
	if (get_guest(&l, arg))
		return -EFAULT;
	l.nr_extents = 0;
	for (va = M2P_RO_BASE; va < end && l.nr_extents < l.max_extents;
	     va += 1UL << 21, l.nr_extents++) {
		mfn = m2p_extent(va);
		if (copy_to_handle(l.extent_start, l.nr_extents, &mfn, 1))
			return -EFAULT;
	}
	return put_guest(arg, &l);
}

/* --- memory maps --- */

#define MAP_ENTRIES (MAX_RAM_RANGES + 4)
#define TYPE_RAM 1
#define TYPE_RESERVED 2

struct map {
	unsigned int entries;
	struct e820entry entry[MAP_ENTRIES];
};

/* Places where interrupt controllers answer: never memory, never Dom0's. */
static const struct e820entry controllers[] = {
	{ 0xfec00000, 0x1000, TYPE_RESERVED },
	{ 0xfee00000, 0x100000, TYPE_RESERVED },
};

/* Adds @e in order of address, unless an entry has its place already. */
static void map_insert(struct map *m, const struct e820entry *e)
{
	unsigned int i, at = 0;

	for (i = 0; i < m->entries; i++) {
		if (e->addr < m->entry[i].addr + m->entry[i].size &&
		    m->entry[i].addr < e->addr + e->size)
			return;
		if (m->entry[i].addr < e->addr)
			at = i + 1;
	}
	if (m->entries == MAP_ENTRIES)
		return;
	memmove(&m->entry[at + 1], &m->entry[at],
		(m->entries - at) * sizeof(*e));
	m->entry[at] = *e;
	m->entries++;
}

/* Copies a map to its caller: *nr_entries tells room, then what was needed. */
static long give_map(uint64_t arg, struct xen_memory_map *m,
		     const struct e820entry *e, unsigned int entries)
{
	if (!handle_null(m->buffer)) {
		if (m->nr_entries < entries)
			return -EINVAL;
		if (copy_to_guest_va(handle_va(m->buffer), e,
				     entries * sizeof(*e)))
			return -EFAULT;
	}
	m->nr_entries = entries;
	return put_guest(arg, m);
}

static long op_machine_memory_map(uint64_t arg)
{
	struct xen_memory_map m;
	struct map *map;
	unsigned int i;
	long rc;

	if (!current->domain->privileged)
		return -EPERM;
	if (get_guest(&m, arg))
		return -EFAULT;
	map = hv_alloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	for (i = 0; i < boot_info.map_entries; i++)
		map_insert(map, &boot_info.map[i]);
	for (i = 0; i < ARRAY_SIZE(controllers); i++)
		map_insert(map, &controllers[i]);
	rc = give_map(arg, &m, map->entry, map->entries);
	hv_free(map);
	return rc;
}

static long op_memory_map(uint64_t arg)
{
	struct domain *d = current->domain;
	struct xen_memory_map m;
	struct map *map;
	long rc = -ENOSYS; /* the kernel then assumes one range of RAM */

	if (get_guest(&m, arg))
		return -EFAULT;
	map = hv_alloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	spin_lock(&d->lock);
	if (d->pv.e820) {
		map->entries = d->pv.e820_entries;
		memcpy(map->entry, d->pv.e820,
		       map->entries * sizeof(map->entry[0]));
	}
	spin_unlock(&d->lock);
	if (map->entries)
		rc = give_map(arg, &m, map->entry, map->entries);
	hv_free(map);
	return rc;
}

static void install_map(struct domain *d, struct e820entry *e,
			unsigned int entries)
{
	void *old;

	spin_lock(&d->lock);
	old = d->pv.e820;
	d->pv.e820 = e;
	d->pv.e820_entries = entries;
	spin_unlock(&d->lock);
	hv_free(old);
}

static long op_set_memory_map(uint64_t arg)
{
	struct xen_foreign_memory_map m;
	struct e820entry *e;
	struct domain *d;
	long rc;

	if (get_guest(&m, arg))
		return -EFAULT;
	if (m.map.nr_entries == 0 || m.map.nr_entries > MAP_ENTRIES)
		return -EINVAL;
	rc = memory_target(m.domid, &d);
	if (rc)
		return rc;
	e = hv_alloc(m.map.nr_entries * sizeof(*e));
	if (!e) {
		rc = -ENOMEM;
	} else if (copy_from_guest_va(e, handle_va(m.map.buffer),
				      m.map.nr_entries * sizeof(*e))) {
		hv_free(e);
		rc = -EFAULT;
	} else {
		install_map(d, e, m.map.nr_entries);
	}
	domain_put(d);
	return rc;
}

/* --- pages that belong to a domain's interface --- */

static long acquire_grant_frames(struct domain *d,
				 struct xen_mem_acquire_resource *a)
{
	xen_pfn_t n;
	uint64_t i;
	mfn_t mfn;
	int rc;

	for (i = 0; i < a->nr_frames; i++) {
		if (a->frame + i > ~0u)
			return -EINVAL;
		rc = grant_frame(d, a->frame + i, &mfn);
		if (rc)
			return rc;
		n = mfn.n;
		if (copy_to_handle(a->frame_list, i, &n, 1))
			return -EFAULT;
		rc = preempt_point();
		if (rc)
			return rc;
	}
	return 0;
}

static long op_acquire_resource(uint64_t arg)
{
	struct xen_mem_acquire_resource a;
	struct domain *d;
	long rc;

	if (!current->domain->privileged)
		return -EPERM;
	if (get_guest(&a, arg))
		return -EFAULT;
	if (a.pad || a.type != XENMEM_resource_grant_table ||
	    a.id != XENMEM_resource_grant_table_id_shared)
		return -EOPNOTSUPP;
	rc = memory_target(a.domid, &d);
	if (rc)
		return rc;
	if (!handle_null(a.frame_list)) {
		rc = acquire_grant_frames(d, &a);
	} else if (a.nr_frames) {
		rc = -EINVAL;
	} else { /* how many could there be? */
		a.nr_frames = grant_max_frames(d);
		rc = put_guest(arg, &a);
	}
	domain_put(d);
	return rc;
}

/* --- what PV does not have; no line in the log for what tools try --- */

static long op_absent(uint64_t arg)
{
	return -ENOSYS;
}

static long op_unsupported(uint64_t arg)
{
	return -EOPNOTSUPP;
}

static long op_increase(uint64_t arg)
{
	return reservation_change(XENMEM_increase_reservation, arg);
}

static long op_decrease(uint64_t arg)
{
	return reservation_change(XENMEM_decrease_reservation, arg);
}

static long op_populate(uint64_t arg)
{
	return reservation_change(XENMEM_populate_physmap, arg);
}

static long (*const ops[])(uint64_t arg) = {
	[XENMEM_increase_reservation] = op_increase,
	[XENMEM_decrease_reservation] = op_decrease,
	[XENMEM_maximum_ram_page] = op_maximum_ram_page,
	[XENMEM_current_reservation] = op_current_reservation,
	[XENMEM_maximum_reservation] = op_maximum_reservation,
	[XENMEM_machphys_mfn_list] = op_machphys_mfn_list,
	[XENMEM_populate_physmap] = op_populate,
	[XENMEM_add_to_physmap] = op_unsupported,
	[XENMEM_memory_map] = op_memory_map,
	[XENMEM_machine_memory_map] = op_machine_memory_map,
	[XENMEM_exchange] = reservation_exchange,
	[XENMEM_machphys_mapping] = op_machphys_mapping,
	[XENMEM_set_memory_map] = op_set_memory_map,
	[XENMEM_maximum_gpfn] = op_maximum_gpfn,
	[XENMEM_remove_from_physmap] = op_unsupported,
	[XENMEM_get_sharing_freed_pages] = op_absent,
	[XENMEM_get_sharing_shared_pages] = op_absent,
	[XENMEM_add_to_physmap_batch] = op_unsupported,
	[XENMEM_claim_pages] = reservation_claim,
	[XENMEM_get_vnumainfo] = op_unsupported,
	[XENMEM_acquire_resource] = op_acquire_resource,
};

/*
 * The bits above the sub-operation would say where an interrupted call goes on:
 * calls here are never interrupted that way, and a guest that sets them means
 * something that does not exist.
 */
long hc_memory_op(uint64_t op, uint64_t arg, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	if (op >= ARRAY_SIZE(ops) || !ops[op])
		return hypercall_unknown("memory_op", op);
	return ops[op](arg);
}

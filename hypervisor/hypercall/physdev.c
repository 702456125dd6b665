/*
 * physdev_op: what Dom0 asks of interrupts, PCI devices and ports. All but the
 * I/O privilege ones are for the domain that owns the hardware.
 */
#include "guest.h"
#include "hypercall.h"
#include "irq.h"
#include "pci.h"
#include "printk.h"
#include "pv_cpu.h"
#include "subop.h"
#include <xen/physdev.h>

static sbdf_t make_sbdf(unsigned int segment, unsigned int bus,
			unsigned int devfn)
{
	return (segment & 0xffff) << 16 | (bus & 0xff) << 8 | (devfn & 0xff);
}

static long op_eoi(struct domain *d, void *arg)
{
	const struct physdev_eoi *eoi = arg;

	return pirq_eoi(eoi->irq);
}

static long op_eoi_page(struct domain *d, void *arg)
{
	const struct physdev_pirq_eoi_gmfn *page = arg;

	return pirq_set_eoi_page(current->domain, MFN(page->gmfn));
}

static long op_status(struct domain *d, void *arg)
{
	struct physdev_irq_status_query *query = arg;
	int rc = pirq_needs_eoi(query->irq);

	query->flags = rc > 0 ? XENIRQSTAT_needs_eoi : 0;
	return min(rc, 0);
}

static long op_set_iopl(struct domain *d, void *arg)
{
	const struct physdev_set_iopl *set = arg;

	if (set->iopl > 3)
		return -EINVAL;
	current->pv.iopl = set->iopl;
	pv_update_iomap(current);
	return 0;
}

static long op_set_iobitmap(struct domain *d, void *arg)
{
	const struct physdev_set_iobitmap *set = arg;

	if (set->nr_ports > 65536 ||
	    !guest_range_ok(handle_va(set->bitmap), (set->nr_ports + 7) / 8))
		return -EINVAL;
	current->pv.iobmp = handle_va(set->bitmap);
	current->pv.iobmp_limit = set->nr_ports;
	return 0;
}

static long op_apic_read(struct domain *d, void *arg)
{
	struct physdev_apic *apic = arg;

	return ioapic_peek(apic->apic_physbase, apic->reg, &apic->value);
}

/* Vectors are the hypervisor's business; a guest is told its own number. */
static long op_alloc_vector(struct domain *d, void *arg)
{
	struct physdev_irq *irq = arg;

	irq->vector = irq->irq;
	return irq->irq < pirq_limit() ? 0 : -EINVAL;
}

static long map_msi(struct physdev_map_pirq *map)
{
	/* With the old type the bus stands alone, on segment 0. */
	unsigned int segment = map->type == MAP_PIRQ_TYPE_MSI ? 0 :
			       (unsigned int)map->bus >> 16;
	sbdf_t dev = make_sbdf(segment, (unsigned int)map->bus,
			       (unsigned int)map->devfn);
	unsigned int count = 1;

	if (map->type == MAP_PIRQ_TYPE_MULTI_MSI) {
		if (map->entry_nr < 1 || map->entry_nr > 32)
			return -EINVAL;
		/* Devices send 2^n messages; the guest uses what it wants. */
		while (count < (unsigned int)map->entry_nr)
			count *= 2;
		return pirq_map_msi(dev, 0, count, false, &map->pirq);
	}
	/* A table's address says that it is MSI-X. */
	return pirq_map_msi(dev, (unsigned int)map->entry_nr, 1,
			    map->table_base != 0, &map->pirq);
}

/* Only for itself: there is no way to give a device away. */
static int check_target(domid_t domid)
{
	struct domain *d;
	int rc = domain_get_target(domid, &d);

	if (rc)
		return rc;
	rc = d == current->domain ? 0 : -EPERM;
	domain_put(d);
	return rc;
}

static long map_pirq(struct physdev_map_pirq *map)
{
	int rc = check_target(map->domid);

	if (rc)
		return rc;
	switch (map->type) {
	case MAP_PIRQ_TYPE_GSI:
		return map->index < 0 ? -EINVAL :
		       pirq_map_gsi((unsigned int)map->index, &map->pirq);
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
	case MAP_PIRQ_TYPE_MULTI_MSI:
		return map_msi(map);
	}
	return -EINVAL;
}

/* Copies back itself: a mapping that its caller never hears of is undone. */
static long op_map_pirq(struct domain *d, void *arg)
{
	struct physdev_map_pirq map;
	long rc;

	if (get_guest(&map, (uint64_t)arg))
		return -EFAULT;
	rc = map_pirq(&map);
	if (rc || !put_guest((uint64_t)arg, &map))
		return rc;
	if (pirq_unmap((unsigned int)map.pirq))
		domain_log(current->domain, LOG_WARNING,
			   "pirq %d stays mapped", map.pirq);
	return -EFAULT;
}

static long op_unmap_pirq(struct domain *d, void *arg)
{
	const struct physdev_unmap_pirq *unmap = arg;
	int rc = check_target(unmap->domid);

	return rc ? rc : pirq_unmap((unsigned int)unmap->pirq);
}

static long op_setup_gsi(struct domain *d, void *arg)
{
	const struct physdev_setup_gsi *setup = arg;

	if (setup->gsi < 0)
		return -EINVAL;
	return gsi_setup((unsigned int)setup->gsi, setup->triggering != 0,
			 setup->polarity != 0);
}

static long op_free_pirq(struct domain *d, void *arg)
{
	struct physdev_get_free_pirq *get = arg;

	switch (get->type) {
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
		return pirq_find_free(true, &get->pirq);
	case MAP_PIRQ_TYPE_GSI:
		return pirq_find_free(false, &get->pirq);
	}
	return -EINVAL;
}

static long op_mmcfg(struct domain *d, void *arg)
{
	const struct physdev_pci_mmcfg_reserved *window = arg;

	return pci_mmcfg_confirm(window->address, window->segment,
				 window->start_bus, window->end_bus,
				 window->flags & XEN_PCI_MMCFG_RESERVED);
}

/* We drive no USB debug port, so its reset needs no care. */
static long op_debug_port(struct domain *d, void *arg)
{
	return 0;
}

/*
 * Devices come and go. Which there are is read from configuration space when
 * a message is mapped; nothing is kept of them here.
 */
static long device_add(sbdf_t dev)
{
	log_line(LOG_DEBUG, "PCI device %04x:%02x:%02x.%u", dev >> 16,
		 dev >> 8 & 0xff, dev >> 3 & 31, dev & 7);
	return 0;
}

static long device_remove(sbdf_t dev)
{
	msi_forget_device(dev);
	return 0;
}

static long device_restore(sbdf_t dev)
{
	msi_restore_device(dev);
	return 0;
}

/* Before a device is given to another domain: its table must be there. */
static long device_msix(sbdf_t dev)
{
	return pci_find_capability(dev, PCI_CAP_MSIX) ? 0 : -ENODEV;
}

static const struct {
	long (*fn)(sbdf_t dev);
	bool old; /* its structure knows no segment */
} device_ops[] = {
	[PHYSDEVOP_manage_pci_add] = { device_add, true },
	[PHYSDEVOP_manage_pci_add_ext] = { device_add, true },
	[PHYSDEVOP_manage_pci_remove] = { device_remove, true },
	[PHYSDEVOP_restore_msi] = { device_restore, true },
	[PHYSDEVOP_pci_device_add] = { device_add, false },
	[PHYSDEVOP_pci_device_remove] = { device_remove, false },
	[PHYSDEVOP_restore_msi_ext] = { device_restore, false },
	[PHYSDEVOP_prepare_msix] = { device_msix, false },
	[PHYSDEVOP_release_msix] = { device_msix, false },
};

/* Every structure begins with the device; an old one is the end of that. */
static long device_op(unsigned int op, uint64_t va)
{
	struct physdev_pci_device dev = { 0 };
	size_t at = device_ops[op].old ? offsetof(__typeof__(dev), bus) : 0;

	if (!current->domain->privileged)
		return -EPERM;
	if (copy_from_guest_va((char *)&dev + at, va, sizeof(dev) - at))
		return -EFAULT;
	return device_ops[op].fn(make_sbdf(dev.seg, dev.bus, dev.devfn));
}

#define PRIV SUBOP_PRIVILEGED
#define OUT (SUBOP_PRIVILEGED | SUBOP_OUT)
#define ROW(op, type, fn, flags) \
	[PHYSDEVOP_##op] = SUBOP(fn, struct physdev_##type, flags)

static const struct subop ops[] = {
	ROW(irq_status_query, irq_status_query, op_status, OUT),
	ROW(set_iopl, set_iopl, op_set_iopl, 0),
	ROW(set_iobitmap, set_iobitmap, op_set_iobitmap, 0),
	ROW(apic_read, apic, op_apic_read, OUT),
	ROW(alloc_irq_vector, irq, op_alloc_vector, OUT),
	ROW(eoi, eoi, op_eoi, PRIV),
	[PHYSDEVOP_map_pirq] = { .fn = op_map_pirq, .flags = PRIV },
	ROW(unmap_pirq, unmap_pirq, op_unmap_pirq, PRIV),
	ROW(setup_gsi, setup_gsi, op_setup_gsi, PRIV),
	ROW(get_free_pirq, get_free_pirq, op_free_pirq, OUT),
	ROW(pci_mmcfg_reserved, pci_mmcfg_reserved, op_mmcfg, PRIV),
	ROW(pirq_eoi_gmfn_v2, pirq_eoi_gmfn, op_eoi_page, PRIV),
	[PHYSDEVOP_dbgp_op] = { .fn = op_debug_port, .flags = PRIV },
};

/* (sub-operation, its structure) */
long hc_physdev_op(uint64_t op, uint64_t va, uint64_t a2, uint64_t a3,
		   uint64_t a4)
{
	op = (uint32_t)op;
	if (op < ARRAY_SIZE(device_ops) && device_ops[op].fn)
		return device_op((unsigned int)op, va);
	return subop_call("physdev_op", ops, ARRAY_SIZE(ops), op, va);
}

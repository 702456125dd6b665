/*
 * physdev_op: what Dom0 asks of interrupts, PCI devices and ports. Sub-
 * operations stand in one table; all but the I/O privilege ones are for the
 * domain that owns the hardware.
 */
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include "ioapic.h"
#include "irqs.h"
#include "lib.h"
#include "pci.h"
#include "printk.h"
#include "pv_cpu.h"
#include <xen/physdev.h>

static sbdf_t make_sbdf(unsigned int segment, unsigned int bus,
			unsigned int devfn)
{
	return (segment & 0xffff) << 16 | (bus & 0xff) << 8 | (devfn & 0xff);
}

static long op_eoi(uint64_t va)
{
	struct physdev_eoi eoi;

	if (get_guest(&eoi, va))
		return -EFAULT;
	return pirq_eoi(eoi.irq);
}

static long op_eoi_page(uint64_t va)
{
	struct physdev_pirq_eoi_gmfn page;

	if (get_guest(&page, va))
		return -EFAULT;
	return pirq_set_eoi_page(current->domain, MFN(page.gmfn));
}

static long op_status(uint64_t va)
{
	struct physdev_irq_status_query query;
	bool needs;
	int rc;

	if (get_guest(&query, va))
		return -EFAULT;
	rc = pirq_needs_eoi(query.irq, &needs);
	if (rc)
		return rc;
	query.flags = needs ? XENIRQSTAT_needs_eoi : 0;
	return put_guest(va, &query);
}

static long op_set_iopl(uint64_t va)
{
	struct physdev_set_iopl set;

	if (get_guest(&set, va))
		return -EFAULT;
	if (set.iopl > 3)
		return -EINVAL;
	current->pv.iopl = set.iopl;
	pv_update_iomap(current);
	return 0;
}

static long op_set_iobitmap(uint64_t va)
{
	struct physdev_set_iobitmap set;

	if (get_guest(&set, va))
		return -EFAULT;
	if (set.nr_ports > 65536 ||
	    !guest_range_ok(handle_va(set.bitmap), (set.nr_ports + 7) / 8))
		return -EINVAL;
	current->pv.iobmp = handle_va(set.bitmap);
	current->pv.iobmp_limit = set.nr_ports;
	return 0;
}

static long op_apic_read(uint64_t va)
{
	struct physdev_apic apic_op;
	int rc;

	if (get_guest(&apic_op, va))
		return -EFAULT;
	rc = ioapic_peek(apic_op.apic_physbase, apic_op.reg, &apic_op.value);
	return rc ? rc : put_guest(va, &apic_op);
}

/* Vectors are the hypervisor's business; a guest is told its own number. */
static long op_alloc_vector(uint64_t va)
{
	struct physdev_irq irq;

	if (get_guest(&irq, va))
		return -EFAULT;
	if (irq.irq >= pirq_limit())
		return -EINVAL;
	irq.vector = irq.irq;
	return put_guest(va, &irq);
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

	if (domid == DOMID_SELF || domid == current->domain->id)
		return 0;
	d = domain_get(domid);
	if (!d)
		return -ESRCH;
	domain_put(d);
	return -EPERM;
}

static long op_map_pirq(uint64_t va)
{
	struct physdev_map_pirq map;
	long rc;

	if (get_guest(&map, va))
		return -EFAULT;
	rc = check_target(map.domid);
	if (rc)
		return rc;
	switch (map.type) {
	case MAP_PIRQ_TYPE_GSI:
		rc = map.index < 0 ? -EINVAL :
		     pirq_map_gsi((unsigned int)map.index, &map.pirq);
		break;
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
	case MAP_PIRQ_TYPE_MULTI_MSI:
		rc = map_msi(&map);
		break;
	default:
		return -EINVAL;
	}
	if (rc)
		return rc;
	if (put_guest(va, &map)) {
		if (pirq_unmap((unsigned int)map.pirq))
			domain_log(current->domain, LOG_WARNING,
				   "pirq %d stays mapped", map.pirq);
		return -EFAULT;
	}
	return 0;
}

static long op_unmap_pirq(uint64_t va)
{
	struct physdev_unmap_pirq unmap;
	int rc;

	if (get_guest(&unmap, va))
		return -EFAULT;
	rc = check_target(unmap.domid);
	return rc ? rc : pirq_unmap((unsigned int)unmap.pirq);
}

static long op_setup_gsi(uint64_t va)
{
	struct physdev_setup_gsi setup;

	if (get_guest(&setup, va))
		return -EFAULT;
	if (setup.gsi < 0)
		return -EINVAL;
	return gsi_setup((unsigned int)setup.gsi, setup.triggering != 0,
			 setup.polarity != 0);
}

static long op_free_pirq(uint64_t va)
{
	struct physdev_get_free_pirq get;
	int rc;

	if (get_guest(&get, va))
		return -EFAULT;
	switch (get.type) {
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
		rc = pirq_find_free(true, &get.pirq);
		break;
	case MAP_PIRQ_TYPE_GSI:
		rc = pirq_find_free(false, &get.pirq);
		break;
	default:
		return -EINVAL;
	}
	return rc ? rc : put_guest(va, &get);
}

/*
 * Devices come and go. Which there are is read from configuration space when
 * a message is mapped; nothing is kept of them here.
 */
static long device_added(sbdf_t dev)
{
	log_line(LOG_DEBUG, "PCI device %04x:%02x:%02x.%u", dev >> 16,
		 dev >> 8 & 0xff, dev >> 3 & 31, dev & 7);
	return 0;
}

static long op_device_add(uint64_t va)
{
	/* The optional array behind it is about memory locality. */
	struct {
		uint16_t seg;
		uint8_t bus, devfn;
	} add;

	if (get_guest(&add, va))
		return -EFAULT;
	return device_added(make_sbdf(add.seg, add.bus, add.devfn));
}

static long op_device_remove(uint64_t va)
{
	struct physdev_pci_device device;

	if (get_guest(&device, va))
		return -EFAULT;
	msi_forget_device(make_sbdf(device.seg, device.bus, device.devfn));
	return 0;
}

static long op_manage_add(uint64_t va)
{
	struct physdev_manage_pci manage;

	if (get_guest(&manage, va))
		return -EFAULT;
	return device_added(make_sbdf(0, manage.bus, manage.devfn));
}

static long op_manage_remove(uint64_t va)
{
	struct physdev_manage_pci manage;

	if (get_guest(&manage, va))
		return -EFAULT;
	msi_forget_device(make_sbdf(0, manage.bus, manage.devfn));
	return 0;
}

static long op_restore_msi(uint64_t va)
{
	struct physdev_restore_msi restore;

	if (get_guest(&restore, va))
		return -EFAULT;
	msi_restore_device(make_sbdf(0, restore.bus, restore.devfn));
	return 0;
}

static long op_restore_msi_ext(uint64_t va)
{
	struct physdev_pci_device device;

	if (get_guest(&device, va))
		return -EFAULT;
	msi_restore_device(make_sbdf(device.seg, device.bus, device.devfn));
	return 0;
}

static long op_mmcfg(uint64_t va)
{
	struct physdev_pci_mmcfg_reserved window;

	if (get_guest(&window, va))
		return -EFAULT;
	return pci_mmcfg_confirm(window.address, window.segment,
				 window.start_bus, window.end_bus,
				 window.flags & XEN_PCI_MMCFG_RESERVED);
}

/* Before a device is given to another domain: its table must be there. */
static long op_msix(uint64_t va)
{
	struct physdev_pci_device device;
	sbdf_t dev;

	if (get_guest(&device, va))
		return -EFAULT;
	dev = make_sbdf(device.seg, device.bus, device.devfn);
	return pci_find_capability(dev, PCI_CAP_MSIX) ? 0 : -ENODEV;
}

/* We drive no USB debug port, so its reset needs no care. */
static long op_debug_port(uint64_t va)
{
	return 0;
}

static const struct {
	unsigned int op;
	long (*fn)(uint64_t va);
	bool anybody;
} ops[] = {
	{ PHYSDEVOP_irq_status_query, op_status, false },
	{ PHYSDEVOP_set_iopl, op_set_iopl, true },
	{ PHYSDEVOP_set_iobitmap, op_set_iobitmap, true },
	{ PHYSDEVOP_apic_read, op_apic_read, false },
	{ PHYSDEVOP_alloc_irq_vector, op_alloc_vector, false },
	{ PHYSDEVOP_eoi, op_eoi, false },
	{ PHYSDEVOP_map_pirq, op_map_pirq, false },
	{ PHYSDEVOP_unmap_pirq, op_unmap_pirq, false },
	{ PHYSDEVOP_manage_pci_add, op_manage_add, false },
	{ PHYSDEVOP_manage_pci_remove, op_manage_remove, false },
	{ PHYSDEVOP_restore_msi, op_restore_msi, false },
	{ PHYSDEVOP_manage_pci_add_ext, op_manage_add, false },
	{ PHYSDEVOP_setup_gsi, op_setup_gsi, false },
	{ PHYSDEVOP_get_free_pirq, op_free_pirq, false },
	{ PHYSDEVOP_pci_mmcfg_reserved, op_mmcfg, false },
	{ PHYSDEVOP_pci_device_add, op_device_add, false },
	{ PHYSDEVOP_pci_device_remove, op_device_remove, false },
	{ PHYSDEVOP_restore_msi_ext, op_restore_msi_ext, false },
	{ PHYSDEVOP_pirq_eoi_gmfn_v2, op_eoi_page, false },
	{ PHYSDEVOP_dbgp_op, op_debug_port, false },
	{ PHYSDEVOP_prepare_msix, op_msix, false },
	{ PHYSDEVOP_release_msix, op_msix, false },
};

/* (sub-operation, its structure) */
long hc_physdev_op(uint64_t op, uint64_t va, uint64_t a2, uint64_t a3,
		   uint64_t a4)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].op != (uint32_t)op)
			continue;
		if (!ops[i].anybody && !current->domain->privileged)
			return -EPERM;
		return ops[i].fn(va);
	}
	return hypercall_unknown("physdev_op", op);
}

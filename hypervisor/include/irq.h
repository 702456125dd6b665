/*
 * Physical interrupts (cpu/irq.c): vectors, their sources, and the numbers
 * (pirqs) by which Dom0 calls those. Only Dom0 has any.
 */
#ifndef PV_IRQ_H
#define PV_IRQ_H

#include "types.h"
#include "pci.h"
#include "spinlock.h"

struct cpu_user_regs;
struct domain;

/* Fixed vectors; devices get 0x30..0xdf. */
enum {
	VEC_FIRST_DEVICE = 0x30,
	VEC_LAST_DEVICE = 0xdf,
	VEC_TIMER = 0xf0,
	VEC_KICK = 0xf1,     /* ipi_kick(): flags to look at, flushes */
	VEC_ERROR = 0xfe,
	VEC_SPURIOUS = 0xff,
};

/* From entry.S for vectors 0x20..0xff; interrupts off, acknowledges. */
void irq_dispatch(const struct cpu_user_regs *r);
void timer_interrupt(void);

/* Boot CPU, after ACPI tables and the local APIC: IOAPICs, vectors. */
void irq_init(void);

/*
 * An interrupt line of the hypervisor's own: @fn runs with interrupts off.
 * 0, -EINVAL (no such line), -EBUSY (a domain's), -ENOSPC (no vector).
 */
must_check int irq_own_isa(unsigned int irq, void (*fn)(void));

/*
 * What event/ calls, with the domain's event lock held (RANK_EVENT, below
 * RANK_IRQ).
 *
 * pirq_bind(): a port now stands for @pirq: it is routed to where @vcpu runs
 * and opened. 0, -EINVAL (not mapped), -EBUSY (in use).
 */
must_check int pirq_bind(struct domain *d, unsigned int pirq, unsigned int vcpu);
void pirq_unbind(struct domain *d, unsigned int pirq);
/* The port moved to another vCPU. */
void pirq_follow(struct domain *d, unsigned int pirq, unsigned int vcpu);

/* Gone with its domain: closes and unmaps everything that is left. */
void irq_destroy_domain(struct domain *d);

#define MAX_GSIS 256
#define MAX_MSIS 192
#define MAX_PIRQS (MAX_GSIS + MAX_MSIS)

enum irq_kind { IRQ_NONE, IRQ_GSI, IRQ_MSI };

/* A message: of a device's MSI capability, or an entry of its MSI-X table. */
struct msi {
	sbdf_t dev;
	uint16_t cap;         /* offset of the capability */
	bool msix;
	bool wide;            /* MSI: 64-bit address */
	bool maskable;        /* MSI: has mask bits */
	bool gone;            /* the device has left: touch nothing */
	uint16_t entry;       /* MSI-X: table entry; MSI: message number */
	uint16_t count;       /* MSI: messages of the group, on the first */
	volatile uint32_t *slot; /* MSI-X: the table entry */
};

/*
 * One source: a GSI, or a message of a device. All under irq_lock; the
 * interrupt path reads fn, pirq and kind without it: they are set before the
 * source is opened, and a source that is closed may still send one interrupt,
 * which event/ then finds without a port.
 */
struct irq {
	enum irq_kind kind;
	uint8_t vector;      /* 0: none */
	bool level, low;     /* GSI: trigger, polarity */
	bool configured;     /* GSI: PHYSDEVOP_setup_gsi has been here */
	bool bound;          /* an event channel stands for it */
	bool in_service;     /* level: masked until the guest's EOI */
	unsigned int gsi;
	const struct ioapic *ioapic; /* of a GSI */
	unsigned int pirq;   /* 0: not mapped by Dom0 */
	unsigned int cpu;    /* goes there */
	void (*fn)(void);    /* the hypervisor's own, or NULL */
	struct msi msi;
};

extern struct spinlock irq_lock; /* RANK_IRQ */

extern unsigned int gsi_count;   /* the highest GSI, plus one */

/* The highest pirq, plus one. */
static inline unsigned int pirq_limit(void)
{
	return gsi_count + MAX_MSIS;
}

/* cpu/irq.c; all but the first with irq_lock held. */
struct irq *gsi_irq(unsigned int gsi);     /* NULL: there is none */
/*
 * Vectors for @count sources, the first a multiple of @count: a message's low
 * bits number the messages of a group. 0, -ENOSPC.
 */
must_check int irq_take_vectors(struct irq *irq, unsigned int count);
void irq_drop_vector(struct irq *irq);
/* Writes where and how the source delivers; leaves it masked or open. */
void irq_program(struct irq *irq, bool masked);
void irq_mask(struct irq *irq, bool masked);
/* @count unused sources in a row; NULL: there are none. */
struct irq *msi_find_free(unsigned int count);
bool msi_exists(const struct msi *m);      /* this message is in use */

/*
 * cpu/ioapic.c. The boot CPU maps those of the MADT, which Dom0 may not touch,
 * masks their inputs and notes them in @gsis[MAX_GSIS].
 */
void ioapic_init(struct irq *gsis);
/* The words of a redirection entry (82093AA data sheet, 3.2.4). */
uint64_t ioapic_encode(const struct irq *irq, bool masked);
/* Callers hold irq_lock. */
void ioapic_write(const struct irq *irq, bool masked);
void ioapic_mask(const struct irq *irq, bool masked);
/*
 * A register by the machine address of its I/O APIC, as Dom0 reads it: only
 * the identification; inputs read as masked. -ENODEV, -EINVAL.
 */
must_check int ioapic_peek(paddr_t base, unsigned int reg, uint32_t *value);

/*
 * cpu/msi.c, irq_lock held. Finds the capability and the table: fills @m,
 * changes nothing but the mask of that message. -ENODEV (no such capability),
 * -EINVAL (no such entry, or more messages than the device can send), -ENOMEM.
 */
must_check int msi_find(struct msi *m, sbdf_t dev, bool msix,
			unsigned int entry, unsigned int count);
/* For MSI the group's first message stands for all: @m->count of them. */
void msi_write(const struct msi *m, uint32_t apic_id, uint8_t vector);
void msi_mask(const struct msi *m, bool masked);
void msi_disable(const struct msi *m); /* MSI: the whole capability */

/*
 * Dom0's physdev operations (cpu/pirq.c). Errors: -EINVAL (number out of range or not
 * mapped), -EBUSY, -EEXIST, -ENOSPC (vectors, pirqs), -ENODEV.
 */
must_check int gsi_setup(unsigned int gsi, bool level, bool low);
/* *@pirq: wanted number, or negative: one is chosen and stored. */
must_check int pirq_map_gsi(unsigned int gsi, int *pirq);
/*
 * MSI-X: entry @entry. MSI: @count messages (a power of two), which take as
 * many pirqs in a row; *@pirq is the first.
 */
must_check int pirq_map_msi(sbdf_t dev, unsigned int entry,
			    unsigned int count, bool msix, int *pirq);
must_check int pirq_unmap(unsigned int pirq);
must_check int pirq_eoi(unsigned int pirq);
must_check int pirq_needs_eoi(unsigned int pirq); /* or 0 or 1 */
/* Dom0's page with a bit for each pirq that needs an EOI. */
must_check int pirq_set_eoi_page(struct domain *d, mfn_t mfn);
/* A pirq not in use; reserved for the caller until mapped. */
must_check int pirq_find_free(bool msi, uint32_t *pirq);
/* Writes all messages of a device again, after it lost them. */
void msi_restore_device(sbdf_t dev);
/* The device is gone: nothing of it is touched any more. */
void msi_forget_device(sbdf_t dev);
void irq_dump(void);

#endif

/*
 * The numbers by which Dom0 knows interrupts (pirqs): mapping, binding to an
 * event channel, affinity, EOI. Only Dom0 has any.
 *
 * A GSI's number is the GSI itself unless Dom0 wants another; messages are
 * numbered from the top down. irq_lock guards everything here.
 */
#include "irq.h"
#include "cpu.h"
#include "domain.h"
#include "frame.h"
#include "lib.h"

static struct irq *by_pirq[MAX_PIRQS];
static bool pirq_reserved[MAX_PIRQS]; /* given out by pirq_find_free() */

/* Dom0's page of "needs EOI" bits, held as writable; or NULL. */
static unsigned long *eoi_bits;

/* irq_lock held. NULL: no such pirq, or not mapped. */
static struct irq *pirq_irq(unsigned int pirq)
{
	return pirq && pirq < pirq_limit() ? by_pirq[pirq] : NULL;
}

/* Keeps Dom0's bit for a pirq true. irq_lock held. */
static void update_eoi_bit(unsigned int pirq)
{
	struct irq *irq = by_pirq[pirq];

	if (!eoi_bits)
		return;
	if (irq && irq->level)
		atomic_or(&eoi_bits[pirq / 64], 1UL << pirq % 64);
	else
		atomic_and(&eoi_bits[pirq / 64], ~(1UL << pirq % 64));
}

int gsi_setup(unsigned int gsi, bool level, bool low)
{
	struct irq *irq = gsi_irq(gsi);

	if (!irq)
		return -EINVAL;
	spin_guard(&irq_lock);
	if (irq->configured || irq->fn)
		return -EEXIST;
	irq->configured = true;
	irq->level = level;
	irq->low = low;
	if (irq->vector)
		irq_program(irq, !irq->bound);
	if (irq->pirq)
		update_eoi_bit(irq->pirq);
	return 0;
}

/*
 * @count free pirqs in a row: messages have theirs above the GSIs, from the top
 * down. irq_lock held. 0: none.
 */
static unsigned int find_pirqs(bool msi, unsigned int count)
{
	unsigned int first = msi ? gsi_count : 1, i;
	unsigned int p = (msi ? pirq_limit() : gsi_count) - count;

	for (; p >= first && p < pirq_limit(); p--) {
		for (i = 0; i < count; i++)
			if (by_pirq[p + i] || pirq_reserved[p + i])
				break;
		if (i == count)
			return p;
	}
	return 0;
}

int pirq_find_free(bool msi, uint32_t *pirq)
{
	spin_guard(&irq_lock);
	*pirq = find_pirqs(msi, 1);
	if (!*pirq)
		return -ENOSPC;
	pirq_reserved[*pirq] = true;
	return 0;
}

static void set_pirq(struct irq *irq, unsigned int pirq)
{
	irq->pirq = pirq;
	by_pirq[pirq] = irq;
	pirq_reserved[pirq] = false;
	update_eoi_bit(pirq);
}

int pirq_map_gsi(unsigned int gsi, int *pirq)
{
	unsigned int p = *pirq < 0 ? gsi : (unsigned int)*pirq;
	struct irq *irq = gsi_irq(gsi);

	if (!irq)
		return -EINVAL;
	spin_guard(&irq_lock);
	if (irq->pirq) {
		if (*pirq >= 0 && irq->pirq != p)
			return -EEXIST;
		*pirq = (int)irq->pirq;
		return 0;
	}
	if (!p || p >= pirq_limit())
		return -EINVAL;
	if (by_pirq[p])
		return -EBUSY;
	if (!irq->vector) {
		if (irq_take_vectors(irq, 1))
			return -ENOSPC;
		irq_program(irq, true);
	}
	set_pirq(irq, p);
	*pirq = (int)p;
	return 0;
}

int pirq_map_msi(sbdf_t dev, unsigned int entry, unsigned int count,
		 bool msix, int *pirq)
{
	unsigned int i, p;
	struct irq *irq;
	struct msi m;
	int rc;

	if (!count || count > 32 || count & (count - 1))
		return -EINVAL;
	spin_guard(&irq_lock);
	rc = msi_find(&m, dev, msix, entry, count);
	if (rc)
		return rc;
	if (msi_exists(&m))
		return -EEXIST;
	irq = msi_find_free(count);
	p = *pirq < 0 ? find_pirqs(true, count) : (unsigned int)*pirq;
	if (!irq || !p)
		return -ENOSPC;
	if (p >= pirq_limit() || count > pirq_limit() - p)
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (by_pirq[p + i])
			return -EBUSY;

	if (irq_take_vectors(irq, count))
		return -ENOSPC;
	for (i = 0; i < count; i++) {
		irq[i].kind = IRQ_MSI;
		irq[i].msi = m;
		if (!msix) {
			irq[i].msi.entry = (uint16_t)i;
			irq[i].msi.count = (uint16_t)(i ? 0 : count);
		}
		set_pirq(&irq[i], p + i);
	}
	for (i = 0; i < count; i++)
		irq_program(&irq[i], true);
	*pirq = (int)p;
	return 0;
}

/* How many pirqs go together with this one: a group's first names them all. */
static unsigned int group_size(const struct irq *irq)
{
	return irq->kind == IRQ_MSI && !irq->msi.msix ? irq->msi.count : 1;
}

static void unmap_one(struct irq *irq)
{
	unsigned int pirq = irq->pirq;

	by_pirq[pirq] = NULL;
	irq->pirq = 0;
	update_eoi_bit(pirq);
	if (irq->fn)
		return;
	irq_mask(irq, true);
	irq_drop_vector(irq);
	if (irq->kind == IRQ_MSI)
		*irq = (struct irq){ .kind = IRQ_NONE };
}

int pirq_unmap(unsigned int pirq)
{
	struct irq *irq;
	unsigned int i, n;

	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	n = irq ? group_size(irq) : 0;
	if (!n) /* or a later member of a group */
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (irq[i].bound)
			return -EBUSY;
	if (irq->kind == IRQ_MSI && !irq->msi.msix)
		msi_disable(&irq->msi);
	for (i = 0; i < n; i++)
		unmap_one(&irq[i]);
	return 0;
}

static unsigned int vcpu_cpu(struct domain *d, unsigned int vcpu)
{
	struct vcpu *v = domain_vcpu(d, vcpu);
	unsigned int cpu = v ? READ_ONCE(v->sched.cpu) : 0;

	return cpu < cpus_present && cpus[cpu].online ? cpu : 0;
}

int pirq_bind(struct domain *d, unsigned int pirq, unsigned int vcpu)
{
	struct irq *irq;

	if (!d->privileged)
		return -EPERM;
	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	if (!irq)
		return -EINVAL;
	if (irq->bound || irq->fn)
		return -EBUSY;
	irq->bound = true;
	irq->in_service = false;
	irq->cpu = vcpu_cpu(d, vcpu);
	irq_program(irq, false);
	return 0;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
	struct irq *irq;

	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	if (irq && irq->bound) {
		irq->bound = irq->in_service = false;
		irq_mask(irq, true);
	}
}

void pirq_follow(struct domain *d, unsigned int pirq, unsigned int vcpu)
{
	unsigned int cpu = vcpu_cpu(d, vcpu);
	struct irq *irq;

	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	/* Messages of a group share one address: all go with the first. */
	if (irq && irq->bound && irq->cpu != cpu && group_size(irq)) {
		irq->cpu = cpu;
		irq_program(irq, irq->in_service);
	}
}

int pirq_eoi(unsigned int pirq)
{
	struct irq *irq;

	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	if (!irq)
		return -EINVAL;
	if (irq->in_service) {
		irq->in_service = false;
		if (irq->bound)
			irq_mask(irq, false);
	}
	return 0;
}

int pirq_needs_eoi(unsigned int pirq)
{
	struct irq *irq;

	if (pirq >= pirq_limit())
		return -EINVAL;
	spin_guard(&irq_lock);
	irq = pirq_irq(pirq);
	return irq && irq->level;
}

int pirq_set_eoi_page(struct domain *d, mfn_t mfn)
{
	struct frame *f;
	int rc;

	rc = frame_get_as(d, mfn, TYPE_WRITABLE, &f);
	if (rc)
		return rc;
	spin_lock(&irq_lock);
	if (eoi_bits) {
		rc = -EBUSY;
	} else {
		eoi_bits = frame_virt(f);
		for (unsigned int p = 0; p < pirq_limit(); p++)
			update_eoi_bit(p);
	}
	spin_unlock(&irq_lock);
	if (rc)
		frame_put_as(f);
	return rc;
}

void irq_destroy_domain(struct domain *d)
{
	unsigned long *bits;

	if (!d->privileged)
		return;
	for (unsigned int p = 1; p < pirq_limit(); p++) {
		pirq_unbind(d, p);
		(void)!pirq_unmap(p); /* -EINVAL: was not mapped */
	}
	spin_lock(&irq_lock);
	bits = eoi_bits;
	eoi_bits = NULL;
	spin_unlock(&irq_lock);
	if (bits)
		frame_put_as(virt_frame(bits));
}

/*
 * cpu/irq.c and cpu/pirq.c: Dom0's interrupt numbers on simulated I/O APIC
 * inputs and messages. A level source is masked when it fires until the EOI,
 * a message or an edge is not; whatever is not Dom0's to have is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "acpi.h"
#include "apic.h"
#include "domain.h"
#include "event.h"
#include "frame.h"
#include "irq.h"
#include "mm.h"

#define GSIS 24

struct acpi_info acpi;
struct domain *dom0;
static struct domain domain;
static struct vcpu vcpus[2];
static struct vcpu *vcpu_list[2] = { &vcpus[0], &vcpus[1] };

/* --- the simulated hardware --- */

static struct {
	uint8_t vector;
	bool level, low, masked;
	uint32_t apic_id;
} inputs[GSIS];
static struct {
	uint32_t apic_id;
	uint8_t vector;
	bool masked, enabled;
} messages[256];
static unsigned int eois, raised, last_pirq;

void ioapic_init(struct irq *gsis)
{
	for (unsigned int i = 0; i < GSIS; i++) {
		inputs[i].masked = true;
		gsis[i].kind = IRQ_GSI;
	}
}

void ioapic_write(const struct irq *irq, bool masked)
{
	inputs[irq->gsi].vector = irq->vector;
	inputs[irq->gsi].level = irq->level;
	inputs[irq->gsi].low = irq->low;
	inputs[irq->gsi].masked = masked;
	inputs[irq->gsi].apic_id = cpus[irq->cpu].apic_id;
}

void ioapic_mask(const struct irq *irq, bool masked)
{
	inputs[irq->gsi].masked = masked;
}

/* Device n (8 * n as its address) has entries, or a group, at 8 * n. */
int msi_find(struct msi *m, sbdf_t dev, bool msix, unsigned int entry,
	     unsigned int count)
{
	if (dev >= 64)
		return -ENODEV;
	*m = (struct msi){ .dev = dev, .msix = msix, .maskable = true,
			   .entry = (uint16_t)entry,
			   .count = (uint16_t)count };
	return 0;
}

void msi_write(const struct msi *m, uint32_t apic_id, uint8_t vector)
{
	messages[m->dev + m->entry].apic_id = apic_id;
	messages[m->dev + m->entry].vector = vector;
}

void msi_mask(const struct msi *m, bool masked)
{
	messages[m->dev + m->entry].masked = masked;
}

void msi_disable(const struct msi *m)
{
	messages[m->dev].enabled = false;
}

uint32_t apic_read(unsigned int reg)
{
	return 0;
}

void apic_write(unsigned int reg, uint32_t v)
{
	eois += reg == APIC_EOI;
}

void pirq_raise(struct domain *d, unsigned int pirq)
{
	raised++;
	last_pirq = pirq;
}

void timer_interrupt(void)
{
}

static void interrupt(unsigned int vector)
{
	struct cpu_user_regs r = { .entry_vector = vector };

	irq_dispatch(&r);
}

void tlb_poll(void)
{
}

static unsigned long eoi_page[512];

int frame_get_as(const struct domain *d, mfn_t mfn, enum frame_type type,
		 struct frame **f)
{
	*f = (struct frame *)eoi_page;
	return mfn.n == 5 ? 0 : -EPERM;
}

void frame_put_as(struct frame *f)
{
}

void *frame_virt(const struct frame *f)
{
	return eoi_page;
}

struct frame *virt_frame(const void *p)
{
	assert_ptr_equal(p, eoi_page);
	return (struct frame *)eoi_page;
}

/* --- */

static void fire(unsigned int gsi)
{
	unsigned int before = eois;

	assert_false(inputs[gsi].masked);
	interrupt(inputs[gsi].vector);
	assert_int_equal(eois, before + 1);
}

static int setup(void **state)
{
	irq_destroy_domain(&domain); /* what the test before left */
	memset(&domain, 0, sizeof(domain));
	domain.privileged = true;
	domain.max_vcpus = 2;
	domain.vcpu = vcpu_list;
	dom0 = &domain;
	cpus_present = 2;
	cpus[0].online = cpus[1].online = true;
	cpus[1].apic_id = 9;
	vcpus[1].sched.cpu = 1;
	raised = 0;
	acpi.overrides[0] = (struct acpi_override){ 20, 0xf, 9 };
	acpi.override_count = 1;
	return 0;
}

static int setup_group(void **state)
{
	domain.privileged = true;
	irq_init();
	return 0;
}

static int map_gsi(unsigned int gsi)
{
	int pirq = -1;

	assert_int_equal(pirq_map_gsi(gsi, &pirq), 0);
	return pirq;
}

static void test_edge(void **state)
{
	int p = map_gsi(4);

	assert_int_equal(p, 4);
	assert_true(inputs[4].masked);
	assert_int_equal(pirq_bind(&domain, 4, 1), 0);
	assert_false(inputs[4].masked || inputs[4].level || inputs[4].low);
	assert_int_equal(inputs[4].apic_id, 9);
	fire(4);
	fire(4);
	assert_int_equal(raised, 2);
	assert_int_equal(last_pirq, 4);
	pirq_follow(&domain, 4, 0);
	assert_int_equal(inputs[4].apic_id, 0);
	pirq_unbind(&domain, 4);
	assert_true(inputs[4].masked);
}

static void test_level(void **state)
{
	map_gsi(17);
	assert_int_equal(gsi_setup(17, true, true), 0);
	assert_int_equal(gsi_setup(17, false, false), -EEXIST);
	assert_int_equal(pirq_needs_eoi(17), 1);
	assert_int_equal(pirq_bind(&domain, 17, 0), 0);
	assert_true(inputs[17].level && inputs[17].low);
	fire(17);
	assert_true(inputs[17].masked);
	assert_int_equal(raised, 1);
	pirq_follow(&domain, 17, 1); /* still in service: stays closed */
	assert_true(inputs[17].masked);
	assert_int_equal(pirq_eoi(17), 0);
	assert_false(inputs[17].masked);
	assert_int_equal(pirq_eoi(17), 0); /* once more: no harm */
	fire(17);
	/* The EOI of one who is gone does not open the line. */
	pirq_unbind(&domain, 17);
	assert_int_equal(pirq_eoi(17), 0);
	assert_true(inputs[17].masked);
}

static void test_override(void **state)
{
	assert_int_equal(map_gsi(9), 9);
	assert_int_equal(pirq_needs_eoi(9), 0); /* interrupt 9 is GSI 20 on this machine */
	map_gsi(20);
	assert_int_equal(pirq_needs_eoi(20), 1);
}

static void test_message(void **state)
{
	unsigned int vector;
	int p = -1, q = -1;

	assert_int_equal(pirq_map_msi(8, 3, 1, true, &p), 0);
	assert_int_equal(p, (int)pirq_limit() - 1);
	assert_true(messages[11].masked);
	assert_int_equal(pirq_map_msi(8, 3, 1, true, &q), -EEXIST);
	assert_int_equal(pirq_bind(&domain, (unsigned int)p, 1), 0);
	assert_false(messages[11].masked);
	assert_int_equal(messages[11].apic_id, 9);
	vector = messages[11].vector;
	interrupt(vector);
	interrupt(vector);
	assert_false(messages[11].masked);
	assert_int_equal(raised, 2);
	assert_int_equal((int)last_pirq, p);
	assert_int_equal(pirq_unmap((unsigned int)p), -EBUSY);
	pirq_unbind(&domain, (unsigned int)p);
	assert_int_equal(pirq_unmap((unsigned int)p), 0);
	interrupt(vector); /* a late one: nobody's */
	assert_int_equal(raised, 2);
	assert_int_equal(pirq_map_msi(8, 3, 1, true, &q), 0);
}

static void test_group(void **state)
{
	int odd = -1, p = -1;

	assert_int_equal(pirq_map_msi(0, 0, 1, true, &odd), 0);
	assert_int_equal(pirq_map_msi(16, 0, 4, false, &p), 0);
	assert_int_equal(messages[16].vector % 4, 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pirq_bind(&domain, (unsigned int)(p + i), 0), 0);
		interrupt(messages[16].vector + (unsigned int)i);
		assert_int_equal((int)last_pirq, p + i);
	}
	pirq_follow(&domain, (unsigned int)p + 1, 1); /* not on its own */
	assert_int_equal(messages[16].apic_id, 0);
	pirq_follow(&domain, (unsigned int)p, 1);
	assert_int_equal(messages[16].apic_id, 9);
	for (int i = 0; i < 4; i++)
		pirq_unbind(&domain, (unsigned int)(p + i));
	assert_int_equal(pirq_unmap((unsigned int)p + 1), -EINVAL);
	assert_int_equal(pirq_unmap((unsigned int)p), 0);
	assert_int_equal(pirq_bind(&domain, (unsigned int)p + 2, 0),
			 -EINVAL);
}

static void test_refusals(void **state)
{
	uint32_t free_pirq;
	int p = -1, taken;
	assert_int_equal(pirq_map_gsi(GSIS, &p), -EINVAL);
	assert_int_equal(pirq_map_msi(64, 0, 1, false, &p), -ENODEV);
	assert_int_equal(pirq_map_msi(0, 0, 3, false, &p), -EINVAL);
	assert_int_equal(pirq_map_msi(0, 0, 64, false, &p), -EINVAL);
	p = (int)pirq_limit();
	assert_int_equal(pirq_map_gsi(3, &p), -EINVAL);
	assert_int_equal(pirq_map_msi(0, 0, 1, false, &p), -EINVAL);
	taken = map_gsi(5);
	assert_int_equal(pirq_map_gsi(6, &taken), -EBUSY);
	p = 7;
	assert_int_equal(pirq_map_gsi(5, &p), -EEXIST);
	assert_int_equal(pirq_bind(&domain, 8, 0), -EINVAL);
	assert_int_equal(pirq_bind(&domain, 0, 0), -EINVAL);
	assert_int_equal(pirq_bind(&domain, 5, 0), 0);
	assert_int_equal(pirq_bind(&domain, 5, 0), -EBUSY);
	assert_int_equal(pirq_eoi(pirq_limit()), -EINVAL);
	assert_int_equal(pirq_needs_eoi(UINT32_MAX), -EINVAL);
	assert_int_equal(pirq_unmap(UINT32_MAX), -EINVAL);
	assert_int_equal(pirq_find_free(true, &free_pirq), 0);
	p = -1;
	assert_int_equal(pirq_map_msi(0, 0, 1, true, &p), 0);
	assert_int_not_equal(p, (int)free_pirq);
	domain.privileged = false;
	assert_int_equal(pirq_bind(&domain, 5, 0), -EPERM);
	domain.privileged = true;
}

static void test_vectors_run_out(void **state)
{
	unsigned int i;
	int p;

	for (i = 0; ; i++) {
		p = -1;
		if (pirq_map_msi(32, i, 1, true, &p))
			break;
	}
	assert_in_range(i, 100, MAX_MSIS);
	p = -1;
	assert_int_equal(pirq_map_msi(0, 0, 1, true, &p), -ENOSPC);
	irq_destroy_domain(&domain);
	assert_int_equal(pirq_map_msi(0, 0, 1, true, &p), 0);
}

static void test_eoi_page(void **state)
{
	map_gsi(18);
	assert_int_equal(pirq_set_eoi_page(&domain, MFN(4)), -EPERM);
	assert_int_equal(pirq_set_eoi_page(&domain, MFN(5)), 0);
	assert_int_equal(pirq_set_eoi_page(&domain, MFN(5)), -EBUSY);
	assert_true(eoi_page[0] & 1UL << 18);
	map_gsi(3);
	assert_false(eoi_page[0] & 1UL << 3);
	map_gsi(19);
	assert_true(eoi_page[0] & 1UL << 19);
	assert_int_equal(gsi_setup(19, false, false), 0);
	assert_false(eoi_page[0] & 1UL << 19);
	assert_int_equal(pirq_unmap(18), 0);
	assert_false(eoi_page[0] & 1UL << 18);
}

static unsigned int own;

static void own_fired(void)
{
	own++;
}

static void test_own(void **state)
{
	assert_int_equal(irq_own_isa(9, own_fired), 0); /* GSI 20 */
	assert_int_equal(irq_own_isa(9, own_fired), -EBUSY);
	assert_int_equal(map_gsi(20), 20); /* Dom0 may map it ... */
	assert_int_equal(pirq_bind(&domain, 20, 0), -EBUSY);
	fire(20);
	assert_int_equal(own, 1);
	assert_int_equal(raised, 0);
	assert_int_equal(pirq_unmap(20), 0); /* ... and goes, we stay */
	fire(20);
	assert_int_equal(own, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_edge), TEST(test_level), TEST(test_override),
		TEST(test_message), TEST(test_group), TEST(test_refusals),
		TEST(test_vectors_run_out), TEST(test_eoi_page),
		TEST(test_own),
	};

	acpi.overrides[0] = (struct acpi_override){ 20, 0xf, 9 };
	acpi.override_count = 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup_group, NULL);
}

/*
 * The local APIC's two sets of operations, messages, I/O APIC entries, and
 * MSI capabilities of a simulated PCI device (which may be damaged).
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
#include "frame.h"
#include "irq.h"
#include "mm.h"
#include "pci.h"

struct acpi_info acpi;
struct spinlock irq_lock = SPINLOCK(RANK_IRQ);

/* --- the machine --- */

#define BAR 0xfeb00000u
static uint32_t apic_window[1024];
static uint32_t ioapic_window[1024];
static uint8_t table_page[4096] __attribute__((aligned(4096)));
static uint8_t config[256];
static uint32_t config_address;
static struct { uint32_t msr; uint64_t v; } msr_log[16];
static unsigned int msr_count;

void *map_mmio(paddr_t pa, size_t len)
{
	if (pa == 0xfee00000)
		return apic_window;
	if (pa == 0xfec00000)
		return ioapic_window;
	return (pa & PAGE_MASK) == BAR ? table_page : NULL;
}

void mmio_reserve(paddr_t pa, size_t len)
{
}

struct frame *frame_of(mfn_t mfn)
{
	return NULL;
}

static void write_msr(uint32_t msr, uint64_t v)
{
	msr_log[msr_count % 16].msr = msr;
	msr_log[msr_count++ % 16].v = v;
}

static uint64_t read_msr(uint32_t msr)
{
	return msr == 0x802 ? 0x12345 : 0;
}

/* One device: 0:3.0. */
static uint32_t port_in(uint16_t port, unsigned int size)
{
	uint32_t v = UINT32_MAX, reg = (config_address & 0xfc) + (port & 3);

	if (port >= 0xcfc && port < 0xd00 &&
	    (config_address & ~0xffu) == (0x80000000u | 3 << 11))
		memcpy(&v, config + reg, size);
	return v & (UINT32_MAX >> (32 - 8 * size));
}

static void port_out(uint16_t port, unsigned int size, uint32_t v)
{
	uint32_t reg = (config_address & 0xfc) + (port & 3);

	if (port == 0xcf8 && size == 4)
		config_address = v;
	else if (port >= 0xcfc && port < 0xd00 &&
		 (config_address & ~0xffu) == (0x80000000u | 3 << 11))
		memcpy(config + reg, &v, size);
}

#define DEVICE ((sbdf_t)(3 << 3))

static void set32(unsigned int reg, uint32_t v)
{
	memcpy(config + reg, &v, 4);
}

static uint32_t get32(unsigned int reg)
{
	uint32_t v;

	memcpy(&v, config + reg, 4);
	return v;
}

/* MSI at 0x50 (8 messages, 64 bits, maskable), MSI-X at 0x70 (5 entries). */
static int setup(void **state)
{
	host_machine.in = port_in;
	host_machine.out = port_out;
	host_machine.rdmsr = read_msr;
	host_machine.wrmsr = write_msr;
	msr_count = 0;
	memset(apic_window, 0, sizeof(apic_window));
	memset(table_page, 0xee, sizeof(table_page));
	memset(config, 0, sizeof(config));
	set32(0, 0x12348086);
	set32(4, 0x00100002); /* memory decoding; has capabilities */
	set32(0x10, BAR | 0xc); /* 64 bits, prefetchable */
	config[0x34] = 0x50;
	set32(0x50, 0x01860000 | 0x7005);
	set32(0x70, 0x00040000 | 0x0011);
	set32(0x74, 0x200);
	return 0;
}

static void test_xapic(void **state)
{
	x2apic = false;
	xapic_base = apic_window;
	apic_window[APIC_ID / 4] = 7u << 24;
	assert_int_equal(apic_read(APIC_ID), 7u << 24);
	apic_send(0x2a, APIC_MODE_FIXED | VEC_KICK);
	assert_int_equal(apic_window[APIC_ICR_HIGH / 4], 0x2a000000);
	assert_int_equal(apic_window[APIC_ICR / 4], VEC_KICK);
	apic_write(APIC_TIMER_INITIAL, 99);
	assert_int_equal(apic_window[0x380 / 4], 99);
}

static void test_x2apic(void **state)
{
	x2apic = true;
	assert_int_equal(apic_read(APIC_ID), 0x12345);
	apic_send(0x12345, APIC_MODE_INIT | APIC_LEVEL_ASSERT);
	assert_int_equal(msr_count, 1);
	assert_int_equal(msr_log[0].msr, 0x830);
	assert_int_equal(msr_log[0].v, 0x1234500004500);
	apic_write(APIC_EOI, 0);
	assert_int_equal(msr_log[1].msr, 0x80b);
	apic_write(APIC_TIMER_INITIAL, 5);
	assert_int_equal(msr_log[2].msr, 0x838);
	assert_int_equal(msr_log[2].v, 5);
}

static void test_kick_through_the_seam(void **state)
{
	cpus[3].apic_id = 3;
	x2apic = true;
	ipi_kick(3);
	assert_int_equal(msr_log[0].v, 0x300000000 | VEC_KICK);
}

static void test_ioapic_entries(void **state)
{
	struct irq irq = { .vector = 0x33, .cpu = 1 };

	cpus[1].apic_id = 2;
	assert_int_equal(ioapic_encode(&irq, false), 0x0200000000000033);
	irq.level = irq.low = true;
	assert_int_equal(ioapic_encode(&irq, true), 0x020000000001a033);
}

static void test_msi(void **state)
{
	struct msi m;

	set32(0x60, 0);
	assert_int_equal(msi_find(&m, DEVICE, false, 0, 4), 0);
	assert_int_equal(m.cap, 0x50);
	assert_true(m.wide && m.maskable);
	assert_int_equal(get32(0x60), 1);
	msi_write(&m, 0x12, 0x60);
	assert_int_equal(get32(0x54), 0xfee12000);
	assert_int_equal(get32(0x58), 0);
	assert_int_equal(get32(0x5c) & 0xffff, 0x60);
	/* Four messages on; the enable bit is Dom0's. */
	assert_int_equal(config[0x52] & 0x71, 0x20);
	m.entry = 3;
	msi_mask(&m, true);
	assert_int_equal(get32(0x60), 9);
	m.entry = 0;
	msi_mask(&m, false);
	assert_int_equal(get32(0x60), 8);
	config[0x52] |= 1;
	m.gone = true;
	msi_disable(&m);
	assert_int_equal(config[0x52] & 1, 1);
	m.gone = false;
	msi_disable(&m);
	assert_int_equal(config[0x52] & 1, 0);
	/* More than it can send. */
	assert_int_equal(msi_find(&m, DEVICE, false, 0, 16), -EINVAL);
}

static void test_msix(void **state)
{
	uint32_t *slot = (uint32_t *)(table_page + 0x200 + 4 * 16);
	struct msi m;

	memset(slot, 0, 16);
	assert_int_equal(msi_find(&m, DEVICE, true, 4, 1), 0);
	assert_int_equal(slot[3], 1);
	msi_write(&m, 2, 0x44);
	assert_int_equal(slot[0], 0xfee02000);
	assert_int_equal(slot[1], 0);
	assert_int_equal(slot[2], 0x44);
	msi_mask(&m, false);
	assert_int_equal(slot[3], 0);
	/* Not while the device's memory is off. */
	config[4] = 0;
	msi_write(&m, 3, 0x55);
	assert_int_equal(slot[2], 0x44);
	config[4] = 2;
	assert_int_equal(msi_find(&m, DEVICE, true, 5, 1), -EINVAL);
	assert_int_equal(msi_find(&m, DEVICE, true, 0, 2), -EINVAL);
	set32(0x10, 1); /* its BAR is ports */
	assert_int_equal(msi_find(&m, DEVICE, true, 0, 1), -ENODEV);
	set32(0x74, 0x207); /* there is no BAR 7 */
	assert_int_equal(msi_find(&m, DEVICE, true, 0, 1), -ENODEV);
}

static void test_damaged_capabilities(void **state)
{
	struct msi m;

	config[0x71] = 0x50; /* the list is a ring */
	assert_int_equal(pci_find_capability(DEVICE, 0x42), 0);
	config[0x51] = 0xff;
	assert_int_equal(pci_find_capability(DEVICE, PCI_CAP_MSIX), 0);
	config[0x34] = 0x10; /* points into the header */
	assert_int_equal(msi_find(&m, DEVICE, false, 0, 1), -ENODEV);
	/* Nobody there. */
	assert_int_equal(msi_find(&m, 0x0108, false, 0, 1), -ENODEV);
	assert_int_equal(pci_read(0x10108, 0, 2), 0xffff);
	assert_int_equal(pci_read(DEVICE, 0x100, 4), UINT32_MAX);
}

static void test_bars(void **state)
{
	assert_int_equal(pci_bar(DEVICE, 0), BAR);
	set32(0x14, 0x12);
	assert_int_equal(pci_bar(DEVICE, 0), 0x1200000000 + BAR);
	assert_int_equal(pci_bar(DEVICE, 6), 0);
	config[0x0e] = 1; /* a bridge: two of them */
	assert_int_equal(pci_bar(DEVICE, 2), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_xapic), TEST(test_x2apic),
		TEST(test_kick_through_the_seam),
		TEST(test_ioapic_entries), TEST(test_msi), TEST(test_msix),
		TEST(test_damaged_capabilities), TEST(test_bars),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

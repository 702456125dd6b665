/*
 * cpu/acpi.c: tables as they should be, and tables that lie about lengths.
 * Memory is handed out in pieces of just the asked size, so that the address
 * sanitizer sees any byte read too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "acpi.h"
#include "boot.h"
#include "frame.h"
#include "lib.h"

/* The lowest 2 MiB of a machine. */
#define MEMORY 0x200000u
static uint8_t memory[MEMORY];
static void *pieces[4096];
static unsigned int piece_count;
struct boot_info boot_info;

static void *piece(const void *from, size_t len)
{
	void *p = malloc(len ? len : 1);

	memcpy(p, from, len);
	assert_true(piece_count < ARRAY_SIZE(pieces));
	return pieces[piece_count++] = p;
}

void *map_boot(paddr_t pa, size_t len)
{
	if (pa > MEMORY || len > MEMORY - pa)
		return NULL;
	return piece(memory + pa, len);
}

void *map_mmio(paddr_t pa, size_t len)
{
	return NULL;
}

static int setup(void **state)
{
	memset(memory, 0, sizeof(memory));
	memset(&acpi, 0, sizeof(acpi));
	memset(&boot_info, 0, sizeof(boot_info));
	cpus_present = 1;
	return 0;
}

static int teardown(void **state)
{
	while (piece_count)
		free(pieces[--piece_count]);
	return 0;
}

/* --- a writer of tables --- */

struct table {
	uint8_t b[4096];
	size_t len;
};

static void put(struct table *t, uint64_t v, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		t->b[t->len++] = (uint8_t)(v >> 8 * i);
}

static void put_at(struct table *t, size_t at, uint64_t v, unsigned int size)
{
	size_t len = t->len;

	t->len = at;
	put(t, v, size);
	t->len = max(len, t->len);
}

static void begin(struct table *t, const char *signature)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->b, signature, 4);
	t->len = 36;
}

static void sum(uint8_t *p, size_t len, size_t at)
{
	uint8_t s = 0;

	p[at] = 0;
	for (size_t i = 0; i < len; i++)
		s = (uint8_t)(s + p[i]);
	p[at] = (uint8_t)-s;
}

static void end(struct table *t)
{
	put_at(t, 4, t->len, 4);
	sum(t->b, t->len, 9);
}

static void store(struct table *t, paddr_t pa)
{
	end(t);
	memcpy(memory + pa, t->b, t->len);
}

static void madt(struct table *t)
{
	begin(t, "APIC");
	put(t, 0xfee00000, 4);
	put(t, 1, 4);
	for (unsigned int i = 0; i < 3; i++) { /* CPUs; the third is off */
		put(t, 0x0800, 2);
		put(t, i, 1);
		put(t, i * 2, 1);
		put(t, i < 2, 4);
	}
	put(t, 0x0c01, 2); /* I/O APIC */
	put(t, 9, 2);
	put(t, 0xfec00000, 4);
	put(t, 24, 4);
	put(t, 0x0a02, 2); /* interrupt 9: GSI 20, level, low */
	put(t, 0, 1);
	put(t, 9, 1);
	put(t, 20, 4);
	put(t, 0xf, 2);
	put(t, 0x1009, 2); /* x2APIC */
	put(t, 0, 2);
	put(t, 300, 4);
	put(t, 1, 4);
	put(t, 77, 4);
}

static void fadt(struct table *t)
{
	begin(t, "FACP");
	t->len = 244;
	put_at(t, 40, 0x3000, 4);       /* DSDT */
	put_at(t, 46, 9, 2);            /* SCI */
	put_at(t, 64, 0x604, 4);        /* PM1a control */
	put_at(t, 76, 0x608, 4);        /* PM timer */
	put_at(t, 89, 2, 1);
	put_at(t, 91, 4, 1);
	put_at(t, 112, 1u << 10, 4);    /* reset register, 24-bit timer */
	put_at(t, 116, 1, 1);
	put_at(t, 120, 0xcf9, 8);
	put_at(t, 128, 6, 1);
}

static void dsdt(struct table *t)
{
	static const uint8_t s5[] = {
		0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 0x05, 0x01,
		0x00, 0x00,
	};

	begin(t, "DSDT");
	for (unsigned int i = 0; i < 100; i++)
		put(t, i * 7, 1);
	memcpy(t->b + t->len, s5, sizeof(s5));
	t->len += sizeof(s5);
}

/* A whole machine's tables: RSDP at 0xf0000, found by search. */
static void machine(void)
{
	struct table t;
	uint8_t *rsdp = memory + 0xf0000;

	madt(&t);
	store(&t, 0x1000);
	fadt(&t);
	store(&t, 0x2000);
	dsdt(&t);
	store(&t, 0x3000);
	begin(&t, "HPET");
	put(&t, 0x8086a201, 4);
	put(&t, 0x4000, 4);
	put(&t, 0xfed00000, 8);
	put(&t, 0, 4);
	store(&t, 0x4000);
	begin(&t, "MCFG");
	put(&t, 0, 8);
	put(&t, 0xb0000000, 8);
	put(&t, 0, 2);
	put(&t, 0, 1);
	put(&t, 255, 1);
	put(&t, 0, 4);
	store(&t, 0x5000);
	begin(&t, "RSDT");
	for (unsigned int i = 1; i <= 5; i++)
		if (i != 3)
			put(&t, i * 0x1000, 4);
	put(&t, 0x100000000 - 16, 4); /* a table where there is no memory */
	store(&t, 0x6000);
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[17] = 0x60;
	sum(rsdp, 20, 8);
}

static void test_machine(void **state)
{
	machine();
	acpi_init();
	assert_int_equal(acpi.rsdp, 0xf0000);
	/* The CPU we run on has id 0 and comes first. */
	assert_int_equal(cpus_present, 3);
	assert_int_equal(cpus[0].apic_id, 0);
	assert_int_equal(cpus[1].apic_id, 2);
	assert_int_equal(cpus[2].apic_id, 300);
	assert_int_equal(acpi.acpi_id[2], 77);
	assert_int_equal(acpi.ioapic_count, 1);
	assert_int_equal(acpi.ioapics[0].gsi_base, 24);
	assert_int_equal(acpi.ioapics[0].id, 9);
	assert_int_equal(acpi.override_count, 1);
	assert_int_equal(acpi.overrides[0].gsi, 20);
	assert_int_equal(acpi.overrides[0].flags, 0xf);
	assert_int_equal(acpi.pm_timer, 0x608);
	assert_false(acpi.pm_timer_32bit);
	assert_int_equal(acpi.pm1a_control, 0x604);
	assert_int_equal(acpi.pm1b_control, 0);
	assert_int_equal(acpi.reset.addr, 0xcf9);
	assert_int_equal(acpi.reset_value, 6);
	assert_int_equal(acpi.hpet, 0xfed00000);
	assert_int_equal(acpi.ecam_count, 1);
	assert_int_equal(acpi.ecam[0].end_bus, 255);
	assert_true(acpi.s5_known);
	assert_int_equal(acpi.s5_type_a, 5);
	assert_int_equal(acpi.s5_type_b, 1);
}

static void test_no_tables(void **state)
{
	acpi_init();
	assert_int_equal(acpi.rsdp, 0);
	assert_int_equal(cpus_present, 1);
	assert_int_equal(acpi.lapic_addr, 0xfee00000);
}

static void test_bad_checksums(void **state)
{
	machine();
	memory[0x1000 + 40]++; /* the MADT alone is lost */
	acpi_init();
	assert_int_equal(acpi.cpu_count, 0);
	assert_int_equal(acpi.pm_timer, 0x608);

	setup(NULL);
	machine();
	memory[0xf0000 + 16]++; /* no RSDP is left */
	acpi_init();
	assert_int_equal(acpi.rsdp, 0);
}

/* A header that says more, or less, than there can be. */
static void test_lying_lengths(void **state)
{
	static const uint32_t lengths[] = {
		0, 1, 35, 0x1ff000, 0x7fffffff, 0xffffffff,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		setup(NULL);
		machine();
		memcpy(memory + 0x1004, &lengths[i], 4);
		memcpy(memory + 0x2004, &lengths[i], 4);
		acpi_init();
		assert_int_equal(acpi.cpu_count, 0);
		assert_int_equal(acpi.ecam_count, 1);
	}
	setup(NULL);
	machine();
	memcpy(memory + 0x6004, &lengths[5], 4); /* the root itself */
	acpi_init();
	assert_int_equal(acpi.ecam_count, 0);
}

/* Each table cut at each byte, and with each byte changed. */
static void test_cut_and_changed(void **state)
{
	static void (*const make[])(struct table *) = { madt, fadt, dsdt };
	struct table t;
	uint8_t *p;

	for (unsigned int m = 0; m < ARRAY_SIZE(make); m++) {
		make[m](&t);
		for (size_t len = 0; len <= t.len; len++) {
			struct acpi_info info = { 0 };

			p = malloc(len ? len : 1);
			memcpy(p, t.b, len);
			acpi_parse_table(p, len, &info);
			acpi_parse_dsdt(p, len, &info);
			assert_true(info.cpu_count <= 3);
			free(p);
		}
		p = malloc(t.len);
		for (size_t at = 0; at < t.len * 256; at++) {
			struct acpi_info info = { 0 };

			memcpy(p, t.b, t.len);
			p[at / 256] = (uint8_t)at;
			acpi_parse_table(p, t.len, &info);
			acpi_parse_dsdt(p, t.len, &info);
		}
		free(p);
	}
}

static void test_too_many(void **state)
{
	struct acpi_info info = { 0 };
	struct table t;
	unsigned int i;

	begin(&t, "APIC");
	put(&t, 0, 8);
	for (i = 0; i < 100; i++) {
		put(&t, 0x0800, 2);
		put(&t, i, 1);
		put(&t, i, 1);
		put(&t, 1, 4);
	}
	for (i = 0; i < 40; i++) {
		put(&t, 0x0c01, 2);
		put(&t, 0, 2);
		put(&t, 0x1000 * i, 4);
		put(&t, 24 * i, 4);
	}
	for (i = 0; i < 80; i++) {
		put(&t, 0x0a02, 2);
		put(&t, 0, 1);
		put(&t, i % 16, 1);
		put(&t, i, 4);
		put(&t, 0, 2);
	}
	acpi_parse_table(t.b, t.len, &info);
	assert_int_equal(info.cpu_count, MAX_CPUS);
	assert_int_equal(info.ioapic_count, MAX_IOAPICS);
	assert_int_equal(info.override_count, MAX_OVERRIDES);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_machine), TEST(test_no_tables),
		TEST(test_bad_checksums), TEST(test_lying_lengths),
		TEST(test_cut_and_changed), TEST(test_too_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

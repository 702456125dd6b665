/*
 * Frame types and validation (mm/frame.c, validate.c, update.c, tlb.c): single
 * rules by hand, and random guests through frame_model.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "frame_model.h"
#include "host/memory.h"
#include "lib.h"
#include "mm.h"

#define D (&host_domains[1])

static int setup(void **state)
{
	host_memory_init();
	host_cpu = &cpus[0];
	return 0;
}

static struct frame *page(void)
{
	mfn_t mfn;

	assert_int_equal(domain_alloc_frames(D, 0, 0, &mfn), 0);
	return frame_of(mfn);
}

static uint64_t pte(const struct frame *f, uint64_t flags)
{
	return mfn_paddr(frame_mfn(f)) | flags | PTE_P;
}

static uint64_t *table(const struct frame *f)
{
	return frame_virt(f);
}

static void types_exclude_each_other(void **state)
{
	static const enum frame_type types[] = {
		TYPE_L1, TYPE_L2, TYPE_L3, TYPE_L4, TYPE_SEGDESC,
		TYPE_WRITABLE };
	struct frame *f = page();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		assert_int_equal(frame_get_type(f, types[i]), 0);
		for (j = 0; j < ARRAY_SIZE(types); j++)
			if (j != i)
				assert_int_equal(frame_get_type(f, types[j]),
						 -EBUSY);
		frame_put_type(f);
	}
	assert_int_equal(f->word & 0xfffffff, 1);
}

static void tables_hold_what_they_name(void **state)
{
	struct frame *l1 = page(), *data = page(), *ro = page();

	table(l1)[3] = pte(data, PTE_RW);
	table(l1)[4] = pte(ro, 0);
	assert_int_equal(frame_get_type(l1, TYPE_L1), 0);
	assert_int_equal(frame_type(data), TYPE_WRITABLE);
	assert_int_equal(frame_type(ro), TYPE_NONE);
	assert_int_equal(ro->word & 0xfffffff, 2);
	assert_int_equal(frame_get_type(data, TYPE_L1), -EBUSY);
	frame_put_type(l1);
	assert_int_equal(frame_type(data), TYPE_NONE);
	assert_int_equal(ro->word & 0xfffffff, 1);
}

static void a_table_cannot_map_itself_writable(void **state)
{
	struct frame *l1 = page();

	table(l1)[0] = pte(l1, PTE_RW);
	assert_int_equal(frame_get_type(l1, TYPE_L1), -EBUSY);
	assert_int_equal(frame_type(l1), TYPE_NONE);
	/* Read-only it may. */
	table(l1)[0] = pte(l1, 0);
	assert_int_equal(frame_get_type(l1, TYPE_L1), 0);
	assert_int_equal(table_update(D, D, 1, table(l1), pte(l1, PTE_RW), 0),
			 -EBUSY);
	assert_int_equal(table(l1)[0] & PTE_RW, 0);
	frame_put_type(l1);
}

static void bad_entries(void **state)
{
	static const struct {
		const char *what;
		uint64_t entry;
		enum frame_type type;
	} cases[] = {
		{ "superpage", 0x100000 | PTE_P | PTE_PSE, TYPE_L2 },
		{ "another's frame", 0x1f0000 | PTE_P, TYPE_L1 },
		{ "device memory", 0xfee00000 | PTE_P, TYPE_L1 },
		{ "no RAM", 0x100000000 | PTE_P, TYPE_L1 },
		{ "beyond the address width", 1UL << 45 | PTE_P, TYPE_L1 },
		{ "uncached RAM", 0x110000 | PTE_P | PTE_PCD, TYPE_L1 },
	};
	struct frame *f = page();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(table(f), 0, PAGE_SIZE);
		table(f)[7] = cases[i].entry;
		if (frame_get_type(f, cases[i].type) == 0)
			fail_msg("taken: %s", cases[i].what);
		assert_int_equal(f->word & 0xfffffff, 1);
		assert_int_equal(frame_type(f), TYPE_NONE);
	}
}

static void a_failed_validation_drops_what_it_took(void **state)
{
	struct frame *l1 = page(), *data = page();

	table(l1)[0] = pte(data, PTE_RW);
	table(l1)[511] = 0x100000000 | PTE_P;
	assert_true(frame_get_type(l1, TYPE_L1) < 0);
	assert_int_equal(data->word & 0xfffffff, 1);
	assert_int_equal(frame_type(data), TYPE_NONE);
}

/* Wherever an entry stands, it is seen on the way in and on the way out. */
static void no_entry_is_passed_over(void **state)
{
	struct frame *l1 = page(), *data = page();
	unsigned int i;

	for (i = 0; i < 512; i++) {
		memset(table(l1), 0, PAGE_SIZE);
		table(l1)[i] = pte(data, PTE_RW);
		assert_int_equal(frame_get_type(l1, TYPE_L1), 0);
		assert_int_equal(data->word & 0xfffffff, 2);
		frame_put_type(l1);
		assert_int_equal(data->word & 0xfffffff, 1);
	}
}

static void descriptors(void **state)
{
	static const struct {
		uint64_t desc, fixed;
		bool ok;
	} cases[] = {
		{ 0, 0, true },
		{ 0x00cf9b000000ffff, 0x00cffb000000ffff, true }, /* DPL 0 */
		{ 0x00af9b000000ffff, 0x00affb000000ffff, true },
		{ 0x00cf93000000ffff, 0x00cff3000000ffff, true },
		{ 0x00008c0000080000, 0, false }, /* call gate */
		{ 0x00008e0000080000, 0, false }, /* interrupt gate */
		{ 0x0000890000000067, 0, false }, /* TSS */
		{ 0x0000820000000067, 0, false }, /* LDT */
		{ 0x00ef9b000000ffff, 0, false }, /* L and D */
		{ 0x00af9f000000ffff, 0, false }, /* conforming */
	};
	unsigned int i;
	uint64_t d;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		d = cases[i].desc;
		assert_int_equal(descriptor_fix(&d), cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(d, cases[i].fixed);
	}
}

static void reserved_l4_slots(void **state)
{
	struct frame *l4 = page(), *l3 = page();
	unsigned int i;

	for (i = 256; i < 272; i++)
		table(l4)[i] = 0xdead000 | PTE_P; /* never looked at */
	assert_int_equal(frame_get_type(l4, TYPE_L4), 0);
	for (i = 256; i < 272; i++) {
		assert_int_equal(table(l4)[i], hv_l4[i]);
		assert_int_equal(table_update(D, D, 4, &table(l4)[i], pte(l3, 0), 0),
				 -EINVAL);
	}
	frame_put_type(l4);
}

static void a_full_count_is_refused(void **state)
{
	struct frame *f = page();

	f->word |= 0x8000000;
	assert_null(frame_get(D, frame_mfn(f)));
	f->word = (f->word & ~0xfffffffUL) | 1;
	assert_int_equal(frame_get_type(f, TYPE_WRITABLE), 0);
	f->word |= 0x8000000UL << 28;
	assert_int_equal(frame_get_type(f, TYPE_WRITABLE), -EOVERFLOW);
}

static void given_back_when_the_last_mapping_goes(void **state)
{
	uint64_t before = heap_free_frames();
	struct frame *l1 = page(), *data = page();

	table(l1)[0] = pte(data, PTE_RW);
	assert_int_equal(frame_get_type(l1, TYPE_L1), 0);
	assert_int_equal(frame_release(data), 0);
	assert_int_equal(frame_release(data), -EBUSY);
	assert_int_equal(heap_free_frames(), before - 2);
	frame_put_type(l1);
	assert_int_equal(heap_free_frames(), before - 1);
	assert_int_equal(frame_release(l1), 0);
	assert_int_equal(heap_free_frames(), before);
	assert_int_equal(D->tot_pages, 0);
}

/* Programs of all lengths from a fixed generator: the same on every run. */
static void random_guests(void **state)
{
	unsigned int total[16] = { 0 }, i, run;
	static uint8_t program[6000];
	uint64_t x = 88172645463325252;

	for (run = 0; run < 60; run++) {
		for (i = 0; i < sizeof(program); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			program[i] = (uint8_t)(x >> 24);
		}
		frame_model_run(program, sizeof(program));
		for (i = 0; i < 16; i++)
			total[i] += frame_model_effects[i];
	}
	for (i = 0; i < 16; i++)
		printf("# action %u: %u effects\n", i, total[i]);
	/* A model whose guests never get anything done shows nothing. */
	for (i = 0; i < 16; i++)
		if (total[i] < 20)
			fail_msg("action %u had %u effects", i, total[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(types_exclude_each_other, setup),
		cmocka_unit_test_setup(tables_hold_what_they_name, setup),
		cmocka_unit_test_setup(a_table_cannot_map_itself_writable,
				       setup),
		cmocka_unit_test_setup(bad_entries, setup),
		cmocka_unit_test_setup(a_failed_validation_drops_what_it_took,
				       setup),
		cmocka_unit_test_setup(no_entry_is_passed_over, setup),
		cmocka_unit_test_setup(descriptors, setup),
		cmocka_unit_test_setup(reserved_l4_slots, setup),
		cmocka_unit_test_setup(a_full_count_is_refused, setup),
		cmocka_unit_test_setup(given_back_when_the_last_mapping_goes,
				       setup),
		cmocka_unit_test(random_guests),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

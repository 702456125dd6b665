/*
 * multicall: every entry is made and gets its result; one that fails stops
 * nothing; the call itself succeeds. Rule: "multicall" in <xen/xen.h>. A count
 * is not refused for being large, but the array must be there (security
 * lessons 27, 32); a batch within a batch is not endless.
 */
#include "tap.h"

static void results(void)
{
	struct multicall_entry m[4] = {
		{ .op = __HYPERVISOR_xen_version,
		  .args = { XENVER_version } },
		{ .op = 60, .args = { 1, 2, 3 } },
		{ .op = __HYPERVISOR_xen_version, .args = { 999 } },
		{ .op = __HYPERVISOR_xen_version,
		  .args = { XENVER_pagesize } },
	};

	CHECK_EQ(hcall_multicall(m, 4), 0);
	CHECK_EQ(m[0].result, 4 << 16 | 17);
	CHECK_EQ(m[1].result, -ENOSYS);
	CHECK_EQ(m[2].result, -ENOSYS);
	CHECK_EQ(m[3].result, PAGE_SIZE);
}

static void nothing(void)
{
	CHECK_EQ(hcall_multicall(NULL, 0), 0);
}

static void many(void)
{
	static struct multicall_entry m[600];

	for (unsigned int i = 0; i < ARRAY_SIZE(m); i++) {
		m[i].op = __HYPERVISOR_xen_version;
		m[i].args[0] = i % 2 ? XENVER_version : XENVER_pagesize;
		m[i].result = 7;
	}
	CHECK_EQ(hcall_multicall(m, ARRAY_SIZE(m)), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(m); i++)
		CHECK_EQ(m[i].result, i % 2 ? 4 << 16 | 17 : PAGE_SIZE);
}

static void page_table_work(void)
{
	unsigned long va = TEST_VA + (50ul << PAGE_SHIFT);
	uint64_t *page = page_alloc();
	struct mmu_update u;
	struct multicall_entry m[3] = {
		{ .op = __HYPERVISOR_update_va_mapping,
		  .args = { va, mfn_pte(virt_to_mfn(page), PTE_RWX),
			    UVMF_INVLPG } },
		{ .op = __HYPERVISOR_mmu_update,
		  .args = { (unsigned long)&u, 1, 0, DOMID_SELF } },
		{ .op = __HYPERVISOR_update_va_mapping,
		  .args = { UNMAPPED_VA, 0, 0 } },
	};

	pt_map(va, 0);
	u.ptr = virt_to_maddr(&page[8]);
	u.val = 0xfeed;
	CHECK_EQ(hcall_multicall(m, 3), 0);
	CHECK_EQ(m[0].result, 0);
	CHECK_EQ(m[1].result, 0);
	CHECK_EQ(m[2].result, -EINVAL);
	CHECK_EQ(((volatile uint64_t *)va)[8], 0xfeed);
	pt_map(va, 0);
	page_free(page);
}

static void bad_arrays(void)
{
	static const unsigned long bad[] = {
		UNMAPPED_VA, XEN_VA, NONCANONICAL, 0xffff87ffffffffc0,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(hcall_multicall(bad[i], 1), -EFAULT);
		CHECK_EQ(hcall_multicall(bad[i], 0x7fffffff), -EFAULT);
		CHECK_EQ(hcall_multicall(bad[i], 0xffffffff), -EFAULT);
	}
}

/* The array ends in the middle: what was before is done. */
static void array_that_ends(void)
{
	unsigned long va = TEST_VA + (60ul << PAGE_SHIFT);
	struct multicall_entry *m = page_alloc();
	unsigned int n = PAGE_SIZE / sizeof(*m);

	for (unsigned int i = 0; i < n; i++) {
		m[i].op = __HYPERVISOR_xen_version;
		m[i].args[0] = XENVER_pagesize;
	}
	pt_map(va, mfn_pte(virt_to_mfn(m), PTE_RWX));
	pt_map(va + PAGE_SIZE, 0);
	CHECK_EQ(hcall_multicall(va, n), 0);
	for (unsigned int i = 0; i < n; i++) {
		CHECK_EQ(m[i].result, PAGE_SIZE);
		m[i].result = 0;
	}
	CHECK_EQ(hcall_multicall(va, n + 1), -EFAULT);
	pt_map(va, 0);
	page_free(m);
}

static void result_cannot_be_written(void)
{
	struct multicall_entry *m = page_alloc();

	m->op = __HYPERVISOR_xen_version;
	PREPARE(hcall_update_va_mapping(m, mfn_pte(virt_to_mfn(m), PTE_ROX),
					UVMF_INVLPG));
	CHECK_EQ(hcall_multicall(m, 1), -EFAULT);
	CHECK_EQ(m->result, 0);
	PREPARE(page_set_rw(m));
	page_free(m);
}

static void nested(void)
{
	struct multicall_entry inner = {
		.op = __HYPERVISOR_xen_version,
		.args = { XENVER_pagesize },
	};
	struct multicall_entry outer = {
		.op = __HYPERVISOR_multicall,
		.args = { (unsigned long)&inner, 1 },
	};

	/* The original refuses the inner one, as must do who would recurse. */
	CHECK_EQ(hcall_multicall(&outer, 1), 0);
	CHECK_EITHER(outer.result, 0, -EINVAL);
	outer.args[0] = (unsigned long)&outer;
	CHECK_EQ(hcall_multicall(&outer, 1), 0);
}

static const struct test_case cases[] = {
	{ "results of each", results },
	{ "no entries", nothing },
	{ "600 entries", many },
	{ "page-table work", page_table_work },
	{ "bad arrays", bad_arrays },
	{ "an array that ends too early", array_that_ends },
	{ "results that cannot be written", result_cannot_be_written },
	{ "a multicall in a multicall", nested },
};

TEST_PROGRAM(multicall, "multicall", cases);

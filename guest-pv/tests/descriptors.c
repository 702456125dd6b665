/*
 * Descriptor tables: set_gdt, update_descriptor and MMUEXT_SET_LDT. A guest
 * may have code and data segments of ring 3, and nothing that leads into the
 * hypervisor: gates, task and system segments are refused, call gates too, and
 * privilege is lowered to 3 (map, 2.1; security lessons 65, 66). The frames of
 * a table are typed and cannot be written. At most 14 pages; the reserved
 * selectors behind them are the hypervisor's.
 */
#include "tables.h"

#define DESC_CODE64	0x00affb000000ffffull
#define DESC_CODE64_DPL0 0x00af9b000000ffffull
#define DESC_DATA	0x00cff3000000ffffull
#define DESC_LDT	0x0000e20000000fffull
#define DESC_TSS	0x0000e90000000fffull
#define DESC_CALL_GATE	0x0000ec0000100000ull
#define DESC_INT_GATE	0x0000ee0000100000ull
#define DESC_TRAP_GATE	0x0000ef0000100000ull
#define DESC_TASK_GATE	0x0000e50000000000ull
#define DESC_ABSENT	0x00007f0000000000ull

#define set_gdt(frames, n) hypercall2(__HYPERVISOR_set_gdt, frames, n)
#define update_descriptor(maddr, desc) \
	hypercall2(__HYPERVISOR_update_descriptor, maddr, desc)

static uint16_t load_ds(uint16_t sel)
{
	uint16_t got;

	__asm__ volatile("mov %1, %%ds\n mov %%ds, %0\n"
			 : "=r"(got) : "r"((unsigned int)sel));
	return got;
}

static void do_load_ds(void *arg)
{
	load_ds((uint16_t)(unsigned long)arg);
}

/* The vector of loading ds with SEL; -1: it loads. */
static int try_ds(uint16_t sel)
{
	int vector = trap_catch(do_load_ds, (void *)(unsigned long)sel, NULL);

	load_ds(0);
	return vector;
}

static void gdt_used(void)
{
	uint64_t *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);

	gdt[2] = DESC_DATA;
	CHECK_EQ(try_ds(0x13), 13);
	PREPARE(page_set_ro(gdt));
	CHECK_EQ(set_gdt(&frame, 512), 0);
	CHECK_EQ(try_ds(0x13), -1);
	CHECK_EQ(try_ds(0x1b), 13);
	/* The same again, with fewer entries, then none. */
	CHECK_EQ(set_gdt(&frame, 16), 0);
	CHECK_EQ(try_ds(0x13), -1);
	CHECK_EQ(set_gdt(NULL, 0), 0);
	CHECK_EQ(try_ds(0x13), 13);
	table_free(gdt);
}

static void gdt_refused(void)
{
	uint64_t *gdt = page_alloc(), *l1 = table_new();
	unsigned long frames[16], frame = virt_to_mfn(gdt);

	/* Still mapped writable. */
	CHECK_REFUSED(set_gdt(&frame, 512));
	PREPARE(page_set_ro(gdt));
	for (unsigned int i = 0; i < 16; i++)
		frames[i] = frame;
	CHECK_EQ(set_gdt(frames, 8193), -EINVAL);
	CHECK_EQ(set_gdt(frames, 7169), -EINVAL);
	CHECK_EQ(set_gdt(frames, 0x7fffffff), -EINVAL);
	CHECK_EQ(set_gdt(UNMAPPED_VA, 512), -EFAULT);
	CHECK_EQ(set_gdt(XEN_VA, 512), -EFAULT);
	CHECK_EQ(set_gdt(NONCANONICAL, 512), -EFAULT);
	CHECK_EQ(set_gdt(NULL, 512), -EFAULT);
	frames[0] = 1ul << 33;
	CHECK_REFUSED(set_gdt(frames, 512));
	frames[0] = ~0ul;
	CHECK_REFUSED(set_gdt(frames, 512));
	frames[0] = 0xfee00;
	CHECK_REFUSED(set_gdt(frames, 512));
	frames[0] = frame;
	frames[1] = 1ul << 33;
	CHECK_REFUSED(set_gdt(frames, 513));
	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	frames[0] = virt_to_mfn(l1);
	CHECK_REFUSED(set_gdt(frames, 512));
	PREPARE(page_unpin(l1));
	/* Nothing of it was taken. */
	table_free(gdt);
	table_free(l1);
}

static void gdt_of_14_pages(void)
{
	uint64_t *gdt = table_new();
	unsigned long frames[14];

	for (unsigned int i = 0; i < 14; i++)
		frames[i] = virt_to_mfn(gdt);
	CHECK_EQ(set_gdt(frames, 7168), 0);
	CHECK_REFUSED(page_set_rw(gdt));
	CHECK_EQ(set_gdt(NULL, 0), 0);
	table_free(gdt);
}

/* System descriptors: the whole page is refused with one of them in it. */
static void gates_refused(void)
{
	static const uint64_t bad[] = {
		DESC_LDT, DESC_TSS, DESC_INT_GATE, DESC_TRAP_GATE,
		DESC_TASK_GATE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t *gdt = page_alloc();
		unsigned long frame = virt_to_mfn(gdt);

		gdt[5] = bad[i];
		PREPARE(page_set_ro(gdt));
		CHECK_REFUSED(set_gdt(&frame, 512));
		CHECK_EQ(gdt[5], bad[i]);
		table_free(gdt);
	}
}

/* The reserved selectors and the descriptors that the original alters. */
static void privilege_is_lowered(void)
{
	uint64_t *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);

	gdt[3] = DESC_CODE64_DPL0;
	PREPARE(page_set_ro(gdt));
	if (set_gdt(&frame, 512) == 0) {
		/* Accepted: then with DPL 3. */
		CHECK_EQ(gdt[3] >> 45 & 3, 3);
		CHECK_EQ(set_gdt(NULL, 0), 0);
	} else {
		CHECK_EQ(gdt[3], DESC_CODE64_DPL0);
	}
	table_free(gdt);
}

/* A call gate may stand there, only if it cannot be used by anybody. */
static void call_gate_is_dead(void)
{
	uint64_t *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) far = { 0, 0x2b };

	gdt[5] = DESC_CALL_GATE;
	PREPARE(page_set_ro(gdt));
	if (set_gdt(&frame, 512) == 0) {
		CHECK_EQ(gdt[5] >> 45 & 3, 0);
		(void)far;
		CHECK_EQ(set_gdt(NULL, 0), 0);
	}
	table_free(gdt);
}

static void update_in_use(void)
{
	uint64_t *gdt = table_new();
	unsigned long frame = virt_to_mfn(gdt);

	PREPARE(set_gdt(&frame, 512));
	CHECK_EQ(try_ds(0x23), 13);
	CHECK_EQ(update_descriptor(virt_to_maddr(&gdt[4]), DESC_DATA), 0);
	CHECK_EQ(try_ds(0x23), -1);
	CHECK_EQ(update_descriptor(virt_to_maddr(&gdt[4]), 0), 0);
	CHECK_EQ(try_ds(0x23), 13);
	CHECK_EQ(update_descriptor(virt_to_maddr(&gdt[4]), DESC_ABSENT), 0);
	CHECK_EQ(try_ds(0x23) == -1, 0);
	CHECK_EQ(set_gdt(NULL, 0), 0);
	table_free(gdt);
}

static void update_refused(void)
{
	static const uint64_t bad[] = {
		DESC_LDT, DESC_TSS, DESC_INT_GATE, DESC_TRAP_GATE,
		DESC_TASK_GATE,
	};
	uint64_t *gdt = table_new(), *l1 = table_new();
	unsigned long frame = virt_to_mfn(gdt);

	PREPARE(set_gdt(&frame, 512));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(update_descriptor(virt_to_maddr(&gdt[4]), bad[i]),
			 -EINVAL);
	CHECK_EQ(gdt[4], 0);
	/* Not aligned, not ours, not there. */
	CHECK_EQ(update_descriptor(virt_to_maddr(gdt) + 4, DESC_DATA),
		 -EINVAL);
	CHECK_REFUSED(update_descriptor(1ul << 45, DESC_DATA));
	CHECK_REFUSED(update_descriptor(~7ul, DESC_DATA));
	CHECK_REFUSED(update_descriptor(0xfee00000, DESC_DATA));
	/* Page tables are not edited as descriptors. */
	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	CHECK_REFUSED(update_descriptor(virt_to_maddr(l1), DESC_DATA));
	CHECK_EQ(l1[0], 0);
	PREPARE(page_unpin(l1));
	PREPARE(set_gdt(NULL, 0));
	table_free(gdt);
	table_free(l1);
}

static void update_data_page(void)
{
	uint64_t *page = page_alloc();

	CHECK_EQ(update_descriptor(virt_to_maddr(&page[1]), DESC_DATA), 0);
	CHECK_EQ(page[1] & ~(1ull << 40), DESC_DATA & ~(1ull << 40));
	page_free(page);
}

static void ldt_used(void)
{
	uint64_t *ldt = page_alloc();

	ldt[3] = DESC_DATA;
	PREPARE(page_set_ro(ldt));
	CHECK_EQ(try_ds(0x1f), 13);
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, (unsigned long)ldt, 16), 0);
	CHECK_EQ(try_ds(0x1f), -1);
	CHECK_EQ(try_ds(0x27), 13);
	/* Its frame is typed by its use. */
	CHECK_REFUSED(page_pin(ldt, MMUEXT_PIN_L1_TABLE));
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
	CHECK_EQ(try_ds(0x1f), 13);
	table_free(ldt);
}

/*
 * One CPU, two vCPUs: each has a GDT of its own, whose entry 2 or 3 can be used,
 * and the first an LDT.
 */
static volatile bool turns_end;
static volatile unsigned int turns, seen_of_another;

static bool usable(uint16_t selector)
{
	uint32_t limit;
	bool ok;

	__asm__ volatile("lsl %2, %0" : "=r"(limit), "=@ccz"(ok)
			 : "r"((uint32_t)selector));
	return ok;
}

static long pin(int cpu)
{
	struct sched_pin_override p = { .pcpu = cpu };

	return hcall_sched_op(SCHEDOP_pin_override, &p);
}

static uint64_t *gdt_with(unsigned int entry)
{
	uint64_t *gdt = page_alloc();
	unsigned long frame = virt_to_mfn(gdt);

	gdt[entry] = DESC_DATA;
	PREPARE(page_set_ro(gdt));
	PREPARE(set_gdt(&frame, 512));
	return gdt;
}

static void with_another_gdt(void *arg)
{
	uint64_t *gdt = gdt_with(3);

	(void)arg;
	if (pin(0) == 0)
		while (!turns_end) {
			seen_of_another += usable(0x1f) + usable(0x13) +
					   !usable(0x1b);
			turns++;
			hcall_sched_op(SCHEDOP_yield, NULL);
		}
	(void)pin(-1);
	PREPARE(set_gdt(NULL, 0));
	table_free(gdt);
}

static void tables_of_another(void)
{
	uint64_t *ldt = page_alloc(), *gdt, end = time_ns() + 20000000000;
	unsigned int unseen = 0;

	if (!is_dom0() || cpus_possible() < 2)
		tap_skip("Dom0 with two vCPUs alone");
	ldt[3] = DESC_DATA;
	PREPARE(page_set_ro(ldt));
	gdt = gdt_with(2);
	REQUIRE_EQ(pin(0), 0);
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, (unsigned long)ldt, 16), 0);
	REQUIRE_EQ(cpu_start(1, with_another_gdt, NULL), 0);
	while (turns < 100 && time_ns() < end) {
		hcall_sched_op(SCHEDOP_yield, NULL);
		unseen += !usable(0x1f) + !usable(0x13) + usable(0x1b);
	}
	CHECK(turns >= 100);
	CHECK_EQ(unseen, 0);
	CHECK_EQ(seen_of_another, 0);
	turns_end = true;
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
	CHECK_EQ(set_gdt(NULL, 0), 0);
	CHECK_EQ(pin(-1), 0);
	while (hcall_vcpu_op(VCPUOP_is_up, 1, NULL) == 1)
		hcall_sched_op(SCHEDOP_yield, NULL);
	table_free(ldt);
	table_free(gdt);
}

static void ldt_refused(void)
{
	uint64_t *ldt = page_alloc();
	unsigned long va = (unsigned long)ldt;

	/* Refused here or, looked at when used, of no use. */
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, va, 8193));
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, va, 0xffffffff));
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, va + 8, 16));
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, NONCANONICAL, 16));
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, XEN_VA, 16));
	CHECK_REFUSED(mmuext(MMUEXT_SET_LDT, 0xffff7ffffffff000, 8192));
	CHECK_EQ(try_ds(0x1f), 13);
	page_free(ldt);
}

/*
 * Sets an LDT that is of no use: the original looks at it when it is used, and
 * faults then; ours when it is set. Either way no selector of it loads.
 */
static void unusable_ldt(unsigned long va)
{
	long rc = mmuext(MMUEXT_SET_LDT, va, 16);

	CHECK_EITHER(rc, 0, -EINVAL);
	CHECK(try_ds(0x1f) != -1);
	PREPARE(mmuext(MMUEXT_SET_LDT, 0, 0));
}

static void ldt_unusable(void)
{
	uint64_t *writable = page_alloc(), *gates = page_alloc();

	writable[3] = DESC_DATA;
	unusable_ldt((unsigned long)writable);
	CHECK_EQ(try_write((unsigned long)writable, 1), -1);
	gates[3] = DESC_DATA;
	gates[4] = DESC_INT_GATE;
	PREPARE(page_set_ro(gates));
	unusable_ldt((unsigned long)gates);
	unusable_ldt(UNMAPPED_VA);
	page_free(writable);
	table_free(gates);
}

/* The instructions themselves are not a guest's, at any CPL. */
static void native_tables(void *arg)
{
	static uint8_t buf[16];

	switch ((unsigned long)arg) {
	case 0:
		__asm__ volatile("lgdt %0" : : "m"(buf));
		break;
	case 1:
		__asm__ volatile("lidt %0" : : "m"(buf));
		break;
	case 2:
		__asm__ volatile("lldt %0" : : "r"((uint16_t)0));
		break;
	case 3:
		__asm__ volatile("ltr %0" : : "r"((uint16_t)0));
		break;
	}
}

static void native_instructions(void)
{
	for (unsigned long i = 0; i < 4; i++)
		CHECK_EQ(trap_catch(native_tables, (void *)i, NULL), 13);
}

/* Selectors of the hypervisor's own that a guest may load, and others. */
static void reserved_selectors(void)
{
	CHECK_EQ(try_ds(FLAT_RING3_SS64), -1);
	CHECK_EQ(try_ds(0xe02b), -1);
	for (unsigned int sel = 0xe03b; sel < 0xe200; sel += 8) {
		int vector = try_ds((uint16_t)sel);

		if (vector == -1)
			printk("# selector %#x loads\n", sel);
		CHECK(vector != -1 || sel < 0xe100);
	}
}

static const struct test_case cases[] = {
	{ "a GDT is used", gdt_used },
	{ "GDTs refused", gdt_refused },
	{ "a GDT of 14 pages", gdt_of_14_pages },
	{ "gates and system segments refused", gates_refused },
	{ "privilege is lowered", privilege_is_lowered },
	{ "a call gate is dead", call_gate_is_dead },
	{ "update_descriptor in use", update_in_use },
	{ "update_descriptor refused", update_refused },
	{ "update_descriptor in a data page", update_data_page },
	{ "an LDT is used", ldt_used },
	{ "GDT and LDT are one vCPU's", tables_of_another },
	{ "LDTs refused", ldt_refused },
	{ "LDTs of no use", ldt_unusable },
	{ "native instructions", native_instructions },
	{ "reserved selectors", reserved_selectors },
};

TEST_PROGRAM(descriptors, "set_gdt, update_descriptor, SET_LDT", cases);

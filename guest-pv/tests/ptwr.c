/*
 * Direct stores to a live L1 table: the hypervisor emulates them with the
 * checks of mmu_update. Pins every instruction that Linux is known to use and
 * their neighbours (map, 3.5): mov, xchg, cmpxchg, and, or, xor, bts, btr,
 * btc, of 1 to 8 bytes. What it would refuse in mmu_update comes as a page
 * fault to the kernel that tried, and changes nothing. Only L1 tables, only
 * kernel mode, only naturally aligned.
 */
#include "tables.h"

struct op {
	const char *name;
	/* Applies the instruction to *P with VALUE; returns a result. */
	void (*run)(void *arg);
};

struct store {
	volatile void *at;
	uint64_t value;
	uint64_t result;
};

#define STORE_OP(fn, text, constraint, type)				\
static void fn(void *arg)						\
{									\
	struct store *s = arg;						\
	type v = (type)s->value;					\
	__asm__ volatile(text : "+" constraint(v),			\
			 "+m"(*(volatile type *)s->at) : : "memory", "cc"); \
	s->result = v;							\
}

STORE_OP(mov64, "movq %0, %1", "r", uint64_t)
STORE_OP(mov32, "movl %0, %1", "r", uint32_t)
STORE_OP(mov16, "movw %0, %1", "r", uint16_t)
STORE_OP(mov8, "movb %0, %1", "q", uint8_t)
STORE_OP(xchg64, "xchgq %0, %1", "r", uint64_t)
STORE_OP(xchg32, "xchgl %0, %1", "r", uint32_t)
STORE_OP(xchg8, "xchgb %0, %1", "q", uint8_t)
STORE_OP(and64, "lock andq %0, %1", "r", uint64_t)
STORE_OP(and8, "lock andb %0, %1", "q", uint8_t)
STORE_OP(or64, "lock orq %0, %1", "r", uint64_t)
STORE_OP(or8, "orb %0, %1", "q", uint8_t)
STORE_OP(xor64, "xorq %0, %1", "r", uint64_t)
STORE_OP(bts64, "lock btsq %0, %1", "r", uint64_t)
STORE_OP(btr64, "lock btrq %0, %1", "r", uint64_t)

static void mov_imm32(void *arg)
{
	struct store *s = arg;

	__asm__ volatile("movq $0, %0"
			 : "=m"(*(volatile uint64_t *)s->at) : : "memory");
}

static void and_imm8(void *arg)
{
	struct store *s = arg;

	/* What fork does: lock andb $~RW, (%r12) */
	__asm__ volatile("mov %0, %%r12\n lock andb $0xfd, (%%r12)"
			 : : "r"(s->at) : "r12", "memory", "cc");
}

static void btr_imm8(void *arg)
{
	struct store *s = arg;

	__asm__ volatile("lock btrq $1, %0"
			 : "+m"(*(volatile uint64_t *)s->at)
			 : : "memory", "cc");
}

static void xchg_disp8(void *arg)
{
	struct store *s = arg;
	uint64_t v = s->value;

	/* The form with rbp and a displacement: 48 87 45 08 */
	__asm__ volatile("push %%rbp\n mov %1, %%rbp\n"
			 "xchg %0, 8(%%rbp)\n pop %%rbp"
			 : "+a"(v) : "r"((char *)s->at - 8)
			 : "memory");
	s->result = v;
}

static void xchg_sib(void *arg)
{
	struct store *s = arg;
	uint64_t v = s->value;

	__asm__ volatile("xchg %0, (%1,%2,8)"
			 : "+r"(v) : "r"((char *)s->at - 80), "r"(10ul)
			 : "memory");
	s->result = v;
}

static void cmpxchg64(void *arg)
{
	struct store *s = arg;
	uint64_t old = s->result;

	__asm__ volatile("lock cmpxchgq %2, %1"
			 : "+a"(old), "+m"(*(volatile uint64_t *)s->at)
			 : "r"(s->value) : "memory", "cc");
	s->result = old;
}

/* A page's window, mapped read-only; the entry is the target of stores. */
static struct window target(uint64_t *page, uint64_t flags)
{
	struct window w = window_get(2);

	PREPARE(window_set(&w, mfn_pte(virt_to_mfn(page), flags)));
	return w;
}

/* Runs OP on a fresh entry and returns what the entry holds then. */
static uint64_t apply(void (*op)(void *), uint64_t *page, uint64_t start,
		      uint64_t value, uint64_t *result)
{
	struct window w = target(page, start);
	struct store s = { w.entry, value, 0 };

	if (result)
		s.result = *result;
	CHECK_EQ(trap_catch(op, &s, NULL), -1);
	if (result)
		*result = s.result;
	return READ_ONCE(*w.entry);
}

static void clear_entry(void)
{
	struct window w = window_get(2);

	PREPARE(window_set(&w, 0));
}

/* The entry's flags, without those that the hypervisor may add. */
static uint64_t flags_of(uint64_t pte)
{
	return pte & (PTE_P | PTE_RW | PTE_A | PTE_D | 0xe00 | PTE_NX);
}

#define START (PTE_P | PTE_RW | PTE_US | PTE_A)

static void mov_forms(void)
{
	uint64_t *page = page_alloc(), mfn = virt_to_mfn(page);
	uint64_t ro = mfn_pte(mfn, PTE_ROX);

	CHECK_EQ(pte_mfn(apply(mov64, page, START, ro, NULL)), mfn);
	CHECK_EQ(flags_of(apply(mov64, page, START, ro, NULL)),
		 flags_of(PTE_ROX));
	CHECK_EQ(apply(mov_imm32, page, START, 0, NULL), 0);
	CHECK_EQ(flags_of(apply(mov32, page, START, ro & 0xffffffff, NULL)),
		 flags_of(PTE_ROX));
	CHECK_EQ(flags_of(apply(mov16, page, START,
				(mfn << 12 | PTE_ROX) & 0xffff, NULL)),
		 flags_of(PTE_ROX));
	CHECK_EQ(flags_of(apply(mov8, page, START, PTE_ROX, NULL)),
		 flags_of(PTE_ROX));
	clear_entry();
	page_free(page);
}

static void xchg_forms(void)
{
	uint64_t *page = page_alloc(), mfn = virt_to_mfn(page), old = 0;

	CHECK_EQ(apply(xchg64, page, START, 0, &old), 0);
	CHECK_EQ(pte_mfn(old), mfn);
	CHECK_EQ(flags_of(old), flags_of(START));
	old = 0;
	CHECK_EQ(apply(xchg_disp8, page, START, 0, &old), 0);
	CHECK_EQ(pte_mfn(old), mfn);
	old = 0;
	CHECK_EQ(apply(xchg_sib, page, START, 0, &old), 0);
	CHECK_EQ(pte_mfn(old), mfn);
	CHECK_EQ(flags_of(apply(xchg32, page, START,
				(mfn << 12 | PTE_ROX) & 0xffffffff, NULL)),
		 flags_of(PTE_ROX));
	CHECK_EQ(flags_of(apply(xchg8, page, START, PTE_ROX, NULL)),
		 flags_of(PTE_ROX));
	clear_entry();
	page_free(page);
}

static void logic_forms(void)
{
	uint64_t *page = page_alloc(), want = flags_of(START & ~PTE_RW);

	CHECK_EQ(flags_of(apply(and64, page, START, ~PTE_RW, NULL)), want);
	CHECK_EQ(flags_of(apply(and8, page, START, 0xfd, NULL)), want);
	CHECK_EQ(flags_of(apply(and_imm8, page, START, 0, NULL)), want);
	CHECK_EQ(flags_of(apply(or64, page, START & ~PTE_RW, PTE_RW, NULL)),
		 flags_of(START));
	CHECK_EQ(flags_of(apply(or8, page, START & ~PTE_RW, PTE_RW, NULL)),
		 flags_of(START));
	CHECK_EQ(flags_of(apply(xor64, page, START, PTE_RW, NULL)), want);
	clear_entry();
	page_free(page);
}

static void bit_forms(void)
{
	uint64_t *page = page_alloc();

	CHECK_EQ(flags_of(apply(btr64, page, START, 1, NULL)),
		 flags_of(START & ~PTE_RW));
	CHECK_EQ(flags_of(apply(btr_imm8, page, START, 0, NULL)),
		 flags_of(START & ~PTE_RW));
	CHECK_EQ(flags_of(apply(bts64, page, START & ~PTE_RW, 1, NULL)),
		 flags_of(START));
	clear_entry();
	page_free(page);
}

static void cmpxchg_forms(void)
{
	uint64_t *page = page_alloc();
	struct window w = target(page, START);
	uint64_t before = READ_ONCE(*w.entry);
	struct store s = { w.entry, 0, before };

	/* Equal: replaced. */
	CHECK_EQ(trap_catch(cmpxchg64, &s, NULL), -1);
	CHECK_EQ(*w.entry, 0);
	CHECK_EQ(s.result, before);
	/* Different: left alone, and told what is there. */
	PREPARE(window_set(&w, before));
	s.result = 0x123000;
	CHECK_EQ(trap_catch(cmpxchg64, &s, NULL), -1);
	CHECK_EQ(pte_mfn(*w.entry), virt_to_mfn(page));
	CHECK_EQ(pte_mfn(s.result), virt_to_mfn(page));
	clear_entry();
	page_free(page);
}

/* The stores that must be refused: a fault, and the entry as it was. */
static void refused_stores(void)
{
	uint64_t *page = page_alloc(), *l1 = table_new();
	struct window w = target(page, START);
	uint64_t before = READ_ONCE(*w.entry);
	uint64_t bad[] = {
		mfn_pte(virt_to_mfn(kernel_l4()), PTE_RWX),
		mfn_pte(virt_to_mfn(w.entry - pt_index(w.va, 1)), PTE_RWX),
		mfn_pte(virt_to_mfn(l1), PTE_RWX),
		mfn_pte(1ul << 33, PTE_RWX),
		mfn_pte(0xfee00, PTE_RWX),
	};

	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store s = { w.entry, bad[i], before };

		CHECK_EQ(trap_catch(mov64, &s, NULL), 14);
		CHECK_EQ(*w.entry, before);
		CHECK_EQ(trap_catch(xchg64, &s, NULL), 14);
		CHECK_EQ(*w.entry, before);
		s.result = before;
		CHECK_EQ(trap_catch(cmpxchg64, &s, NULL), 14);
		CHECK_EQ(*w.entry, before);
	}
	PREPARE(page_unpin(l1));
	clear_entry();
	table_free(l1);
	page_free(page);
}

/* A read-only mapping of a table becomes no writable one by bit twiddling. */
static void bits_on_table_mapping(void)
{
	uint64_t *l2 = table_new();
	struct window w = window_get(2);
	void (*const ops[])(void *) = { bts64, or64, or8, xor64 };
	uint64_t values[] = { 1, PTE_RW, PTE_RW, PTE_RW };

	PREPARE(page_pin(l2, MMUEXT_PIN_L2_TABLE));
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		struct store s = { w.entry, values[i], 0 };

		PREPARE(window_set(&w, mfn_pte(virt_to_mfn(l2), PTE_ROX)));
		CHECK_EQ(trap_catch(ops[i], &s, NULL), 14);
		CHECK_EQ(*w.entry & PTE_RW, 0);
		CHECK_EQ(try_write(w.va, 0x1000), 14);
		CHECK_EQ(l2[0], 0);
		PREPARE(window_set(&w, 0));
	}
	PREPARE(page_unpin(l2));
	table_free(l2);
}

/* Upper levels are not emulated: a fault. */
static void upper_levels(void)
{
	struct window w = window_get(2);
	struct store s = { .value = 0 };

	for (int level = 2; level <= 4; level++) {
		uint64_t *entry = pt_entry(w.va, level), before = *entry;
		struct trap t = { 0 };

		s.at = entry;
		CHECK_EQ(trap_catch(mov64, &s, &t), 14);
		CHECK_EQ(t.regs.error, 3);
		CHECK_EQ(t.cr2, (unsigned long)entry);
		CHECK_EQ(*entry, before);
	}
}

static void unaligned(void)
{
	struct window w = window_get(2);
	struct store s = { (char *)w.entry + 4, 0, 0 };

	CHECK_EQ(trap_catch(mov64, &s, NULL), 14);
	s.at = (char *)w.entry + 1;
	CHECK_EQ(trap_catch(mov32, &s, NULL), 14);
	CHECK_EQ(*w.entry, 0);
}

/* Other read-only pages are no tables: their faults are the kernel's. */
static void ordinary_read_only(void)
{
	uint64_t *page = page_alloc();
	struct trap t = { 0 };
	struct store s = { page, 5, 0 };

	PREPARE(page_set_ro(page));
	CHECK_EQ(trap_catch(mov64, &s, &t), 14);
	CHECK_EQ(t.regs.error, 3);
	CHECK_EQ(t.cr2, (unsigned long)page);
	CHECK_EQ(page[0], 0);
	table_free(page);
}

/* User mode gets its fault, even on a table that is mapped there. */
static void not_from_user_mode(void)
{
	/* mov %rbx,(%rax); syscall */
	static const uint8_t code[] = { 0x48, 0x89, 0x18, 0x0f, 0x05 };
	unsigned long table_va = USER_VA + 0x20000;
	struct regs r = { .rip = USER_VA + 0x10000 };
	struct window w = window_get(2);
	struct trap t;

	memcpy(user_map_page(r.rip), code, sizeof(code));
	pt_map(table_va, mfn_pte(virt_to_mfn(w.entry - pt_index(w.va, 1)),
				 PTE_ROX));
	r.rax = table_va;
	r.rsp = r.rip + PAGE_SIZE;
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, 14);
	CHECK_EQ(t.regs.error, 7);
	pt_map(table_va, 0);
}

static const struct test_case cases[] = {
	{ "mov", mov_forms },
	{ "xchg", xchg_forms },
	{ "and, or, xor", logic_forms },
	{ "bts, btr", bit_forms },
	{ "cmpxchg", cmpxchg_forms },
	{ "stores that are refused", refused_stores },
	{ "bits of a table's mapping", bits_on_table_mapping },
	{ "upper levels are not emulated", upper_levels },
	{ "unaligned stores", unaligned },
	{ "ordinary read-only pages", ordinary_read_only },
	{ "not from user mode", not_from_user_mode },
};

TEST_PROGRAM(ptwr, "direct stores to page tables", cases);

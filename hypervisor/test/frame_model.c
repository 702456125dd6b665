/*
 * The security argument of direct paging, tried: a hostile guest does whatever
 * it likes with hypercalls and with every mapping that any CPU still has in
 * its TLB. After each action:
 *
 *  1. No CPU has a writable entry for a frame that is in use as a page table
 *     or descriptor page, or that belongs to another domain than the one that
 *     may reach it.
 *  2. No CPU walks through a table that is not one any more, and none has one
 *     loaded, an idle CPU that has kept its last vCPU's tables included.
 *  3. The counts in every frame's word are those that a recount from the
 *     tables, pins, CR3s and other users gives.
 *
 * The TLB model keeps leaf entries and, for each CPU, pointers to L1 tables (as
 * paging-structure caches do); both go only with a flush of that CPU.
 */
#include <stdio.h>
#include <stdlib.h>

#include "frame_model.h"
#include "guest.h"
#include "heap.h"
#include "host/memory.h"
#include "lib.h"
#include "mm.h"

#define OWN 48         /* frames that the guest starts with */
#define TLB_SIZE 16
#define WINDOW 8       /* entries of a table that the guest plays with */

struct tlb_entry {
	bool valid, writable;
	uint64_t mfn;
};

static struct cpu_model {
	uint64_t cr3;          /* mfn of the running vCPU's L4; 0: none */
	uint64_t away;         /* the L4 of one that sleeps; 0: none */
	struct vcpu vcpu;
	struct tlb_entry leaf[TLB_SIZE];
	struct tlb_entry l1[TLB_SIZE];
	unsigned int next;
} model[HOST_CPUS];

static uint64_t segdesc;       /* frame in use as descriptors; 0: none */
static uint64_t foreign;       /* frame of domain 1 that domain 0 maps */
static uint64_t foreign_l1;    /* Dom0's L1 table, outside the guest */
static const uint8_t *input;
static size_t left;
unsigned int frame_model_effects[16];
static unsigned int action;
static char history[64];

static uint8_t byte(void)
{
	if (left == 0)
		return 0;
	left--;
	return *input++;
}

static void effect(void)
{
	frame_model_effects[action]++;
}

#define CHECK(e, ...) \
	((e) ? (void)0 : \
	 (fprintf(stderr, "# " __VA_ARGS__), \
	  fprintf(stderr, " (action %u, history %s)\n", action, history), \
	  abort()))

static void flush_model(uint64_t cr3)
{
	struct cpu_model *m = &model[host_cpu->id];

	memset(m->leaf, 0, sizeof(m->leaf));
	memset(m->l1, 0, sizeof(m->l1));
}

static struct domain *guest(void)
{
	return &host_domains[1];
}

/* Mostly one of the guest's first frames, at times anything at all. */
static uint64_t some_mfn(void)
{
	uint8_t b = byte();

	if (b < 0xf0)
		return HOST_FIRST_MFN + b % OWN;
	return b < 0xf8 ? HOST_FIRST_MFN + byte() : (uint64_t)b << 34;
}

static uint64_t some_pte(void)
{
	uint8_t b = byte();
	uint64_t flags = 0;

	flags |= b & 1 ? 0 : PTE_P; /* mostly present */
	flags |= b & 2 ? PTE_RW : 0;
	flags |= b & 4 ? PTE_US : 0;
	flags |= b & 8 ? PTE_A : 0;
	flags |= (b & 0xf0) == 0xf0 ? PTE_PSE : 0;
	flags |= (b & 0xf0) == 0xe0 ? PTE_PCD : 0;
	flags |= (b & 0xf0) == 0xd0 ? PTE_NX : 0;
	return some_mfn() << PAGE_SHIFT | flags;
}

static uint64_t *word_at(uint64_t mfn, unsigned int index)
{
	return (uint64_t *)(DIRECT_BASE + (mfn << PAGE_SHIFT)) + index;
}

/* --- actions --- */

/* A store through whatever the CPU has in its TLB. */
static void act_store(struct cpu_model *m)
{
	struct tlb_entry *t = &m->leaf[byte() % TLB_SIZE];
	unsigned int index = byte() % WINDOW;
	uint64_t val = some_pte();

	if (!t->valid || !t->writable)
		return;
	*word_at(t->mfn, index) = val;
	effect();
}

/* An access: walks, or goes on from a cached pointer to an L1 table. */
static void act_access(struct cpu_model *m)
{
	uint8_t a = byte(), b = byte();
	struct tlb_entry *c = &m->l1[a % TLB_SIZE];
	uint64_t mfn = m->cr3, pte;
	unsigned int level;
	bool writable = true;

	if ((a & 0x80) && c->valid) {
		mfn = c->mfn;
		writable = c->writable;
		pte = *word_at(mfn, b % WINDOW);
	} else {
		if (!m->cr3)
			return;
		for (level = 4; level >= 2; level--) {
			b = byte();
			pte = *word_at(mfn, b < 0xe0 ? 0 : b % WINDOW);
			if (!(pte & PTE_P))
				return;
			writable = writable && (pte & PTE_RW);
			mfn = pte_mfn(pte).n;
			CHECK(frame_of(MFN(mfn)), "walk leaves RAM");
		}
		m->l1[m->next % TLB_SIZE] =
			(struct tlb_entry){ true, writable, mfn };
		pte = *word_at(mfn, byte() % WINDOW);
	}
	if (!(pte & PTE_P) || !frame_of(pte_mfn(pte)))
		return;
	m->leaf[m->next++ % TLB_SIZE] = (struct tlb_entry){
		true, writable && (pte & PTE_RW), pte_mfn(pte).n };
	effect();
}

static void act_mmu_update(void)
{
	mfn_t mfn = MFN(some_mfn());
	unsigned int index = byte() % WINDOW;
	uint64_t val = some_pte();
	unsigned int level;
	struct frame *f;

	level = frame_get_table(guest(), mfn, &f);
	if (!level)
		return;
	if (table_update(guest(), guest(), level, word_at(mfn.n, index), val,
			 byte() & 1 ? PTE_A | PTE_D : 0) == 0)
		effect();
	frame_put_as(f);
}

static void act_pin(void)
{
	struct frame *f = frame_get(guest(), MFN(some_mfn()));
	uint8_t b = byte();

	/* Now and then the caller dies in the middle of it. */
	host_preempt_fails_after = b >= 0xe0 ? b & 7 : -1;
	if (f) {
		if (frame_pin(f, (enum frame_type)(TYPE_L1 + b % 4)) == 0)
			effect();
		frame_put(f);
	}
	host_preempt_fails_after = -1;
}

static void act_unpin(void)
{
	struct frame *f = frame_get(guest(), MFN(some_mfn()));

	if (!f)
		return;
	if (frame_unpin(f) == 0)
		effect();
	frame_put(f);
}

static void act_new_base(struct cpu_model *m)
{
	uint64_t old = m->cr3;
	uint64_t mfn = byte() < 0xa0 ? HOST_FIRST_MFN + 1 : some_mfn();
	struct frame *f;

	if (frame_get_as(guest(), MFN(mfn), TYPE_L4, &f))
		return;
	m->vcpu.pv.kernel_cr3 = mfn << PAGE_SHIFT;
	m->cr3 = mfn;
	if (old) {
		tlb_load_cr3(mfn << PAGE_SHIFT);
		frame_put_as(frame_of(MFN(old)));
	} else {
		m->vcpu.pv.tables_on = NULL;
		if (m->away)
			frame_put_as(frame_of(MFN(m->away)));
		m->away = 0;
		tlb_enter_guest(&m->vcpu, NULL);
	}
	effect();
}

/* A vCPU goes to sleep, comes back, or goes on elsewhere with other tables. */
static void act_leave(struct cpu_model *m)
{
	uint8_t b = byte();

	if (m->cr3) {
		if (b < 0xc0)
			return;
		tlb_keep(&m->vcpu);
		m->away = m->cr3;
		m->cr3 = 0;
	} else if (m->away && (b & 1)) {
		tlb_enter_guest(&m->vcpu, NULL);
		m->cr3 = m->away;
		m->away = 0;
	} else if (m->away) {
		m->vcpu.pv.tables_on = NULL;
		frame_put_as(frame_of(MFN(m->away)));
		m->away = 0;
	} else {
		return;
	}
	effect();
}

static void act_release(void)
{
	struct frame *f = frame_get(guest(), MFN(some_mfn()));

	if (!f)
		return;
	if (frame_release(f) == 0)
		effect();
	frame_put(f);
}

static void act_populate(void)
{
	mfn_t mfn;

	if (domain_alloc_frames(guest(), 0, 0, &mfn) == 0)
		effect();
}

static void act_segdesc(void)
{
	struct frame *f;

	if (segdesc) {
		frame_put_as(frame_of(MFN(segdesc)));
		segdesc = 0;
		effect();
	} else if (frame_get_as(guest(), MFN(some_mfn()), TYPE_SEGDESC,
				&f) == 0) {
		segdesc = frame_mfn(f).n;
		effect();
	}
}

/*
 * Dom0, on a CPU that the guest does not have, maps a frame of the guest's or
 * takes the mapping away; it does not flush.
 */
static void act_foreign(struct cpu_model *m)
{
	uint64_t mfn = some_mfn();
	uint64_t pte = mfn << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US;
	uint64_t *e = word_at(foreign_l1, 0);

	if (m->cr3)
		return;
	if (host_cpu->kept)
		tlb_leave_guests();
	if (host_cpu->flushed_at == UINT32_MAX)
		tlb_load_cr3(foreign_l1 << PAGE_SHIFT);
	if (foreign) {
		CHECK(table_update(&host_domains[0], guest(), 1, e, 0, 0) ==
		      0, "cannot unmap");
		foreign = 0;
		effect();
	} else if (table_update(&host_domains[0], guest(), 1, e, pte, 0) ==
		   0) {
		foreign = mfn;
		m->leaf[m->next++ % TLB_SIZE] =
			(struct tlb_entry){ true, true, mfn };
		effect();
	}
}

static void act_ptwr(void)
{
	struct frame *f = guest_l1_frame(guest(), MFN(some_mfn()));
	unsigned int index = byte() % WINDOW;
	uint64_t old, *e;

	if (!f)
		return;
	e = word_at(frame_mfn(f).n, index);
	old = *e;
	if (l1_cmpxchg(guest(), e, byte() & 1 ? old : ~old,
		       some_pte()) == 0)
		effect();
	frame_put_as(f);
}

/* --- invariants --- */

static bool is_protected(const struct frame *f)
{
	enum frame_type t = frame_type(f);

	return (t >= TYPE_L1 && t <= TYPE_L4) || t == TYPE_SEGDESC;
}

static void check_tlbs(void)
{
	unsigned int c, i;

	for (c = 0; c < HOST_CPUS; c++) {
		uint64_t kept = cpus[c].kept_cr3;

		CHECK(!kept || frame_type(frame_of(paddr_mfn(kept))) ==
		      TYPE_L4, "CPU %u keeps %#lx, no table", c, kept);
		for (i = 0; i < TLB_SIZE; i++) {
			struct tlb_entry *t = &model[c].leaf[i];

			CHECK(!t->valid || !t->writable ||
			      !is_protected(frame_of(MFN(t->mfn))),
			      "CPU %u can write table %#lx", c, t->mfn);
			t = &model[c].l1[i];
			CHECK(!t->valid || (model[c].cr3 == 0 && !kept) ||
			      frame_type(frame_of(MFN(t->mfn))) !=
			      TYPE_WRITABLE,
			      "CPU %u walks writable frame %#lx", c, t->mfn);
		}
	}
}

static struct {
	unsigned int refs, types;
} counted[HOST_FIRST_MFN + HOST_FRAMES];

static void count(uint64_t mfn, bool type)
{
	if (!frame_of(MFN(mfn)))
		return;
	counted[mfn].refs++;
	counted[mfn].types += type;
}

static void count_table(uint64_t mfn, enum frame_type type)
{
	unsigned int i;
	uint64_t e;

	for (i = 0; i < 512; i++) {
		e = *word_at(mfn, i);
		if (!(e & PTE_P) || (type == TYPE_L4 && i >= 256 && i < 272))
			continue;
		count(pte_mfn(e).n, type > TYPE_L1 || (e & PTE_RW));
	}
}

/* The word's layout is mm/frame.c's: refs 0-27, types 28-55, flags. */
static void recount(void)
{
	uint64_t mfn, w;
	enum frame_type type;
	unsigned int c;

	memset(counted, 0, sizeof(counted));
	for (mfn = HOST_FIRST_MFN; mfn < HOST_FIRST_MFN + HOST_FRAMES; mfn++) {
		w = frame_of(MFN(mfn))->word;
		if (w >> 61 & 1)
			count(mfn, true); /* pin */
		if (w >> 62 & 1)
			count(mfn, false); /* allocation */
		type = frame_type(frame_of(MFN(mfn)));
		if (type >= TYPE_L1 && type <= TYPE_L4)
			count_table(mfn, type);
	}
	for (c = 0; c < HOST_CPUS; c++)
		if (model[c].cr3 || model[c].away)
			count(model[c].cr3 | model[c].away, true);
	if (segdesc)
		count(segdesc, true);
	for (mfn = HOST_FIRST_MFN; mfn < HOST_FIRST_MFN + HOST_FRAMES; mfn++) {
		w = frame_of(MFN(mfn))->word;
		CHECK((w & 0xfffffff) == counted[mfn].refs &&
		      (w >> 28 & 0xfffffff) == counted[mfn].types,
		      "frame %#lx: word %#lx, counted %u and %u", mfn, w,
		      counted[mfn].refs, counted[mfn].types);
		CHECK(!(w >> 60 & 1), "frame %#lx stays busy", mfn);
	}
}

/* --- a run --- */

/* Dom0's own page table, which only it touches. */
static void make_foreign_table(void)
{
	struct frame *f;
	mfn_t mfn;

	CHECK(domain_alloc_frames(&host_domains[0], 0, 0, &mfn) == 0, "Dom0");
	f = frame_get(&host_domains[0], mfn);
	CHECK(f && frame_pin(f, TYPE_L1) == 0, "Dom0's table");
	frame_put(f);
	foreign_l1 = mfn.n;
}

static void act(struct cpu_model *m)
{
	switch (action) {
	case 0: case 1: act_store(m); break;
	case 2: case 3: act_access(m); break;
	case 4: case 5: act_mmu_update(); break;
	case 6: case 7: act_pin(); break;
	case 8: act_unpin(); break;
	case 9: act_new_base(m); break;
	case 10: act_leave(m); break;
	case 11: act_release(); break;
	case 12: act_populate(); break;
	case 13: act_segdesc(); break;
	case 14: act_foreign(m); break;
	case 15: act_ptwr(); break;
	}
}

/*
 * What every guest has at the start: a chain of tables that maps all of its
 * first frames but the tables writable, loaded on CPU 0.
 */
static void first_tables(void)
{
	uint64_t base = HOST_FIRST_MFN + 1, i;
	struct frame *f;

	for (i = 0; i < 3; i++)
		*word_at(base + i, 0) = (base + i + 1) << PAGE_SHIFT | PTE_P |
					PTE_RW | PTE_US;
	for (i = 0; i < WINDOW; i++)
		*word_at(base + 3, (unsigned int)i) =
			(base + 4 + i) << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US;
	CHECK(frame_get_as(guest(), MFN(base), TYPE_L4, &f) == 0, "tables");
	model[0].cr3 = base;
	model[0].vcpu.pv.kernel_cr3 = base << PAGE_SHIFT;
	model[0].vcpu.pv.tables_on = &cpus[0];
	guest()->dirty_cpus = 1;
}

void frame_model_run(const uint8_t *program, size_t len)
{
	mfn_t mfn;
	unsigned int i, n;

	host_memory_init();
	host_machine.write_cr3 = flush_model;
	memset(model, 0, sizeof(model));
	for (i = 0; i < HOST_CPUS; i++) {
		model[i].vcpu.domain = guest();
		model[i].vcpu.pv.in_kernel = true;
		cpus[i].kept = NULL;
		cpus[i].kept_cr3 = 0;
	}
	memset(frame_model_effects, 0, sizeof(frame_model_effects));
	segdesc = foreign = 0;
	input = program;
	left = len;
	host_cpu = &cpus[0];
	make_foreign_table();
	for (i = 0; i < OWN; i++)
		CHECK(domain_alloc_frames(guest(), 0, 0, &mfn) == 0, "start");
	first_tables();
	for (n = 0; left > 0; n++) {
		action = byte() & 15;
		host_cpu = &cpus[byte() % HOST_CPUS];
		snprintf(history + n % 60, 4, "%x>", action);
		act(&model[host_cpu->id]);
		check_tlbs();
		recount();
	}
	host_machine.write_cr3 = NULL;
	host_cpu = &cpus[0];
}

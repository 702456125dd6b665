/*
 * mmuext_op: pins and unpins of every level, base pointers, flushes, LDT,
 * clearing and copying, and their refusals. Rules: "MMU EXTENDED OPERATIONS"
 * in <xen/xen.h>. A second pin of a pinned table and an unpin of one that is
 * not pinned are refused (map, 3.6); multi-vCPU flushes ignore vCPUs that are
 * not there; flushes accept addresses that are canonical only.
 */
#include "tables.h"

struct tree {
	uint64_t *l4, *l3, *l2, *l1, *page;
};

/* A small tree: one page at address 0 of it. All tables untyped still. */
static struct tree tree_new(void)
{
	struct tree t;

	t.page = page_alloc();
	t.l1 = page_alloc();
	t.l2 = page_alloc();
	t.l3 = page_alloc();
	t.l4 = page_alloc();
	t.l1[0] = mfn_pte(virt_to_mfn(t.page), PTE_RWX);
	t.l2[0] = mfn_pte(virt_to_mfn(t.l1), PTE_RWX);
	t.l3[0] = mfn_pte(virt_to_mfn(t.l2), PTE_RWX);
	t.l4[0] = mfn_pte(virt_to_mfn(t.l3), PTE_RWX);
	PREPARE(page_set_ro(t.l1));
	PREPARE(page_set_ro(t.l2));
	PREPARE(page_set_ro(t.l3));
	PREPARE(page_set_ro(t.l4));
	return t;
}

static void tree_free(struct tree *t)
{
	table_free(t->l4);
	table_free(t->l3);
	table_free(t->l2);
	table_free(t->l1);
	page_free(t->page);
}

static void pin_each_level(void)
{
	struct tree t = tree_new();

	CHECK_EQ(page_pin(t.l1, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_pin(t.l2, MMUEXT_PIN_L2_TABLE), 0);
	CHECK_EQ(page_pin(t.l3, MMUEXT_PIN_L3_TABLE), 0);
	CHECK_EQ(page_pin(t.l4, MMUEXT_PIN_L4_TABLE), 0);
	/* In the order in which Linux does it at an exit: L4 first. */
	CHECK_EQ(page_unpin(t.l4), 0);
	CHECK_EQ(page_unpin(t.l3), 0);
	CHECK_EQ(page_unpin(t.l2), 0);
	CHECK_EQ(page_unpin(t.l1), 0);
	tree_free(&t);
}

static void pin_whole_tree_at_once(void)
{
	struct tree t = tree_new();

	CHECK_EQ(page_pin(t.l4, MMUEXT_PIN_L4_TABLE), 0);
	CHECK_REFUSED(page_set_rw(t.l1));
	CHECK_REFUSED(page_set_rw(t.l4));
	/* Typed through the L4, hence not to be unpinned by itself. */
	CHECK_EQ(page_unpin(t.l3), -EINVAL);
	CHECK_EQ(page_unpin(t.l1), -EINVAL);
	CHECK_EQ(page_unpin(t.l4), 0);
	tree_free(&t);
}

static void pin_twice_unpin_twice(void)
{
	uint64_t *l1 = table_new();

	CHECK_EQ(page_unpin(l1), -EINVAL);
	CHECK_EQ(page_pin(l1, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_pin(l1, MMUEXT_PIN_L1_TABLE), -EINVAL);
	CHECK_REFUSED(page_pin(l1, MMUEXT_PIN_L2_TABLE));
	CHECK_REFUSED(page_pin(l1, MMUEXT_PIN_L4_TABLE));
	CHECK_EQ(page_unpin(l1), 0);
	CHECK_EQ(page_unpin(l1), -EINVAL);
	table_free(l1);
}

/* Reserved slots hold the hypervisor's entries after a pin, whatever the
 * guest put there. */
static void reserved_slots_overwritten(void)
{
	uint64_t *l4 = page_alloc(), *data = page_alloc();
	unsigned int slot;

	for (slot = 256; slot < 272; slot++)
		l4[slot] = mfn_pte(virt_to_mfn(data), PTE_RWX);
	PREPARE(page_set_ro(l4));
	CHECK_EQ(page_pin(l4, MMUEXT_PIN_L4_TABLE), 0);
	for (slot = 256; slot < 272; slot++)
		CHECK(pte_mfn(l4[slot]) != virt_to_mfn(data));
	CHECK_EQ(page_unpin(l4), 0);
	table_free(l4);
	page_free(data);
}

static void pin_refused(void)
{
	uint64_t *data = page_alloc();

	/* Mapped writable: no table of any level. */
	CHECK_REFUSED(page_pin(data, MMUEXT_PIN_L1_TABLE));
	CHECK_REFUSED(page_pin(data, MMUEXT_PIN_L2_TABLE));
	CHECK_REFUSED(page_pin(data, MMUEXT_PIN_L3_TABLE));
	CHECK_REFUSED(page_pin(data, MMUEXT_PIN_L4_TABLE));
	for (unsigned int op = MMUEXT_PIN_L1_TABLE; op <= MMUEXT_UNPIN_TABLE;
	     op++) {
		CHECK_REFUSED(mmuext(op, 1ul << 33, 0));
		CHECK_REFUSED(mmuext(op, ~0ul, 0));
		CHECK_REFUSED(mmuext(op, 0xfee00, 0));
		CHECK_REFUSED(mmuext(op,
				     start_info->shared_info >> PAGE_SHIFT,
				     0));
	}
	CHECK_EQ(try_write((unsigned long)data, 1), -1);
	page_free(data);
}

/* Contents that may not be in a table, one bad entry in a place each. */
static void pin_bad_contents(void)
{
	static const unsigned int places[] = { 0, 1, 255, 511 };
	uint64_t *data = page_alloc();
	uint64_t bad[5];

	bad[0] = mfn_pte(1ul << 33, PTE_RWX);
	bad[1] = mfn_pte(virt_to_mfn(kernel_l4()), PTE_RWX);
	bad[2] = mfn_pte(0xfee00, PTE_RWX);
	bad[3] = mfn_pte(virt_to_mfn((void *)pt_entry((unsigned long)data,
						      1)), PTE_RWX);
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(places); j++) {
			uint64_t *l1 = page_alloc();

			l1[places[j]] = bad[i];
			PREPARE(page_set_ro(l1));
			CHECK_REFUSED(page_pin(l1, MMUEXT_PIN_L1_TABLE));
			CHECK_EQ(page_unpin(l1), -EINVAL);
			/* No type and no reference stays behind. */
			table_free(l1);
		}
	}
	page_free(data);
}

static void pin_superpage(void)
{
	uint64_t *l2 = page_alloc(), *l3 = page_alloc();

	l2[3] = (virt_to_mfn(l2) & ~511ul) << PAGE_SHIFT | PTE_RWX | PTE_PS;
	l3[3] = PTE_RWX | PTE_PS;
	PREPARE(page_set_ro(l2));
	PREPARE(page_set_ro(l3));
	CHECK_REFUSED(page_pin(l2, MMUEXT_PIN_L2_TABLE));
	CHECK_REFUSED(page_pin(l3, MMUEXT_PIN_L3_TABLE));
	table_free(l2);
	table_free(l3);
}

static void pin_self_reference(void)
{
	uint64_t *l1 = page_alloc();

	/* A table that maps itself writable. */
	l1[9] = mfn_pte(virt_to_mfn(l1), PTE_RWX);
	PREPARE(page_set_ro(l1));
	CHECK_REFUSED(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	table_free(l1);
	/* Read-only it may. */
	l1 = page_alloc();
	l1[9] = mfn_pte(virt_to_mfn(l1), PTE_ROX);
	PREPARE(page_set_ro(l1));
	CHECK_EQ(page_pin(l1, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_REFUSED(pt_write(&l1[9], mfn_pte(virt_to_mfn(l1), PTE_RWX)));
	CHECK_EQ(pt_write(&l1[9], 0), 0);
	CHECK_EQ(page_unpin(l1), 0);
	table_free(l1);
}

/* Linear entries have depth one: none, or one that stays harmless. */
static void linear_l4(void)
{
	struct tree t = tree_new(), u = tree_new();
	long rc;

	PREPARE(page_pin(t.l4, MMUEXT_PIN_L4_TABLE));
	PREPARE(page_pin(u.l4, MMUEXT_PIN_L4_TABLE));
	/* Writable self-maps are refused on every hypervisor. */
	CHECK_REFUSED(pt_write(&t.l4[5],
			       mfn_pte(virt_to_mfn(t.l4), PTE_RWX)));
	CHECK_REFUSED(pt_write(&t.l4[5],
			       mfn_pte(virt_to_mfn(u.l4), PTE_RWX)));
	/* Read-only ones the original allows by an option, to depth one. */
	rc = pt_write(&t.l4[5], mfn_pte(virt_to_mfn(u.l4), PTE_ROX));
	if (!rc) {
		CHECK_REFUSED(pt_write(&u.l4[5],
				       mfn_pte(virt_to_mfn(t.l4), PTE_ROX)));
		CHECK_EQ(pt_write(&t.l4[5], 0), 0);
	}
	CHECK_EQ(page_unpin(t.l4), 0);
	CHECK_EQ(page_unpin(u.l4), 0);
	tree_free(&t);
	tree_free(&u);
}

static void new_baseptr(void)
{
	uint64_t *l4 = page_alloc();

	memcpy(l4, kernel_l4(), PAGE_SIZE);
	PREPARE(page_set_ro(l4));
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4), 0), 0);
	CHECK_REFUSED(page_set_rw(l4));
	/* The same once more is allowed. */
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4), 0), 0);
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(kernel_l4()), 0), 0);
	/* No pin: its last reference is gone. */
	table_free(l4);
}

static void new_baseptr_refused(void)
{
	uint64_t *data = page_alloc(), *l1 = table_new();

	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(data), 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, 0, 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, ~0ul, 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, 1ul << 33, 0));
	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(l1), 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(l1), 0));
	CHECK_EQ(page_unpin(l1), 0);
	CHECK_EQ(try_write((unsigned long)data, 4), -1);
	table_free(l1);
	page_free(data);
}

static void new_user_baseptr(void)
{
	struct tree t = tree_new();

	user_init();
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(t.l4), 0), 0);
	CHECK_REFUSED(page_set_rw(t.l4));
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
	CHECK_EQ(page_set_rw(t.l4), 0);
	CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(t.page),
			     0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, ~0ul, 0));
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(user_l4()), 0),
		 0);
	tree_free(&t);
}

static void flushes(void)
{
	uint64_t cpus = ~0ull;
	struct window w = window_get(0);

	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_INVLPG_LOCAL, w.va, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_INVLPG_ALL, w.va, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (unsigned long)&cpus), 0);
	CHECK_EQ(mmuext(MMUEXT_INVLPG_MULTI, w.va, (unsigned long)&cpus), 0);
	cpus = 0;
	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (unsigned long)&cpus), 0);
	/* The original says -EINVAL where -EFAULT is meant. */
	CHECK_EITHER(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, UNMAPPED_VA),
		     -EINVAL, -EFAULT);
	CHECK_EITHER(mmuext(MMUEXT_INVLPG_MULTI, w.va, XEN_VA),
		     -EINVAL, -EFAULT);
	CHECK_EITHER(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, NONCANONICAL),
		     -EINVAL, -EFAULT);
	/* Addresses that cannot have a translation of ours do no harm. */
	(void)mmuext(MMUEXT_INVLPG_LOCAL, NONCANONICAL, 0);
	(void)mmuext(MMUEXT_INVLPG_LOCAL, XEN_VA, 0);
	(void)mmuext(MMUEXT_INVLPG_ALL, NONCANONICAL, 0);
	/* Who has no devices needs no such flush. */
	if (is_dom0())
		CHECK_EQ(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
}

static void flush_is_effective(void)
{
	struct window w = window_get(0);
	uint64_t *a = page_alloc(), *b = page_alloc();

	a[0] = 0xa;
	b[0] = 0xb;
	PREPARE(pt_write(w.entry, mfn_pte(virt_to_mfn(a), PTE_ROX)));
	CHECK_EQ(*(volatile uint64_t *)w.va, 0xa);
	PREPARE(pt_write(w.entry, mfn_pte(virt_to_mfn(b), PTE_ROX)));
	mmuext(MMUEXT_INVLPG_LOCAL, w.va, 0);
	CHECK_EQ(*(volatile uint64_t *)w.va, 0xb);
	PREPARE(pt_write(w.entry, mfn_pte(virt_to_mfn(a), PTE_ROX)));
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
	CHECK_EQ(*(volatile uint64_t *)w.va, 0xa);
	PREPARE(window_set(&w, 0));
	page_free(a);
	page_free(b);
}

/* --- a vCPU that sleeps while its TLB is flushed --- */

static volatile uint64_t *slept_on;
static volatile uint64_t slept_saw;
static volatile unsigned int looks;
static unsigned int wake_port;

static void wait_word(volatile unsigned int *word, unsigned int value)
{
	uint64_t end = time_ns() + 20000000000;

	while (*word != value && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(*word, value);
}

/* Looks, sleeps until it is woken, looks again... */
static void look_and_sleep(void *arg)
{
	unsigned int n = *(unsigned int *)arg;
	uint64_t alone = time_ns() + 50000000;
	struct sched_poll p = { .nr_ports = 1, .ports.p = &wake_port };

	/* So long on its CPU that the other vCPU goes to another. */
	while (time_ns() < alone)
		continue;
	while (n--) {
		slept_saw = *slept_on;
		looks++;
		p.timeout = time_ns() + 20000000000;
		while (!event_pending(wake_port) && time_ns() < p.timeout)
			hcall_sched_op(SCHEDOP_poll, &p);
		event_clear(wake_port);
	}
}

static void flush_of_a_sleeper(void)
{
	static const unsigned int how[] = {
		MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_MULTI,
		MMUEXT_INVLPG_ALL, MMUEXT_TLB_FLUSH_ALL,
	};
	static unsigned int n = ARRAY_SIZE(how) + 1;
	struct evtchn_bind_ipi ipi = { .vcpu = 1 };
	struct evtchn_send send;
	struct evtchn_close close;
	struct window w = window_get(0);
	uint64_t *pages[2] = { page_alloc(), page_alloc() }, second = 2;

	if (cpus_possible() < 2)
		tap_skip("one vCPU");
	pages[0][0] = 0;
	pages[1][0] = 1;
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi));
	wake_port = send.port = close.port = ipi.port;
	event_mask_port(wake_port);
	slept_on = (volatile uint64_t *)w.va;
	looks = 0;
	PREPARE(pt_write(w.entry, mfn_pte(virt_to_mfn(pages[0]), PTE_ROX)));
	REQUIRE_EQ(cpu_start(1, look_and_sleep, &n), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(how); i++) {
		wait_word(&looks, i + 1);
		CHECK_EQ(slept_saw, i & 1);
		delay_ns(20000000); /* it sleeps, and its CPU with it */
		PREPARE(pt_write(w.entry, mfn_pte(virt_to_mfn(pages[~i & 1]),
						  PTE_ROX)));
		CHECK_EQ(mmuext(how[i], w.va, (unsigned long)&second), 0);
		hcall_event_channel_op(EVTCHNOP_send, &send);
	}
	wait_word(&looks, n);
	CHECK_EQ(slept_saw, 0);
	hcall_event_channel_op(EVTCHNOP_send, &send);
	/* A closed port is not pending: it must have seen it. */
	while (hcall_vcpu_op(VCPUOP_is_up, 1, NULL) == 1)
		hcall_sched_op(SCHEDOP_yield, NULL);
	hcall_event_channel_op(EVTCHNOP_close, &close);
	event_unmask_port(wake_port);
	PREPARE(window_set(&w, 0));
	page_free(pages[0]);
	page_free(pages[1]);
}

static void clear_and_copy_page(void)
{
	uint64_t *a = page_alloc(), *b = page_alloc(), *l1 = table_new();

	memset(a, 0x5a, PAGE_SIZE);
	CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(b), virt_to_mfn(a)), 0);
	CHECK_EQ(b[511], 0x5a5a5a5a5a5a5a5a);
	CHECK_EQ(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(a), 0), 0);
	CHECK_EQ(a[511], 0);
	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(l1), 0));
	CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(l1),
			     virt_to_mfn(b)));
	CHECK_EQ(l1[511], 0);
	/* Reading a table is no harm. */
	CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(b), virt_to_mfn(l1)),
		 0);
	CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, 1ul << 33, 0));
	CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(b), 1ul << 33));
	CHECK_EQ(page_unpin(l1), 0);
	table_free(l1);
	page_free(a);
	page_free(b);
}

static void bad_arguments(void)
{
	struct mmuext_op ops[3] = {
		{ .cmd = MMUEXT_TLB_FLUSH_LOCAL },
		{ .cmd = 999 },
		{ .cmd = MMUEXT_TLB_FLUSH_LOCAL },
	};
	unsigned int done = 7;

	CHECK_EQ(hcall_mmuext_op(ops, 3, &done, DOMID_SELF), -ENOSYS);
	CHECK_EQ(done, 1);
	CHECK_EQ(hcall_mmuext_op(ops, 1, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 1);
	CHECK_EQ(hcall_mmuext_op(UNMAPPED_VA, 1, NULL, DOMID_SELF), -EFAULT);
	CHECK_EQ(hcall_mmuext_op(XEN_VA, 1, NULL, DOMID_SELF), -EFAULT);
	CHECK_EQ(hcall_mmuext_op(NONCANONICAL, 1, NULL, DOMID_SELF),
		 -EFAULT);
	CHECK_NO_DOMAIN(hcall_mmuext_op(ops, 1, NULL, 1234));
	CHECK_REFUSED(hcall_mmuext_op(UNMAPPED_VA, 0x7fffffff, NULL,
				      DOMID_SELF));
	CHECK_EQ(hcall_mmuext_op(ops, 0, NULL, DOMID_SELF), 0);
}

static const struct test_case cases[] = {
	{ "pin each level", pin_each_level },
	{ "pin a whole tree at once", pin_whole_tree_at_once },
	{ "pin twice, unpin twice", pin_twice_unpin_twice },
	{ "reserved slots are overwritten", reserved_slots_overwritten },
	{ "pins refused", pin_refused },
	{ "pin of bad contents", pin_bad_contents },
	{ "pin of superpages", pin_superpage },
	{ "pin of a self-reference", pin_self_reference },
	{ "linear L4 entries", linear_l4 },
	{ "NEW_BASEPTR", new_baseptr },
	{ "NEW_BASEPTR refused", new_baseptr_refused },
	{ "NEW_USER_BASEPTR", new_user_baseptr },
	{ "flushes", flushes },
	{ "flushes are effective", flush_is_effective },
	{ "the flush of a vCPU that sleeps", flush_of_a_sleeper },
	{ "CLEAR_PAGE and COPY_PAGE", clear_and_copy_page },
	{ "bad arguments", bad_arguments },
};

TEST_PROGRAM(mmuext, "mmuext_op", cases);

/*
 * bench: what the primitives cost, one line `BENCH name ticks n` each, where
 * ticks are of the time stamp counter, with one decimal, for the whole loop
 * body. Under `-icount shift=0,sleep=off -smp 1` one tick is one instruction,
 * hypervisor included, and a repeat agrees; elsewhere it is time.
 *
 * A row is a function that does its operation N times; bench.h tells how it is
 * measured. A row that the hypervisor refuses is left out and says so.
 */
#include "bench.h"
#include "marks.h"
#include "tables.h"

#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED (1u << EVTCHN_FIFO_MASKED)

#define ROUNDS 8
#define PER_ROUND 300

/* How long the timer that a row waits for is set ahead. */
#define TIMER_AHEAD 20000

extern uint8_t bench_event_entry[], event_entry[];
extern uint8_t bench_syscall_entry[], syscall_entry[];
extern uint8_t bench_fault_entry[];
void bench_iret(void);

/*
 * For bench-entry.S: the port's event word, the control block, events taken,
 * and entries from user mode that are still to be answered.
 */
event_word_t *bench_word;
struct evtchn_fifo_control_block *bench_control;
volatile unsigned long bench_events;
unsigned long bench_count;

static struct window window, spare;
static uint64_t *page, *pages_table, *empty_table, *root_table;
static uint64_t entry_maddr, pte_rw, pte_ro;
static unsigned int ipi, timer_port;
static event_word_t *words;
static struct mmu_update updates[128];
static struct multicall_entry calls[64];
static struct grant_entry_v1 *grants;
static domid_t self;

#define ROW(fn, body) \
	static void fn(unsigned long n) \
	{ \
		while (n--) { \
			body; \
		} \
	}

ROW(xen_version, hcall_xen_version(XENVER_version, NULL))
ROW(xen_version_bad_subop, hcall_xen_version(0x77, NULL))
ROW(unknown_hypercall_60, hypercall0(60))
ROW(sched_yield, hcall_sched_op(SCHEDOP_yield, NULL))
ROW(vcpu_is_up, hcall_vcpu_op(VCPUOP_is_up, 0, NULL))
ROW(fpu_taskswitch0, hypercall1(__HYPERVISOR_fpu_taskswitch, 0))
ROW(max_ram_page, hcall_memory_op(XENMEM_maximum_ram_page, NULL))
ROW(multicall_null_x1, hcall_multicall(calls, 1))
ROW(multicall_null_x16, hcall_multicall(calls, 16))
ROW(multicall_null_x64, hcall_multicall(calls, 64))
ROW(singleshot_stop, hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL))
ROW(mmu_update_same_x1, hcall_mmu_update(updates, 1, NULL, DOMID_SELF))
ROW(mmu_update_same_x128, hcall_mmu_update(updates, 128, NULL, DOMID_SELF))
ROW(uva_same, hcall_update_va_mapping(window.va, pte_rw, UVMF_NONE))
ROW(uva_same_invlpg, hcall_update_va_mapping(window.va, pte_rw, UVMF_INVLPG))
ROW(multicall_uva_same_x16, hcall_multicall(calls, 16))
ROW(mmuext_tlb_flush_local, mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0))
ROW(mmuext_invlpg_local, mmuext(MMUEXT_INVLPG_LOCAL, window.va, 0))
ROW(iret, bench_iret())
ROW(trap_clts, __asm__ volatile("clts"))
ROW(trap_wbinvd, __asm__ volatile("wbinvd"))

static void vcpu_get_runstate(unsigned long n)
{
	struct vcpu_runstate_info info;

	while (n--)
		hcall_vcpu_op(VCPUOP_get_runstate_info, 0, &info);
}

static void evtchn_status(unsigned long n)
{
	struct evtchn_status s = { .dom = DOMID_SELF, .port = ipi };

	while (n--)
		hcall_event_channel_op(EVTCHNOP_status, &s);
}

static void set_timer_op_far(unsigned long n)
{
	uint64_t far = time_ns() + 3600000000000;

	while (n--)
		hypercall1(__HYPERVISOR_set_timer_op, far);
}

static void singleshot_far(unsigned long n)
{
	struct vcpu_set_singleshot_timer t = {
		.timeout_abs_ns = time_ns() + 3600000000000,
	};

	while (n--)
		hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &t);
}

static void evtchn_send_deliver(unsigned long n)
{
	struct evtchn_send s = { ipi };

	while (n--)
		hcall_event_channel_op(EVTCHNOP_send, &s);
}

/* Called with the port masked and pending already. */
static void evtchn_send_pending(unsigned long n)
{
	struct evtchn_send s = { ipi };

	while (n--)
		hcall_event_channel_op(EVTCHNOP_send, &s);
}

/* The guest marks it masked and pending; unmasking delivers it. */
static void evtchn_unmask(unsigned long n)
{
	struct evtchn_unmask u = { ipi };

	while (n--) {
		WRITE_ONCE(*bench_word, WORD_PENDING | WORD_MASKED);
		hcall_event_channel_op(EVTCHNOP_unmask, &u);
	}
}

static void evtchn_alloc_close(unsigned long n)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	struct evtchn_close c;

	while (n--) {
		hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a);
		c.port = a.port;
		hcall_event_channel_op(EVTCHNOP_close, &c);
	}
}

static void mmu_update_toggle_x1(unsigned long n)
{
	struct mmu_update u = { .ptr = entry_maddr };

	while (n--) {
		u.val = n & 1 ? pte_ro : pte_rw;
		hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
	}
}

static void mmu_update_clr_set(unsigned long n)
{
	struct mmu_update u = { .ptr = entry_maddr };

	while (n--) {
		u.val = 0;
		hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
		u.val = pte_rw;
		hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
	}
}

static void mmu_update_toggle_x128(unsigned long n)
{
	while (n--) {
		for (unsigned int i = 0; i < 128; i++)
			updates[i].val ^= PTE_RW;
		hcall_mmu_update(updates, 128, NULL, DOMID_SELF);
	}
}

static void mmu_update_m2p_x1(unsigned long n)
{
	struct mmu_update u = {
		.ptr = (virt_to_mfn(page) << PAGE_SHIFT) |
		       MMU_MACHPHYS_UPDATE,
		.val = virt_to_pfn(page),
	};

	while (n--)
		hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
}

static void uva_toggle(unsigned long n)
{
	while (n--)
		hcall_update_va_mapping(window.va, n & 1 ? pte_ro : pte_rw,
					UVMF_NONE);
}

static void uva_toggle_flush(unsigned long n)
{
	while (n--)
		hcall_update_va_mapping(window.va, n & 1 ? pte_ro : pte_rw,
					UVMF_TLB_FLUSH);
}

static void ptwr_direct_write(unsigned long n)
{
	volatile uint64_t *entry = window.entry;

	while (n--)
		*entry = pte_rw;
}

static void mmuext_new_baseptr_same(unsigned long n)
{
	unsigned long mfn = virt_to_mfn(kernel_l4());

	while (n--)
		mmuext(MMUEXT_NEW_BASEPTR, mfn, 0);
}

static void pin_unpin(unsigned long mfn, unsigned long n)
{
	while (n--) {
		mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0);
		mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
	}
}

static void pin_unpin_l1_empty(unsigned long n)
{
	pin_unpin(virt_to_mfn(empty_table), n);
}

static void pin_unpin_l1_full(unsigned long n)
{
	pin_unpin(virt_to_mfn(pages_table), n);
}

/* An address space as fork makes it: four levels, all entries of the last. */
static void pin_unpin_l4(unsigned long n)
{
	unsigned long mfn = virt_to_mfn(root_table);

	while (n--) {
		mmuext(MMUEXT_PIN_L4_TABLE, mfn, 0);
		mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
	}
}

/* User mode enters the kernel N times, by a system call or by a fault. */
static void enter_from_user(const uint8_t *code, unsigned long n)
{
	static uint8_t *text;
	struct regs r = {
		.rip = USER_VA, .rdi = UNMAPPED_VA,
		.rsp = USER_VA + PAGE_SIZE,
	};

	if (!text)
		text = user_map_page(USER_VA);
	memcpy(text, code, 4);
	bench_count = n;
	user_run(&r, NULL);
}

static void user_syscall(unsigned long n)
{
	static const uint8_t code[4] = { 0x0f, 0x05, 0xeb, 0xfc };

	enter_from_user(code, n);	/* syscall; jmp to it */
}

static void user_page_fault(unsigned long n)
{
	static const uint8_t code[4] = { 0x8a, 0x07 };

	enter_from_user(code, n);	/* mov (%rdi), %al */
}

/* A timer that is due at once: until its event has been taken. */
static void timer_due_deliver(unsigned long n)
{
	unsigned long before;

	while (n--) {
		before = bench_events;
		hypercall1(__HYPERVISOR_set_timer_op, 1);
		while (bench_events == before)
			hcall_sched_op(SCHEDOP_yield, NULL);
	}
}

/* From the time that a timer was set for to the end of the block. */
static void timer_block_late(unsigned long n)
{
	unsigned long before;

	while (n--) {
		before = bench_events;
		hypercall1(__HYPERVISOR_set_timer_op,
			   time_ns() + TIMER_AHEAD);
		while (bench_events == before)
			hcall_sched_op(SCHEDOP_block, NULL);
	}
}

static void gnttab_query_size(unsigned long n)
{
	struct gnttab_query_size q = { .dom = DOMID_SELF };

	while (n--)
		hcall_grant_table_op(GNTTABOP_query_size, &q, 1);
}

static void copy_bytes(uint16_t length, unsigned long n)
{
	struct gnttab_copy c = { .len = length, .flags = GNTCOPY_source_gref };

	c.source.u.ref = 20;
	c.source.domid = self;
	c.dest.u.gmfn = pte_mfn(pte_rw);
	c.dest.domid = DOMID_SELF;
	while (n--)
		hcall_grant_table_op(GNTTABOP_copy, &c, 1);
}

static void gnttab_copy_64(unsigned long n)
{
	copy_bytes(64, n);
}

static void gnttab_copy_4096(unsigned long n)
{
	copy_bytes(4096, n);
}

static void gnttab_map_unmap(unsigned long n)
{
	struct gnttab_map_grant_ref m = {
		.host_addr = spare.va, .flags = GNTMAP_host_map, .ref = 20,
		.dom = self,
	};
	struct gnttab_unmap_grant_ref u = { .host_addr = spare.va };

	while (n--) {
		hcall_grant_table_op(GNTTABOP_map_grant_ref, &m, 1);
		u.handle = m.handle;
		hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
	}
}

static void populate_decrease_4k(unsigned long n)
{
	unsigned long pfn = pfn_alloc(), extent = p2m[pfn];
	struct xen_memory_reservation r = {
		.nr_extents = 1, .domid = DOMID_SELF,
	};

	r.extent_start.p = &extent;
	while (n--) {
		hcall_memory_op(XENMEM_decrease_reservation, &r);
		extent = pfn;
		hcall_memory_op(XENMEM_populate_physmap, &r);
	}
	p2m[pfn] = extent;
	pfn_free(pfn);
}

static void trap_rdmsr_efer(unsigned long n)
{
	while (n--)
		__asm__ volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx");
}

static void trap_inb_80(unsigned long n)
{
	while (n--)
		__asm__ volatile("inb $0x80, %%al" : : : "eax");
}

static void cpuid_xen_forced(unsigned long n)
{
	while (n--)
		__asm__ volatile(XEN_CPUID : : "a"(0x40000000), "c"(0)
				 : "ebx", "edx");
}

static void trap_read_cr0(unsigned long n)
{
	while (n--)
		__asm__ volatile("mov %%cr0, %%rax" : : : "rax");
}

/* What stands ready before a row runs. */
enum needs { NOTHING, SHORT_CALLBACK, MASKED_PENDING, NULL_CALLS, UVA_CALLS,
	     GRANT, TIMER, TIMER_WAIT, SHORT_ENTRIES };

struct row {
	const char *name;
	void (*run)(unsigned long n);
	enum needs needs;
	unsigned int divide;	/* fewer repeats: the row is a long one */
};

static const struct row rows[] = {
#define R(fn, ...) { #fn, fn, __VA_ARGS__ }
	R(xen_version, NOTHING, 1),
	R(xen_version_bad_subop, NOTHING, 1),
	R(unknown_hypercall_60, NOTHING, 1),
	R(sched_yield, NOTHING, 1),
	R(vcpu_is_up, NOTHING, 1),
	R(vcpu_get_runstate, NOTHING, 1),
	R(evtchn_status, NOTHING, 1),
	R(fpu_taskswitch0, NOTHING, 1),
	R(max_ram_page, NOTHING, 1),
	R(multicall_null_x1, NULL_CALLS, 1),
	R(multicall_null_x16, NULL_CALLS, 3),
	R(multicall_null_x64, NULL_CALLS, 10),
	R(set_timer_op_far, NOTHING, 1),
	R(singleshot_far, NOTHING, 1),
	R(singleshot_stop, NOTHING, 1),
	R(evtchn_send_deliver, SHORT_CALLBACK, 1),
	R(evtchn_send_pending, MASKED_PENDING, 1),
	R(evtchn_unmask, SHORT_CALLBACK, 1),
	R(evtchn_alloc_close, NOTHING, 1),
	R(mmu_update_same_x1, NOTHING, 1),
	R(mmu_update_toggle_x1, NOTHING, 1),
	R(mmu_update_clr_set, NOTHING, 1),
	R(mmu_update_same_x128, NOTHING, 20),
	R(mmu_update_toggle_x128, NOTHING, 20),
	R(mmu_update_m2p_x1, NOTHING, 1),
	R(uva_same, NOTHING, 1),
	R(uva_toggle, NOTHING, 1),
	R(uva_same_invlpg, NOTHING, 1),
	R(uva_toggle_flush, NOTHING, 1),
	R(multicall_uva_same_x16, UVA_CALLS, 4),
	R(ptwr_direct_write, NOTHING, 1),
	R(mmuext_tlb_flush_local, NOTHING, 1),
	R(mmuext_invlpg_local, NOTHING, 1),
	R(mmuext_new_baseptr_same, NOTHING, 1),
	R(pin_unpin_l1_empty, NOTHING, 10),
	R(pin_unpin_l1_full, NOTHING, 30),
	R(pin_unpin_l4, NOTHING, 30),
	R(iret, NOTHING, 1),
	R(user_syscall, SHORT_ENTRIES, 1),
	R(user_page_fault, SHORT_ENTRIES, 1),
	R(timer_due_deliver, TIMER, 1),
	R(timer_block_late, TIMER_WAIT, 1),
	R(gnttab_query_size, GRANT, 1),
	R(gnttab_copy_64, GRANT, 1),
	R(gnttab_copy_4096, GRANT, 1),
	R(gnttab_map_unmap, GRANT, 1),
	R(populate_decrease_4k, NOTHING, 1),
	R(trap_rdmsr_efer, NOTHING, 1),
	R(trap_inb_80, NOTHING, 1),
	R(cpuid_xen_forced, NOTHING, 1),
	R(trap_read_cr0, NOTHING, 1),
	R(trap_clts, NOTHING, 1),
	R(trap_wbinvd, NOTHING, 1),
#undef R
};

static long set_callback(uint16_t type, const void *address)
{
	struct callback_register cb = {
		.type = type, .flags = CALLBACKF_mask_events,
		.address = (unsigned long)address,
	};

	return hcall_callback_op(CALLBACKOP_register, &cb);
}

/* The grant table's first frame, and one grant of PAGE to ourselves. */
static bool prepare_grants(void)
{
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 1 };
	struct evtchn_status st = { .dom = DOMID_SELF };
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	struct window w = window_get(40);
	xen_pfn_t frame;

	set_xen_guest_handle(s.frame_list, &frame);
	if (hcall_grant_table_op(GNTTABOP_setup_table, &s, 1) || s.status)
		return false;
	PREPARE(window_set(&w, mfn_pte(frame, PTE_RWX)));
	grants = (struct grant_entry_v1 *)w.va;
	PREPARE(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a));
	st.port = a.port;
	PREPARE(hcall_event_channel_op(EVTCHNOP_status, &st));
	self = st.u.unbound.dom;
	grants[20].domid = self;
	grants[20].frame = (uint32_t)virt_to_mfn(page);
	barrier();
	grants[20].flags = GTF_permit_access;
	return true;
}

/* A table of the next level, whose first entry is the one below. */
static uint64_t *table_over(const uint64_t *below)
{
	uint64_t *table = page_alloc();

	table[0] = mfn_pte(virt_to_mfn(below), PTE_RWX);
	PREPARE(page_set_ro(table));
	return table;
}

static void prepare(void)
{
	struct evtchn_bind_ipi b = { .vcpu = 0 };
	struct evtchn_bind_virq t = { .virq = VIRQ_TIMER, .vcpu = 0 };
	uint64_t *other = page_alloc();

	page = page_alloc();
	window = window_get(100);
	pte_rw = mfn_pte(virt_to_mfn(other), PTE_RWX);
	pte_ro = mfn_pte(virt_to_mfn(other), PTE_ROX);
	PREPARE(window_set(&window, pte_rw));
	pte_rw = *window.entry;		/* with what the hypervisor adds */
	pte_ro = pte_rw & ~PTE_RW;
	entry_maddr = virt_to_maddr(window.entry);
	for (unsigned int i = 0; i < 128; i++) {
		struct window w = window_get(200 + i);

		PREPARE(window_set(&w, pte_rw));
		updates[i].ptr = virt_to_maddr(w.entry);
		updates[i].val = pte_rw;
	}
	spare = window_get(101);
	empty_table = table_new();
	pages_table = page_alloc();
	for (unsigned int i = 0; i < 512; i++)
		pages_table[i] = pte_ro;
	PREPARE(page_set_ro(pages_table));
	root_table = pages_table;
	for (int level = 2; level <= 4; level++)
		root_table = table_over(root_table);
	hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &b));
	ipi = b.port;
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_virq, &t));
	timer_port = t.port;
}

/* Events by the FIFO ABI, since that is what Linux uses. */
static void prepare_fifo(void)
{
	struct evtchn_init_control c = { .vcpu = 0 };
	struct evtchn_expand_array e = { 0 };

	words = page_alloc();
	bench_control = page_alloc();
	c.control_gfn = virt_to_mfn(bench_control);
	e.array_gfn = virt_to_mfn(words);
	PREPARE(hcall_event_channel_op(EVTCHNOP_init_control, &c));
	PREPARE(hcall_event_channel_op(EVTCHNOP_expand_array, &e));
	bench_word = &words[ipi];
}

/* The shortest ways in from user mode, or the core's own again. */
static void set_entries(bool shortest)
{
	struct trap_info fault[2] = {
		{ .vector = 14, .cs = FLAT_KERNEL_CS,
		  .address = (unsigned long)bench_fault_entry },
	};

	PREPARE(set_callback(CALLBACKTYPE_syscall, shortest ?
			     bench_syscall_entry : syscall_entry));
	if (shortest)
		PREPARE(hcall_set_trap_table(fault));
	else
		trap_table_load();
}

/* Events of PORT are taken in the shortest way, or as the core does. */
static void set_event_entry(unsigned int port, bool shortest)
{
	bench_word = &words[port];
	PREPARE(set_callback(CALLBACKTYPE_event,
			     shortest ? bench_event_entry : event_entry));
}

static bool takes_timer(enum needs needs)
{
	return needs == TIMER || needs == TIMER_WAIT;
}

static void ready(enum needs needs)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		memset(&calls[i], 0, sizeof(calls[i]));
		calls[i].op = __HYPERVISOR_xen_version;
		if (needs == UVA_CALLS) {
			calls[i].op = __HYPERVISOR_update_va_mapping;
			calls[i].args[0] = window.va;
			calls[i].args[1] = pte_rw;
		}
	}
	if (needs == SHORT_CALLBACK || takes_timer(needs))
		set_event_entry(takes_timer(needs) ? timer_port : ipi, true);
	if (needs == SHORT_ENTRIES)
		set_entries(true);
	if (needs == MASKED_PENDING)
		*bench_word = WORD_PENDING | WORD_MASKED;
}

static void put_away(enum needs needs)
{
	if (needs == SHORT_CALLBACK || takes_timer(needs))
		set_event_entry(ipi, false);
	if (needs == SHORT_ENTRIES)
		set_entries(false);
	if (needs == MASKED_PENDING)
		*bench_word = 0;
	hypercall1(__HYPERVISOR_set_timer_op, 0);
	hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
}

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

void bench_measure(const char *name, void (*run_n)(unsigned long n),
		   unsigned long n, unsigned long less)
{
	uint64_t best = ~0ull;

	run_n(2);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks(), took;

		run_n(n);
		took = ticks() - start;
		best = took < best ? took : best;
	}
	mark_begin();
	run_n(n);
	mark_end();
	best -= less * n;
	printk("BENCH %s %lu.%lu %lu\n", name, best / n, best * 10 / n % 10,
	       n);
}

static void measure(const struct row *row)
{
	unsigned long n = PER_ROUND / row->divide;

	ready(row->needs);
	bench_measure(row->name, row->run, n + (n & 1),
		      row->needs == TIMER_WAIT ? TIMER_AHEAD : 0);
	put_away(row->needs);
}

static void run(const char *only)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	bool with_grants;

	prepare();
	prepare_fifo();
	PREPARE(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl));
	with_grants = prepare_grants();
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		if (*only && strcmp(only, rows[i].name))
			continue;
		if (rows[i].needs == GRANT && !with_grants) {
			printk("# %s: no grant table\n", rows[i].name);
			continue;
		}
		measure(&rows[i]);
	}
}

OTHER_PROGRAM(bench, "what the primitives cost", run);

/*
 * vcpu_op: starting and stopping vCPUs, registered areas, runstate. Rules:
 * <xen/vcpu.h>: is_up of a vCPU that cannot be is -ENOENT; initialise is
 * once; a registered vcpu_info lies within one page; every register that the
 * hypervisor will load is checked when it is given (security lessons 39, 60,
 * 65). The last vCPU is used for what can be done once only.
 */
#include "tables.h"

static struct vcpu_guest_context context;

static unsigned int last_vcpu(void)
{
	unsigned int n = cpus_possible();

	if (n < 2)
		tap_skip("one vCPU");
	return n - 1;
}

static void never(void *arg)
{
	(void)arg;
	for (;;)
		;
}

static void is_up(void)
{
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 77, NULL), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 8191, NULL), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 0x7fffffff, NULL), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 0xffffffff, NULL), -ENOENT);
}

static void initialise_bad_pointers(void)
{
	unsigned int id = last_vcpu();

	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, UNMAPPED_VA), -EFAULT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, XEN_VA), -EFAULT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, NONCANONICAL),
		 -EFAULT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, 77, &context), -ENOENT);
	CHECK(hcall_vcpu_op(VCPUOP_up, id, NULL) < 0);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, id, NULL), 0);
}

/* Refused, or taken and harmless: TRY must not hurt the hypervisor. */
static void initialise_bad_roots(void)
{
	unsigned int id = last_vcpu();
	void *data = page_alloc();
	unsigned long bad[] = {
		0, 1ul << 33, 0xfffffffff, 0xfee00, virt_to_mfn(data),
		start_info->shared_info >> PAGE_SHIFT,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		cpu_context(&context, id, never, NULL);
		context.ctrlreg[3] = xen_pfn_to_cr3(bad[i]);
		CHECK_REFUSED(hcall_vcpu_op(VCPUOP_initialise, id,
					    &context));
	}
	cpu_context(&context, id, never, NULL);
	context.gdt_frames[0] = virt_to_mfn(data);
	context.gdt_ents = 512;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_initialise, id, &context));
	context.gdt_ents = 8193;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_initialise, id, &context));
	cpu_context(&context, id, never, NULL);
	context.ldt_base = NONCANONICAL;
	context.ldt_ents = 16;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_initialise, id, &context));
	context.ldt_base = (unsigned long)data;
	context.ldt_ents = 8193;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_initialise, id, &context));
	CHECK_EQ(try_write((unsigned long)data, 1), -1);
	page_free(data);
}

/* Addresses that are not canonical, in every field that gets loaded. */
static void initialise_not_canonical(void)
{
	unsigned int id = last_vcpu();
	static const size_t fields[] = {
		offsetof(struct vcpu_guest_context, event_callback_eip),
		offsetof(struct vcpu_guest_context, failsafe_callback_eip),
		offsetof(struct vcpu_guest_context, syscall_callback_eip),
		offsetof(struct vcpu_guest_context, fs_base),
		offsetof(struct vcpu_guest_context, gs_base_kernel),
		offsetof(struct vcpu_guest_context, gs_base_user),
		offsetof(struct vcpu_guest_context, user_regs.rip),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
		cpu_context(&context, id, never, NULL);
		*(uint64_t *)((char *)&context + fields[i]) = NONCANONICAL;
		CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, &context),
			 -EINVAL);
	}
	cpu_context(&context, id, never, NULL);
	context.trap_ctxt[14].address = NONCANONICAL;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, &context), -EINVAL);
}

static volatile unsigned int runs;

static void run_once(void *arg)
{
	(void)arg;
	runs++;
}

static void wait_down(unsigned int id)
{
	uint64_t end = time_ns() + 20000000000;

	while (hcall_vcpu_op(VCPUOP_is_up, id, NULL) == 1 && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, id, NULL), 0);
}

static void life_cycle(void)
{
	unsigned int id = last_vcpu();

	runs = 0;
	REQUIRE_EQ(cpu_start(id, run_once, NULL), 0);
	wait_down(id);
	CHECK_EQ(runs, 1);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, id, &context), -EEXIST);
	/* Again, from where it took itself down. */
	CHECK_EQ(hcall_vcpu_op(VCPUOP_up, id, NULL), 0);
	wait_down(id);
	CHECK_EQ(runs, 2);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_up, 77, NULL), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_down, 77, NULL), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_initialise, 0, &context), -EEXIST);
}

static volatile unsigned int spinning;

static void spin(void *arg)
{
	(void)arg;
	spinning = 1;
	for (;;)
		spinning++;
}

/* One vCPU can take down another, also one that only computes. */
static void down_of_a_busy_vcpu(void)
{
	unsigned int id = last_vcpu(), before;
	uint64_t end = time_ns() + 20000000000;

	spinning = 0;
	REQUIRE_EQ(cpu_start(id, spin, NULL), 0);
	while (!spinning && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK(spinning);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_down, id, NULL), 0);
	wait_down(id);
	/* Down is said; to stop its processor may take a moment. */
	end = time_ns() + 20000000000;
	do {
		before = spinning;
		delay_ns(20000000);
	} while (spinning != before && time_ns() < end);
	CHECK_EQ(spinning, before);
}

static void runstate_info(void)
{
	struct vcpu_runstate_info r = { .state = 99 };
	uint64_t sum = 0;

	CHECK_EQ(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, &r), 0);
	CHECK_EQ(r.state, RUNSTATE_running);
	CHECK(r.state_entry_time <= time_ns());
	for (int i = 0; i < 4; i++)
		sum += r.time[i];
	CHECK(sum > 0);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_get_runstate_info, 77, &r), -ENOENT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, XEN_VA),
		 -EFAULT);
}

static void runstate_area(void)
{
	static struct vcpu_runstate_info area;
	struct vcpu_register_runstate_memory_area r;
	uint64_t before;

	memset(&area, 0xff, sizeof(area));
	r.addr.v = &area;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r),
		 0);
	CHECK_EQ(READ_ONCE(area.state), RUNSTATE_running);
	before = READ_ONCE(area.time[RUNSTATE_blocked]);
	/* Events may end a sleep early: several of them, then. */
	for (int i = 0; i < 20; i++) {
		hcall_sched_op(SCHEDOP_poll, &(struct sched_poll)
			       { .timeout = time_ns() + 2000000 });
	}
	CHECK_EQ(READ_ONCE(area.state), RUNSTATE_running);
	CHECK(READ_ONCE(area.time[RUNSTATE_blocked]) >= before + 2000000);
	/* A place that goes away later is the guest's own trouble. */
	r.addr.p = UNMAPPED_VA;
	(void)hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r);
	hcall_sched_op(SCHEDOP_poll, &(struct sched_poll)
		       { .timeout = time_ns() + 1000000 });
	r.addr.p = XEN_VA;
	(void)hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r);
	hcall_sched_op(SCHEDOP_poll, &(struct sched_poll)
		       { .timeout = time_ns() + 1000000 });
	r.addr.p = (uint64_t)kernel_l4();
	(void)hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r);
	hcall_sched_op(SCHEDOP_poll, &(struct sched_poll)
		       { .timeout = time_ns() + 1000000 });
	CHECK_EQ(kernel_l4()[0] & PTE_PS, 0);
	r.addr.p = 0;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r),
		 0);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0,
			       UNMAPPED_VA), -EFAULT);
}

static void time_area(void)
{
	static struct vcpu_time_info area;
	struct vcpu_register_time_memory_area r;
	long rc;

	r.addr.v = &area;
	rc = hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &r);
	if (rc == -ENOSYS)
		tap_skip("not offered");
	CHECK_EQ(rc, 0);
	delay_ns(3000000);
	CHECK(READ_ONCE(area.tsc_to_system_mul) != 0);
	r.addr.v = NULL;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &r),
		 0);
}

static void vcpu_info_refused(void)
{
	unsigned int id = last_vcpu();
	uint64_t *data = page_alloc(), *l1 = table_new();
	static const uint32_t offsets[] = {
		4096, 4096 - 63, 4096 - 8, 0xffffffff, 0xfffff000,
	};
	struct vcpu_register_vcpu_info r = { .mfn = virt_to_mfn(data) };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		r.offset = offsets[i];
		CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id,
					    &r));
	}
	r.offset = 0;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_vcpu_info, 77, &r), -ENOENT);
	r.mfn = 1ul << 33;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r));
	r.mfn = ~0ul;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r));
	r.mfn = 0xfee00;
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r));
	PREPARE(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	r.mfn = virt_to_mfn(l1);
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r));
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(l1[0], 0);
	PREPARE(page_unpin(l1));
	table_free(l1);
	page_free(data);
}

/* For good: this vCPU's info lives in our page from here on. */
static void vcpu_info_registered(void)
{
	unsigned int id = last_vcpu();
	struct vcpu_info *info = page_alloc();
	struct vcpu_register_vcpu_info r = { .mfn = virt_to_mfn(info) };

	/* At the page's end, which still is inside. */
	info += PAGE_SIZE / sizeof(*info) - 1;
	r.offset = (uint32_t)((unsigned long)info & (PAGE_SIZE - 1));
	CHECK_EQ(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r), 0);
	vcpu_infos[id] = info;
	CHECK_EQ(READ_ONCE(info->evtchn_upcall_pending), 1);
	CHECK_EQ(READ_ONCE(info->evtchn_pending_sel), ~0ul);
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, id, &r));
	/* Its frame is the hypervisor's to write: it becomes no table. */
	PREPARE(hcall_update_va_mapping((unsigned long)info & ~4095ul,
					mfn_pte(r.mfn, PTE_ROX),
					UVMF_INVLPG));
	CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, r.mfn, 0));
	PREPARE(hcall_update_va_mapping((unsigned long)info & ~4095ul,
					mfn_pte(r.mfn, PTE_RWX),
					UVMF_INVLPG));
}

static unsigned int nmis;

static bool on_nmi(struct regs *regs)
{
	(void)regs;
	nmis++;
	return true;
}

static void send_nmi(void)
{
	trap_hooks[2] = on_nmi;
	nmis = 0;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
	barrier();
	CHECK_EQ(READ_ONCE(nmis), 1);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_send_nmi, 77, NULL), -ENOENT);
}

static void unknown(void)
{
	CHECK_EQ(hcall_vcpu_op(99, 0, NULL), -ENOSYS);
	CHECK_EQ(hcall_vcpu_op(-1, 0, NULL), -ENOSYS);
}

static const struct test_case cases[] = {
	{ "is_up", is_up },
	{ "initialise: bad pointers", initialise_bad_pointers },
	{ "initialise: bad roots and tables", initialise_bad_roots },
	{ "initialise: not canonical", initialise_not_canonical },
	{ "vcpu_info refused", vcpu_info_refused },
	{ "vcpu_info registered", vcpu_info_registered },
	{ "up and down", life_cycle },
	{ "down of a busy vCPU", down_of_a_busy_vcpu },
	{ "get_runstate_info", runstate_info },
	{ "runstate area", runstate_area },
	{ "time area", time_area },
	{ "send_nmi", send_nmi },
	{ "unknown sub-operations", unknown },
};

TEST_PROGRAM(vcpu, "vcpu_op", cases);

/*
 * fuzz: hypercalls with arguments that are half sense, half nonsense, from a
 * random sequence that is the same for the same seed (fuzz:SEED). What it
 * pins: the hypervisor lives on, and so do our own page tables. Calls whose
 * success would end this guest (shutdown, taking down vCPU 0, its trap table,
 * its own mappings) are left out or undone. Security lessons, all of them.
 */
#include "tap.h"

#define ROUNDS 60000

static uint64_t state;

static uint64_t next(void)
{
	/* xorshift64: Marsaglia, "Xorshift RNGs", 2003. */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint8_t *buffer, *table;

/* One argument: a number, a mangled number, an address of each kind. */
static uint64_t argument(void)
{
	switch (next() % 16) {
	case 0 ... 3:
		return next() % 64;
	case 4:
		return next();
	case 5:
		return next() & 0xffffffff;
	case 6:
		return 1ull << (next() % 64);
	case 7:
		return ~0ull << (next() % 64);
	case 8:
		return UNMAPPED_VA + next() % 4096;
	case 9:
		return XEN_VA + (next() & 0xffffffff8);
	case 10:
		return NONCANONICAL + next() % 8192;
	case 11:
		return (uint64_t)table + next() % 4096;
	case 12:
		return virt_to_mfn(next() & 1 ? buffer : table);
	case 13:
		return DOMID_SELF;
	default:
		return (uint64_t)buffer + (next() % 64) * 8;
	}
}

static void fill_buffer(void)
{
	uint64_t *b = (uint64_t *)buffer;

	for (unsigned int i = 0; i < 80; i++)
		b[i] = argument();
}

/* Calls that a random argument may turn into our end. */
static bool deadly(unsigned int nr, uint64_t a1)
{
	switch (nr) {
	case __HYPERVISOR_set_trap_table:
	case __HYPERVISOR_set_callbacks:
	case __HYPERVISOR_callback_op:
	case __HYPERVISOR_stack_switch:
	case __HYPERVISOR_iret:
	case __HYPERVISOR_multicall:
	case __HYPERVISOR_set_segment_base:
	case __HYPERVISOR_domctl:
	case __HYPERVISOR_sysctl:
	case __HYPERVISOR_platform_op:
	case __HYPERVISOR_kexec_op:
	case __HYPERVISOR_arch_0: /* mca */
	case __HYPERVISOR_console_io:
	case __HYPERVISOR_set_debugreg:
	case __HYPERVISOR_fpu_taskswitch:
		return true;
	case __HYPERVISOR_sched_op_compat:
	case __HYPERVISOR_sched_op:
		return a1 != SCHEDOP_yield;
	case __HYPERVISOR_vcpu_op:
		return a1 == VCPUOP_down || a1 == VCPUOP_up ||
		       a1 == VCPUOP_initialise || a1 == VCPUOP_send_nmi ||
		       a1 == VCPUOP_register_vcpu_info ||
		       a1 == VCPUOP_register_runstate_memory_area ||
		       a1 == VCPUOP_register_vcpu_time_memory_area;
	case __HYPERVISOR_event_channel_op:
		return a1 == EVTCHNOP_init_control || a1 == EVTCHNOP_reset;
	case __HYPERVISOR_physdev_op:
	case __HYPERVISOR_physdev_op_compat:
		/* MSI-X of a device that is not there ends the original. */
		return true;
	case __HYPERVISOR_memory_op:
		/* What gives away frames that we still use. */
		return (a1 & 63) == XENMEM_decrease_reservation ||
		       (a1 & 63) == XENMEM_exchange;
	}
	return false;
}

static void run(void)
{
	unsigned long calls = 0, good = 0;
	uint64_t l4[512];

	buffer = page_alloc();
	table = page_alloc();
	if (page_set_ro(table))
		tap_error("cannot make a table");
	memcpy(l4, kernel_l4(), sizeof(l4));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int nr = (unsigned int)(next() % 56);
		uint64_t a1 = argument(), a2 = argument(), a3 = argument();
		uint64_t a4 = argument(), a5 = argument();

		if (deadly(nr, a1) || deadly(nr, (int32_t)a1))
			continue;
		/* In the slot for tests: not our own mappings. */
		if (nr == __HYPERVISOR_update_va_mapping ||
		    nr == __HYPERVISOR_update_va_mapping_otherdomain)
			a1 = TEST_VA + (a1 & ((1ull << 39) - 1));
		fill_buffer();
		calls++;
		good += hypercall6(nr, a1, a2, a3, a4, a5, 0) >= 0;
		if (READ_ONCE(vcpu_info()->evtchn_upcall_mask))
			events_enable();
	}
	printk("# %lu calls, %lu of them did something\n", calls, good);
	CHECK(good > 0 && good < calls);
	CHECK_EQ(hcall_xen_version(XENVER_version, NULL), 4 << 16 | 17);
	CHECK(!memcmp(l4 + 256, kernel_l4() + 256, 16 * 8));
	CHECK_EQ(try_write((unsigned long)kernel_l4(), 0), 14);
	/* Ports and grants that it made go back in one call. */
	(void)hcall_event_channel_op(EVTCHNOP_reset,
				     &(struct evtchn_reset){ DOMID_SELF });
}

static void seed_1(void)
{
	state = 0x9e3779b97f4a7c15;
	run();
}

static void seed_2(void)
{
	state = 0xd1b54a32d192ed03;
	run();
}

static void seed_3(void)
{
	state = 0x2545f4914f6cdd1d;
	run();
}

static const struct test_case cases[] = {
	{ "first sequence", seed_1 },
	{ "second sequence", seed_2 },
	{ "third sequence", seed_3 },
};

TEST_PROGRAM_ALONE(fuzz, "hypercalls with nonsense", cases);

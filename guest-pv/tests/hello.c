/*
 * hello: the core itself. What it pins is what every other program builds
 * on: the state that a PV guest finds at its start (start_info, P2M and M2P,
 * page tables), that a trap comes to its handler and back, that an event
 * sent to oneself is delivered, that user mode can be entered and left, and
 * that a second vCPU starts. Rules: the comments in <xen/xen.h> on start_info,
 * on trap tables, and on the 64-bit iret frame in arch-x86/xen-x86_64.h.
 */
#include "tap.h"

static void start_info_sane(void)
{
	CHECK(!strncmp(start_info->magic, "xen-3.0-x86_64", 14));
	CHECK(start_info->nr_pages > 1024);
	CHECK(start_info->shared_info != 0);
	CHECK_EQ(start_info->shared_info & (PAGE_SIZE - 1), 0);
	CHECK_EQ(start_info->mfn_list, P2M_BASE);
	CHECK_EQ(start_info->pt_base & (PAGE_SIZE - 1), 0);
	CHECK(start_info->nr_pt_frames >= 4);
	CHECK(start_info->first_p2m_pfn != 0);
	CHECK(start_info->nr_p2m_frames * 512 >= start_info->nr_pages);
}

static void p2m_m2p_agree(void)
{
	unsigned long wrong = 0;

	for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++)
		wrong += mfn_to_pfn(p2m[pfn]) != pfn;
	CHECK_EQ(wrong, 0);
}

static void tables_are_read_only(void)
{
	unsigned long va = start_info->pt_base;

	for (unsigned long i = 0; i < start_info->nr_pt_frames; i++)
		CHECK_EQ(pt_read(va + i * PAGE_SIZE) & (PTE_P | PTE_RW),
			 PTE_P);
}

static void trap_and_back(void)
{
	uint64_t value;

	CHECK_EQ(try_read(UNMAPPED_VA, &value), 14);
	CHECK_EQ(try_write((unsigned long)&value, 5), -1);
	CHECK_EQ(value, 5);
}

static volatile unsigned int got_port;

static void remember(unsigned int port)
{
	got_port = port;
}

static void event_to_self(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_send send;
	struct evtchn_close close;

	REQUIRE_EQ(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi), 0);
	event_set_handler(ipi.port, remember);
	send.port = ipi.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send, &send), 0);
	CHECK_EQ(got_port, ipi.port);
	event_set_handler(ipi.port, NULL);
	close.port = ipi.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_close, &close), 0);
}

static void user_mode(void)
{
	/* mov $7,%edi; syscall */
	static const uint8_t code[] = { 0xbf, 7, 0, 0, 0, 0x0f, 0x05 };
	struct regs r = { .rip = USER_VA, .rsp = USER_VA + PAGE_SIZE };
	struct trap t;

	memcpy(user_map_page(USER_VA), code, sizeof(code));
	r.rbx = 0x1234;
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	CHECK_EQ(t.regs.rdi, 7);
	CHECK_EQ(t.regs.rbx, 0x1234);
	CHECK_EQ(t.regs.rip, USER_VA + sizeof(code));
	CHECK_EQ(t.regs.rsp, r.rsp);
}

static volatile unsigned int second_id;

static void second_main(void *arg)
{
	second_id = this_cpu()->id + (unsigned int)(unsigned long)arg;
}

static void second_vcpu(void)
{
	uint64_t end = time_ns() + 20000000000;

	if (cpus_possible() < 2)
		tap_skip("one vCPU");
	REQUIRE_EQ(cpu_start(1, second_main, (void *)41), 0);
	while (!second_id && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(second_id, 42);
}

static const struct test_case cases[] = {
	{ "start_info is complete", start_info_sane },
	{ "P2M and M2P agree", p2m_m2p_agree },
	{ "page tables are mapped read-only", tables_are_read_only },
	{ "a page fault comes to its handler", trap_and_back },
	{ "an event to oneself is delivered", event_to_self },
	{ "user mode and back by system call", user_mode },
	{ "a second vCPU starts", second_vcpu },
};

TEST_PROGRAM(hello, "the core itself", cases);

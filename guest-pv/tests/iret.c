/*
 * The iret hypercall and the callbacks of system calls. Rules: struct
 * iret_context in arch-x86/xen-x86_64.h and the map, 2.4: everything in the
 * frame is loaded, rcx and r11 unless VGCF_in_syscall says that the guest
 * does not mind; RPL 3 is forced, IF is on in hardware, IOPL and VM are off,
 * the event mask is the negation of the frame's IF. Addresses that are not
 * canonical must not go through SYSRET (security lessons 60, 64).
 */
#include "tap.h"

#define FLAGS_IF 0x200ul

/* iret to the next instruction with the given frame parts; what comes back. */
struct result {
	uint64_t rax, rcx, r11, rflags;
};

static struct result iret_here(uint64_t flags, uint64_t rflags, uint64_t cs)
{
	struct result r;
	uint64_t sp;

	__asm__ volatile(
		"mov %%rsp, %[sp]\n"
		"push $0xe02b\n"		/* ss */
		"push %[sp]\n"			/* rsp */
		"push %[rflags]\n"
		"push %[cs]\n"
		"lea 1f(%%rip), %%rax\n push %%rax\n"
		"push %[flags]\n"
		"push $0x33\n"			/* rcx */
		"push $0x22\n"			/* r11 */
		"push $0x11\n"			/* rax */
		"mov %[nr], %%eax\n"
		"syscall\n"
		"ud2\n"
		"1: pushf\n pop %%rdx\n"
		: "=&a"(r.rax), "=&c"(r.rcx), "=&d"(r.rflags),
		  [sp] "=&r"(sp)
		: [flags] "r"(flags), [rflags] "r"(rflags), [cs] "r"(cs),
		  [nr] "i"(__HYPERVISOR_iret)
		: "r11", "memory", "cc");
	__asm__ volatile("mov %%r11, %0" : "=r"(r.r11));
	return r;
}

static void loads_the_frame(void)
{
	struct result r = iret_here(0, FLAGS_IF | 0x8d5, 0xe033 & ~3);

	CHECK_EQ(r.rax, 0x11);
	CHECK_EQ(r.rcx, 0x33);
	CHECK_EQ(r.rflags & 0x8d5, 0x8d5);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
}

static void mask_from_if(void)
{
	iret_here(0, 0, 0xe030);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 1);
	iret_here(0, FLAGS_IF, 0xe030);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
}

static void hardware_flags(void)
{
	/* IF off, IOPL 3, NT, VM, VIF, VIP asked for. */
	struct result r = iret_here(0, 0x1a7000, 0xe030);

	CHECK_EQ(r.rflags & FLAGS_IF, FLAGS_IF);
	CHECK_EQ(r.rflags & 0x3000, 0);
	CHECK_EQ(r.rflags & 0x20000, 0);
	__asm__ volatile("pushf\n andl $~0x1a7000, (%%rsp)\n popf"
			 : : : "memory", "cc");
	events_enable();
}

static volatile unsigned int got;

static void count(unsigned int port)
{
	(void)port;
	got++;
}

/* What was pending is delivered by the iret that unmasks. */
static void delivers_events(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_send send;
	struct evtchn_close close;

	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi));
	event_set_handler(ipi.port, count);
	got = 0;
	events_disable();
	send.port = ipi.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send, &send), 0);
	CHECK_EQ(got, 0);
	iret_here(0, FLAGS_IF, 0xe030);
	CHECK_EQ(got, 1);
	close.port = ipi.port;
	hcall_event_channel_op(EVTCHNOP_close, &close);
	event_set_handler(ipi.port, NULL);
}

static void in_syscall_flag(void)
{
	struct result r = iret_here(VGCF_in_syscall, FLAGS_IF, 0xe030);

	/* rcx and r11 may hold anything, rax is restored. */
	CHECK_EQ(r.rax, 0x11);
}

struct target {
	uint64_t rip, rsp, cs, ss;
};

static void go(void *arg)
{
	const struct target *t = arg;
	struct regs r = { 0 };

	r.rip = t->rip;
	r.cs = t->cs;
	r.ss = t->ss;
	r.rsp = t->rsp;
	r.rflags = FLAGS_IF;
	/* Not back to here: on a stack that the landing place may use. */
	iret_to(&r);
}

/* Places where no code can run: the kernel is told, nobody dies. */
static void bad_places(void)
{
	static const uint64_t rips[] = {
		NONCANONICAL, 0x8000000000000000, 0xffff7fffffffffff,
		UNMAPPED_VA, XEN_VA,
	};
	struct trap t;

	for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++) {
		struct target to = { rips[i], 0, 0xe030, 0xe02b };
		int vector;

		__asm__ volatile("mov %%rsp, %0" : "=r"(to.rsp));
		to.rsp -= 4096;
		vector = trap_catch(go, &to, &t);
		CHECK(vector == 13 || vector == 14 ||
		      vector == VECTOR_FAILSAFE);
	}
}

/* Selectors that cannot be loaded. */
static void bad_selectors(void)
{
	static const struct { uint16_t cs, ss; } sel[] = {
		{ 0x1230, 0xe02b },	/* beyond the GDT's frames */
		{ 0xe028, 0xe02b },	/* data as code */
		{ 0x0000, 0xe02b },	/* null code */
		{ 0xe030, 0x1233 },
		{ 0xe030, 0xe033 },	/* code as stack */
		{ 0xe008, 0xe02b },	/* the hypervisor's own code segment */
		{ 0xe010, 0xe02b },
	};
	struct trap t;

	for (unsigned int i = 0; i < ARRAY_SIZE(sel); i++) {
		struct target to = { UNMAPPED_VA, 0, sel[i].cs, sel[i].ss };
		int vector;

		__asm__ volatile("mov %%rsp, %0" : "=r"(to.rsp));
		to.rsp -= 4096;
		vector = trap_catch(go, &to, &t);
		CHECK(vector == 11 || vector == 12 || vector == 13 ||
		      vector == 14 || vector == VECTOR_FAILSAFE);
	}
}

static void user_flags(void)
{
	/* pushf; pop %rax; syscall */
	static const uint8_t code[] = { 0x9c, 0x58, 0x0f, 0x05 };
	unsigned long va = USER_VA + 0x4000;
	struct regs r = { .rip = va, .rsp = va + PAGE_SIZE };
	struct trap t;

	memcpy(user_map_page(va), code, sizeof(code));
	r.rflags = 0x3000 | 0x20000 | 0x400;	/* IOPL 3, VM; DF */
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	CHECK_EQ(t.regs.rax & 0x20000, 0);
	CHECK_EQ(t.regs.rax & 0x3000, 0);
	CHECK_EQ(t.regs.rax & FLAGS_IF, FLAGS_IF);
	CHECK_EQ(t.regs.rax & 0x400, 0x400);
	CHECK_EQ(t.regs.rflags & 0x400, 0x400);
}

/* The frame of a system call: rcx and r11 are what SYSCALL makes of them. */
static void syscall_frame(void)
{
	static const uint8_t code[] = { 0x0f, 0x05 };
	unsigned long va = USER_VA + 0x4000;
	struct regs r = { .rip = va, .rsp = va + 0x800 };
	struct trap t;

	memcpy(user_map_page(va), code, sizeof(code));
	r.rax = 0x1234567890;
	r.rdi = ~0ul;
	r.r15 = 77;
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	CHECK_EQ(t.regs.rip, va + 2);
	CHECK_EQ(t.regs.rsp, va + 0x800);
	CHECK_EQ(t.regs.rax, 0x1234567890);
	CHECK_EQ(t.regs.rdi, ~0ul);
	CHECK_EQ(t.regs.r15, 77);
	CHECK_EQ(t.regs.cs & 3, 3);
	CHECK_EQ(t.regs.ss & 3, 3);
}

static volatile bool seen_mask;

static bool note_mask(struct regs *regs)
{
	(void)regs;
	seen_mask = READ_ONCE(vcpu_info()->evtchn_upcall_mask);
	return false;
}

/* CALLBACKF_mask_events of the registration counts, and nothing else. */
static void syscall_mask(void)
{
	extern uint8_t syscall_entry[];
	static const uint8_t code[] = { 0x0f, 0x05 };
	unsigned long va = USER_VA + 0x4000;
	struct regs r = { .rip = va, .rsp = va + 0x800 };
	struct callback_register cb = {
		.type = CALLBACKTYPE_syscall,
		.address = (unsigned long)syscall_entry,
	};
	struct trap t;

	memcpy(user_map_page(va), code, sizeof(code));
	trap_hooks[VECTOR_SYSCALL] = note_mask;
	user_run(&r, &t);
	CHECK(seen_mask);
	CHECK_EQ(hcall_callback_op(CALLBACKOP_register, &cb), 0);
	user_run(&r, &t);
	CHECK(!seen_mask);
	cb.flags = CALLBACKF_mask_events;
	CHECK_EQ(hcall_callback_op(CALLBACKOP_register, &cb), 0);
}

/* Events are taken while user mode runs, on the kernel's stack. */
static void events_in_user_mode(void)
{
	/* 1: dec %rcx; jnz 1b; syscall */
	static const uint8_t code[] = {
		0x48, 0xff, 0xc9, 0x75, 0xfb, 0x0f, 0x05,
	};
	unsigned long va = USER_VA + 0x4000;
	struct regs r = { .rip = va, .rsp = va + 0x800, .rcx = 30000000 };
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER, .vcpu = 0 };
	struct evtchn_close close;
	struct trap t;

	memcpy(user_map_page(va), code, sizeof(code));
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_virq, &bind));
	event_set_handler(bind.port, count);
	got = 0;
	PREPARE(hypercall1(__HYPERVISOR_set_timer_op, time_ns() + 1000000));
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	CHECK_EQ(t.regs.rip, va + sizeof(code));
	CHECK(got >= 1);
	close.port = bind.port;
	hcall_event_channel_op(EVTCHNOP_close, &close);
	event_set_handler(bind.port, NULL);
}

static const struct test_case cases[] = {
	{ "loads the frame", loads_the_frame },
	{ "the mask comes from IF", mask_from_if },
	{ "flags of the hardware", hardware_flags },
	{ "delivers what is pending", delivers_events },
	{ "VGCF_in_syscall", in_syscall_flag },
	{ "places that cannot run", bad_places },
	{ "selectors that cannot be loaded", bad_selectors },
	{ "flags of user mode", user_flags },
	{ "frame of a system call", syscall_frame },
	{ "event mask of a system call", syscall_mask },
	{ "events in user mode", events_in_user_mode },
};

TEST_PROGRAM(iret, "iret and system calls", cases);

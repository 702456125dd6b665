/*
 * Privileged instructions of the guest kernel: what is emulated and what comes
 * back as #GP. Rules: map, 2.6 and 2.7 (what Linux executes), the forced CPUID
 * of <xen/arch-x86/xen.h> (XEN_CPUID), the leaves of <xen/arch-x86/cpuid.h>;
 * security lessons 67, 68. None of them may work for user mode.
 */
#include "tap.h"
#include "msr.h"

struct leaf {
	uint32_t in, sub, a, b, c, d;
};

static void cpuid_forced(struct leaf *l)
{
	__asm__ volatile(XEN_CPUID
			 : "=a"(l->a), "=b"(l->b), "=c"(l->c), "=d"(l->d)
			 : "a"(l->in), "c"(l->sub));
}

static void cpuid_hypervisor_leaves(void)
{
	struct leaf l = { .in = 0x40000000 };

	cpuid_forced(&l);
	CHECK(l.a >= 0x40000002);
	CHECK_EQ(l.b, 0x566e6558);	/* "XenV" */
	CHECK_EQ(l.c, 0x65584d4d);	/* "MMXe" */
	CHECK_EQ(l.d, 0x4d4d566e);	/* "nVMM" */
	l.in = 0x40000001;
	cpuid_forced(&l);
	CHECK_EQ(l.a, 4 << 16 | 17);
	l.in = 0x40000002;
	cpuid_forced(&l);
	CHECK_EQ(l.c & 1, 1);	/* mmu_pt_update_preserve_ad */
}

static void cpuid_policy(void)
{
	struct leaf l = { .in = 1 };

	cpuid_forced(&l);
	CHECK_EQ(l.c >> 31, 1);		/* a hypervisor */
	CHECK_EQ(l.d & 1u << 3, 0);	/* PSE */
	CHECK_EQ(l.d & 1u << 13, 0);	/* PGE */
	CHECK_EQ(l.c & 1u << 17, 0);	/* PCID */
	CHECK_EQ(l.c & 1u << 5, 0);	/* VMX */
	CHECK_EQ(l.c & 1u << 3, 0);	/* MONITOR */
	l.in = 7;
	l.sub = 0;
	cpuid_forced(&l);
	CHECK_EQ(l.b & 1u << 20, 0);	/* SMAP */
	CHECK_EQ(l.c & 1u << 16, 0);	/* LA57 */
	CHECK_EQ(l.c & 1u << 3, 0);	/* PKU */
	l.in = 0x80000001;
	cpuid_forced(&l);
	CHECK_EQ(l.d & 1u << 26, 0);	/* 1 GiB pages */
	CHECK_EQ(l.d & 1u << 20, 1u << 20);	/* NX */
	CHECK_EQ(l.d & 1u << 29, 1u << 29);	/* long mode */
	CHECK_EQ(l.c & 1u << 2, 0);	/* SVM */
}

static void cpuid_out_of_range(void)
{
	static const uint32_t leaves[] = {
		0x40000100, 0x4000ff00, 0x50000000, 0xc0000000, 0xffffffff,
		0x7fffffff,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct leaf l = { .in = leaves[i], .sub = 0xffffffff };

		cpuid_forced(&l);
	}
	/* No second hypervisor at the next places. */
	for (uint32_t in = 0x40000100; in < 0x40001000; in += 0x100) {
		struct leaf l = { .in = in };

		cpuid_forced(&l);
		CHECK(l.b != 0x566e6558);
	}
}

static void plain_ud2(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2; .ascii \"xem\"; cpuid" : : :
			 "eax", "ebx", "ecx", "edx");
}

static void not_quite_the_prefix(void)
{
	struct trap t;

	CHECK_EQ(trap_catch(plain_ud2, NULL, &t), 6);
	CHECK_EQ(*(uint8_t *)t.regs.rip, 0x0f);
}

static void msr_reads(void)
{
	uint64_t value = 0;

	CHECK_EQ(msr_read(0x1b, &value), -1);		/* APIC base */
	CHECK_EQ(value & 0xfffff000, 0xfee00000);
	CHECK_EQ(msr_read(0x277, &value), -1);		/* PAT */
	CHECK_EQ(value, 0x0000050100070406);
	CHECK_EQ(msr_read(0xc0000080, &value), -1);	/* EFER */
	CHECK_EQ(value & 0x500, 0x500);			/* LME, LMA */
	CHECK_EQ(value & 0x1000, 0);			/* no SVME */
}

static void msr_unknown(void)
{
	static const uint32_t nrs[] = {
		0x12345678, 0xffffffff, 0xc0010117 /* SVM_HSAVE_PA */,
		0x480 /* VMX */,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(nrs); i++) {
		uint64_t value = 0;

		CHECK_EQ(msr_read(nrs[i], &value), 13);
		CHECK_EQ(msr_write(nrs[i], 1), 13);
	}
}

/* Registers of the hypervisor: written, they must not change its own. */
static void msr_protected(void)
{
	static const uint32_t nrs[] = {
		0xc0000080 /* EFER */, 0xc0000081 /* STAR */,
		0xc0000082 /* LSTAR */, 0xc0000083 /* CSTAR */,
		0xc0000084 /* SFMASK */, 0x174, 0x175, 0x176,
		0x1d9 /* DEBUGCTL */, 0x10 /* TSC */, 0x277 /* PAT */,
		0x200 /* MTRR */, 0x2ff,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(nrs); i++) {
		int vector = msr_write(nrs[i], 0);

		CHECK_EITHER(vector, -1, 13);
		vector = msr_write(nrs[i], 0xdead000000000000);
		CHECK_EITHER(vector, -1, 13);
		/* Still here: the way in works, and PAT is what it was. */
		CHECK_EQ(hcall_xen_version(XENVER_version, NULL),
			 4 << 16 | 17);
	}
	msr_reads();
}

static void port_io(void *arg)
{
	uint16_t port = (uint16_t)(unsigned long)arg;
	uint8_t v;

	__asm__ volatile("inb %w1, %0\n outb %0, %w1" : "=a"(v) : "d"(port));
}

static void ports(void)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	uint32_t value;

	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
	CHECK_EQ(trap_catch(port_io, (void *)0x80, NULL), -1);
	/* Widths and string forms, on a port that nobody answers. */
	__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(0x1234));
	CHECK_EQ(value, 0xffffffff);
	__asm__ volatile("xor %%eax, %%eax\n inw %w1, %%ax\n mov %%eax, %0"
			 : "=r"(value) : "d"(0x1234) : "eax");
	CHECK_EQ(value, 0xffff);
	iopl.iopl = 0;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
	CHECK_EQ(trap_catch(port_io, (void *)0x80, NULL), 13);
	iopl.iopl = 1;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

/* Configuration space through the two ports, for the host bridge. */
static void pci_ports(void)
{
	uint32_t id;

	if (!is_dom0())
		tap_skip("Dom0 alone");
	__asm__ volatile("outl %0, %w1" : : "a"(0x80000000u), "d"(0xcf8));
	__asm__ volatile("inl %w1, %0" : "=a"(id) : "d"(0xcfc));
	CHECK_EQ(id & 0xffff, 0x8086);
	__asm__ volatile("inl %w1, %0" : "=a"(id) : "d"(0xcf8));
	CHECK_EQ(id, 0x80000000u);
}

static void control_registers(void)
{
	uint64_t cr0, cr2, cr3, cr4;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	CHECK_EQ(cr0 & 0x80010001, 0x80010001);	/* PG, WP, PE */
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	CHECK_EQ(cr3 >> PAGE_SHIFT, virt_to_mfn(kernel_l4()));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	CHECK_EQ(cr4 & 0x20, 0x20);		/* PAE */
	(void)try_read(UNMAPPED_VA + 0x456, NULL);
	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	CHECK_EQ(cr2, UNMAPPED_VA + 0x456);
}

static void write_cr(void *arg)
{
	switch ((unsigned long)arg) {
	case 0:		/* paging off */
		__asm__ volatile("mov %%cr0, %%rax\n btr $31, %%rax\n"
				 "mov %%rax, %%cr0" : : : "rax", "cc");
		break;
	case 1:		/* write protection off */
		__asm__ volatile("mov %%cr0, %%rax\n btr $16, %%rax\n"
				 "mov %%rax, %%cr0" : : : "rax", "cc");
		break;
	case 2:		/* everything on */
		__asm__ volatile("mov %0, %%cr4" : : "r"(~0ul));
		break;
	case 3:		/* everything off */
		__asm__ volatile("mov %0, %%cr4" : : "r"(0ul));
		break;
	case 4:		/* a root that is none */
		__asm__ volatile("mov %0, %%cr3" : : "r"(0x1000ul));
		break;
	case 5:
		__asm__ volatile("mov %0, %%cr8" : : "r"(15ul));
		break;
	}
}

/* Refused or silently without effect: protection stays as it is. */
static void control_registers_bad(void)
{
	uint64_t cr0, cr4, cr3;

	for (unsigned long i = 0; i < 6; i++) {
		int vector = trap_catch(write_cr, (void *)i, NULL);

		CHECK(vector == -1 || vector == 13 || vector == 6);
	}
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	CHECK_EQ(cr0 & 0x80010001, 0x80010001);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	CHECK_EQ(cr4 & 0x20, 0x20);
	CHECK_EQ(cr4 & (1 << 13 | 1 << 17), 0);	/* VMXE, PCIDE */
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	CHECK_EQ(cr3 >> PAGE_SHIFT, virt_to_mfn(kernel_l4()));
	/* Write protection is really on. */
	CHECK_EQ(try_write((unsigned long)kernel_l4(), 0), 14);
}

/* A root by CR3, as MMUEXT_NEW_BASEPTR. */
static void write_cr3(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0\n mov %0, %%cr3" : "=r"(cr3));
	CHECK_EQ(cr3 >> PAGE_SHIFT, virt_to_mfn(kernel_l4()));
}

static void cli_and_sti(void)
{
	/* Skipped where iopl allows, and no change of the event mask. */
	struct physdev_set_iopl iopl = { .iopl = 1 };

	PREPARE(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl));
	__asm__ volatile("cli");
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
	__asm__ volatile("sti");
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
}

static void run_instruction(void *arg)
{
	switch ((unsigned long)arg) {
	case 0:
		__asm__ volatile("hlt");
		break;
	case 1:
		__asm__ volatile("invlpg (%0)" : : "r"(USER_VA));
		break;
	case 2:
		__asm__ volatile("sysret");
		break;
	case 3:
		__asm__ volatile("swapgs");
		break;
	case 4:
		__asm__ volatile("lmsw %0" : : "r"((uint16_t)1));
		break;
	}
}

static void never_a_guests(void)
{
	for (unsigned long i = 0; i < 5; i++) {
		int vector = trap_catch(run_instruction, (void *)i, NULL);

		CHECK_EITHER(vector, 13, 6);
	}
}

static void wbinvd_is_harmless(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

static void do_xsetbv(void *arg)
{
	uint64_t v = *(uint64_t *)arg;

	__asm__ volatile("xsetbv" : : "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)), "c"(0));
}

static void xcr0(void)
{
	struct leaf l = { .in = 1 };
	uint64_t cr4, value;
	uint32_t low, high;

	cpuid_forced(&l);
	if (!(l.c & 1u << 26))
		tap_skip("no XSAVE");
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= 1 << 18;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	value = 3;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), -1);
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	CHECK_EQ(low, 3);
	/* x87 cannot be off, AVX not without SSE, nothing unknown. */
	value = 0;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), 13);
	value = 2;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), 13);
	value = 5;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), 13);
	value = 1ul << 62 | 3;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), 13);
	value = ~0ul;
	CHECK_EQ(trap_catch(do_xsetbv, &value, NULL), 13);
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	CHECK_EQ(low, 3);
}

static void time_stamp(void)
{
	struct leaf l = { .in = 0x80000001 };
	uint32_t l1, h1, l2, h2;

	cpuid_forced(&l);
	__asm__ volatile("rdtsc" : "=a"(l1), "=d"(h1));
	if (l.d & 1u << 27)
		__asm__ volatile("rdtscp" : "=a"(l2), "=d"(h2) : : "ecx");
	else
		__asm__ volatile("rdtsc" : "=a"(l2), "=d"(h2));
	CHECK(((uint64_t)h2 << 32 | l2) > ((uint64_t)h1 << 32 | l1));
}

static const struct test_case cases[] = {
	{ "cpuid: hypervisor leaves", cpuid_hypervisor_leaves },
	{ "cpuid: policy", cpuid_policy },
	{ "cpuid: out of range", cpuid_out_of_range },
	{ "not quite the prefix", not_quite_the_prefix },
	{ "rdmsr", msr_reads },
	{ "unknown MSRs", msr_unknown },
	{ "MSRs of the hypervisor", msr_protected },
	{ "in and out", ports },
	{ "PCI configuration ports", pci_ports },
	{ "control registers", control_registers },
	{ "bad values for control registers", control_registers_bad },
	{ "CR3 written", write_cr3 },
	{ "cli and sti", cli_and_sti },
	{ "never a guest's", never_a_guests },
	{ "wbinvd", wbinvd_is_harmless },
	{ "xsetbv", xcr0 },
	{ "rdtsc and rdtscp", time_stamp },
};

TEST_PROGRAM(privileged, "emulated instructions", cases);

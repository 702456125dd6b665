/*
 * GDT, IDT, TSS. A CPU's GDT lies in a descriptor window: 14 pages that
 * show the frames of the running guest's own GDT, and one page of ours behind
 * them, the same in all windows. Each vCPU has one of the CPU's windows, by its
 * number: those that run in turn find their frames there, and a context
 * switch loads the GDT register and flushes nothing.
 */
#include "desc.h"
#include "cpu.h"
#include "features.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, zero;
} __attribute__((packed));

struct table_reg {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* Traps with stacks of their own; all within one STACK_SIZE block. */
enum { IST_DB = 1, IST_NMI, IST_DF, IST_MC };
#define IST_SIZE 4096UL

static struct idt_gate idt[256];

extern char vector_stubs[], syscall_stubs[], syscall32_stubs[],
	sysenter_entry[];
extern struct {
	uint64_t guest_rsp;
	void *frame_end;
} entry_slots[MAX_CPUS];

/* The stubs are of equal size: entry.S aligns each to its power of two. */
#define STUB_SIZE 32

static void idt_fill(void)
{
	static const uint8_t ists[32] = {
		[TRAP_DB] = IST_DB, [TRAP_NMI] = IST_NMI,
		[TRAP_DF] = IST_DF, [TRAP_MC] = IST_MC,
	};

	for (unsigned int i = 0; i < 256; i++) {
		uint64_t a = (uint64_t)vector_stubs + i * STUB_SIZE;
		/* The guest's own, without a detour by #GP. */
		bool direct = i == TRAP_BP || i == TRAP_OF;

		idt[i] = (struct idt_gate){
			.offset_low = (uint16_t)a,
			.selector = SEL_HV_CS,
			.ist = i < ARRAY_SIZE(ists) ? ists[i] : 0,
			.type = direct ? 0xee : 0x8e,
			.offset_mid = (uint16_t)(a >> 16),
			.offset_high = (uint32_t)(a >> 32),
		};
	}
}

static void set_system_desc(uint64_t *gdt, unsigned int sel, uint64_t base,
			    uint32_t limit, unsigned int type)
{
	unsigned int i = (sel - 0xe000) / 8;

	gdt[i] = (limit & 0xffff) | (base & 0xffffff) << 16 |
		 (uint64_t)type << 40 | (uint64_t)(limit >> 16 & 0xf) << 48 |
		 (base >> 24 & 0xff) << 56;
	gdt[i + 1] = base >> 32;
}

static void gdt_fill(uint64_t *gdt, struct tss *tss)
{
	gdt[1] = 0x00af9b000000ffff; /* e008: ring-0 code, 64 bits */
	gdt[2] = 0x00cf93000000ffff; /* e010: ring-0 data */
	gdt[4] = 0x00cffb000000ffff; /* e023: ring-3 code, 32 bits */
	gdt[5] = 0x00cff3000000ffff; /* e02b: ring-3 data */
	gdt[6] = 0x00affb000000ffff; /* e033: ring-3 code, 64 bits */
	set_system_desc(gdt, SEL_TSS, (uint64_t)tss, sizeof(*tss) - 1, 0x89);
}

static void alloc_tables(struct cpu *c)
{
	void *gdt = hv_alloc_pages(0, FRAME_ZERO);
	char *ist = hv_alloc_pages(2, FRAME_ZERO);
	unsigned int i;

	c->tss = hv_alloc_pages(2, FRAME_ZERO);
	c->desc_entries = map_desc_windows(c->id);
	if (!gdt || !ist || !c->tss || !c->desc_entries)
		panic("no memory for the tables of CPU %u", c->id);

	/* this_cpu() works on the trap stacks too: one top for all four. */
	stack_top_of(ist)->cpu = c;
	for (i = 0; i < 4; i++)
		c->tss->ist[i] = (uint64_t)ist + (i + 1) * IST_SIZE -
				 sizeof(struct stack_top) - 32;
	c->tss->iomap = IOMAP_NONE;
	memset(c->tss->bitmap, 0xff, sizeof(c->tss->bitmap));
	ports_fill_bitmap(c->tss->bitmap);

	for (c->window = 0; c->window < DESC_WINDOWS; c->window++) {
		for (i = 0; i < DESC_GUEST_PAGES; i++)
			desc_map(c, i, zero_mfn);
		desc_map(c, DESC_GUEST_PAGES, frame_mfn(virt_frame(gdt)));
	}
	gdt_fill(gdt, c->tss);
}

void desc_select(struct cpu *c, unsigned int window)
{
	struct table_reg gdtr = {
		.limit = (DESC_GUEST_PAGES + 1) * PAGE_SIZE - 1,
		.base = desc_page(c->id, window, 0),
	};

	c->window = window;
	__asm__ volatile("lgdt %0" :: "m"(gdtr));
}

static void load_tables(struct cpu *c)
{
	struct table_reg idtr = { .limit = sizeof(idt) - 1,
				  .base = (uint64_t)idt };

	desc_select(c, 0);
	__asm__ volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
			 :: "i"(SEL_HV_CS) : "rax", "memory");
	__asm__ volatile("mov %0, %%ss" :: "r"(0));
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs;"
			 "mov %0, %%gs" :: "r"(0));
	__asm__ volatile("lidt %0" :: "m"(idtr));
	__asm__ volatile("ltr %w0" :: "r"(SEL_TSS));
	desc_load_ldt(c, 0);
}

void desc_init_cpu(struct cpu *c)
{
	if (idt[0].selector == 0)
		idt_fill();
	alloc_tables(c);
	load_tables(c);
	wrmsr(MSR_STAR, (uint64_t)SEL_HV_CS << 32 |
			(uint64_t)SEL_GUEST_CS32 << 48);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_stubs + c->id * STUB_SIZE);
	wrmsr(MSR_CSTAR, (uint64_t)syscall32_stubs + c->id * STUB_SIZE);
	/* No flag of the guest's survives into the hypervisor. */
	wrmsr(MSR_SFMASK, X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF |
			  X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF |
			  X86_EFLAGS_AC);
	if (features.intel) {
		wrmsr(MSR_SYSENTER_CS, SEL_HV_CS);
		wrmsr(MSR_SYSENTER_ESP,
		      (uint64_t)&entry_slots[c->id].frame_end);
		wrmsr(MSR_SYSENTER_EIP, (uint64_t)sysenter_entry);
	}
}

void desc_set_stack(struct cpu *c, void *frame_end)
{
	c->tss->rsp0 = (uint64_t)frame_end;
	entry_slots[c->id].frame_end = frame_end;
}

void desc_map(struct cpu *c, unsigned int page, mfn_t mfn)
{
	uint64_t *e = &c->desc_entries[c->window * DESC_PAGES + page];
	uint64_t entry = mfn_paddr(mfn) | PTE_P | PTE_RW | PTE_A | PTE_D |
			 PTE_NX;

	if (READ_ONCE(*e) == entry)
		return;
	WRITE_ONCE(*e, entry);
	invlpg(desc_page(c->id, c->window, page));
}

void desc_load_ldt(struct cpu *c, unsigned int entries)
{
	uint64_t *gdt = (uint64_t *)desc_page(c->id, c->window,
					      DESC_GUEST_PAGES);
	uint16_t sel = 0;

	if (entries) {
		set_system_desc(gdt, SEL_LDT,
				desc_page(c->id, c->window, DESC_LDT_PAGE),
				entries * 8 - 1, 0x82);
		sel = SEL_LDT;
	}
	__asm__ volatile("lldt %w0" :: "r"(sel));
}

/*
 * Descriptor tables, segment bases and debug registers of a guest. Whatever
 * goes into a register of the CPU is checked before it is stored, on every
 * way in: hypercall, vCPU context, emulated instruction.
 */
#include "access.h"
#include "desc.h"
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

#define GDT_MAX_ENTRIES (DESC_GUEST_PAGES * 512)
#define LDT_PAGES ARRAY_SIZE(((struct pv_vcpu *)0)->ldt)
#define LDT_MAX_ENTRIES (LDT_PAGES * 512)

/* --- GDT and LDT: their pages are typed when they are set --- */

static int get_pages(struct vcpu *v, const uint64_t *mfns, unsigned int n,
		     struct frame **pages)
{
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = frame_get_as(v->domain, MFN(mfns[i]), TYPE_SEGDESC,
				  &pages[i]);
		if (rc) {
			while (i > 0)
				frame_put_as(pages[--i]);
			return rc;
		}
	}
	return 0;
}

static void exchange_pages(struct frame **held, struct frame **pages,
			   unsigned int n)
{
	struct frame *old;

	while (n-- > 0) {
		old = held[n];
		held[n] = pages[n];
		pages[n] = old;
	}
}

static void put_pages(struct frame **pages, unsigned int n)
{
	while (n-- > 0)
		if (pages[n])
			frame_put_as(pages[n]);
}

void pv_load_gdt(struct vcpu *v)
{
	struct cpu *c = this_cpu();
	unsigned int w = (v->domain->id + v->id) % DESC_WINDOWS, i;

	if (c->window != w)
		desc_select(c, w);
	/* A zero page, so that a selector into it is a #GP and no #PF. */
	for (i = 0; i < DESC_GUEST_PAGES; i++)
		desc_map(c, i, v->pv.gdt[i] ? frame_mfn(v->pv.gdt[i]) :
			 zero_mfn);
}

int pv_set_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries)
{
	struct frame *pages[DESC_GUEST_PAGES] = { NULL };
	int rc;

	if (entries > GDT_MAX_ENTRIES)
		return -EINVAL;
	rc = get_pages(v, mfns, DIV_ROUND_UP(entries, 512), pages);
	if (rc)
		return rc;
	exchange_pages(v->pv.gdt, pages, DESC_GUEST_PAGES);
	v->pv.gdt_entries = entries;
	if (v == current)
		pv_load_gdt(v);
	put_pages(pages, DESC_GUEST_PAGES);
	return 0;
}

void pv_load_ldt(struct vcpu *v)
{
	struct cpu *c = this_cpu();
	unsigned int i;

	for (i = 0; i < DIV_ROUND_UP(v->pv.ldt_entries, 512); i++)
		desc_map(c, DESC_LDT_PAGE + i, frame_mfn(v->pv.ldt[i]));
	/* Whoever ran here before may have left his. */
	if (v->pv.ldt_entries || c->ldt_entries)
		desc_load_ldt(c, v->pv.ldt_entries);
	c->ldt_entries = v->pv.ldt_entries;
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
	unsigned int n = DIV_ROUND_UP(entries, 512), i;
	struct frame *pages[LDT_PAGES] = { NULL };
	uint64_t mfns[LDT_PAGES], pte;

	if (entries > LDT_MAX_ENTRIES ||
	    (entries && (base % PAGE_SIZE || !va_canonical(base))))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!guest_walk(v->pv.kernel_cr3, base + i * PAGE_SIZE, &pte))
			return -EINVAL;
		mfns[i] = pte_mfn(pte).n;
	}
	if (get_pages(v, mfns, n, pages))
		return -EINVAL;
	exchange_pages(v->pv.ldt, pages, LDT_PAGES);
	v->pv.ldt_base = base;
	v->pv.ldt_entries = entries;
	if (v == current)
		pv_load_ldt(v);
	put_pages(pages, LDT_PAGES);
	return 0;
}

/* --- segment bases --- */

/* Selector of the user's GS: its base comes from the descriptor. */
static void load_user_gs_selector(struct vcpu *v, uint16_t sel)
{
	uint64_t kernel = rdmsr(MSR_GS_BASE);
	uint32_t s = guest_selector(sel);

	LOAD_SEL(gs, s);
	v->pv.gs_base_user = rdmsr(MSR_GS_BASE);
	wrmsr(MSR_KERNEL_GS_BASE, v->pv.gs_base_user);
	wrmsr(MSR_GS_BASE, kernel);
}

int pv_set_segment_base(struct vcpu *v, uint64_t which, uint64_t base)
{
	if (which != SEGBASE_GS_USER_SEL && !va_canonical(base))
		return -EINVAL;
	switch (which) {
	case SEGBASE_FS:
		v->pv.fs_base = base;
		wrmsr(MSR_FS_BASE, base);
		return 0;
	case SEGBASE_GS_USER: /* the inactive one: callers are kernels */
		v->pv.gs_base_user = base;
		wrmsr(MSR_KERNEL_GS_BASE, base);
		return 0;
	case SEGBASE_GS_KERNEL:
		v->pv.gs_base_kernel = base;
		wrmsr(MSR_GS_BASE, base);
		return 0;
	case SEGBASE_GS_USER_SEL:
		load_user_gs_selector(v, (uint16_t)base);
		return 0;
	}
	return -EINVAL;
}

/* --- debug registers (Intel SDM 3B, chapter 17.2) --- */

#define DR7_ENABLES 0xffUL
#define DR7_GD (1UL << 13)
#define DR7_FIXED 0x400UL

static bool breakpoint_ok(uint64_t addr)
{
	return va_canonical(addr) && guest_range_ok(addr, 8);
}

/* I/O breakpoints need CR4.DE; general detection is the hypervisor's. */
static bool dr7_ok(const struct vcpu *v, uint64_t val)
{
	unsigned int i;

	if (val >> 32 || (val & DR7_GD))
		return false;
	for (i = 0; i < 4; i++)
		if (val >> (2 * i) & 3 && ((val >> (16 + 4 * i) & 3) == 2 ||
					   !breakpoint_ok(v->pv.dr[i])))
			return false;
	return true;
}

int pv_set_debugreg(struct vcpu *v, uint64_t reg, uint64_t val)
{
	switch (reg) {
	case 0 ... 3:
		if (!breakpoint_ok(val))
			return -EPERM;
		v->pv.dr[reg] = val;
		break;
	case 6:
		if (val >> 32)
			return -EPERM;
		v->pv.dr6 = (val & 0xe00fUL) | 0xffff0ff0UL;
		return 0;
	case 7:
		if (!dr7_ok(v, val))
			return -EPERM;
		v->pv.dr7 = val | DR7_FIXED;
		break;
	default:
		return -EINVAL;
	}
	if (v == current && (reg == 7 || (v->pv.dr7 & DR7_ENABLES)))
		pv_load_debugregs(v);
	return 0;
}

int pv_get_debugreg(const struct vcpu *v, uint64_t reg, uint64_t *val)
{
	if (reg > 7 || reg == 4 || reg == 5)
		return -EINVAL;
	*val = reg < 4 ? v->pv.dr[reg] : reg == 6 ? v->pv.dr6 : v->pv.dr7;
	return 0;
}

void pv_load_debugregs(const struct vcpu *v)
{
	write_dr7(DR7_FIXED);
	write_dr0(v->pv.dr[0]);
	write_dr1(v->pv.dr[1]);
	write_dr2(v->pv.dr[2]);
	write_dr3(v->pv.dr[3]);
	write_dr7(v->pv.dr7 | DR7_FIXED);
}

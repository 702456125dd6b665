/*
 * Privileged instructions of a guest's kernel, which runs in ring 3 and gets
 * #GP for them: port access, control and debug registers, MSRs, cli and sti,
 * and software interrupts. What is not known here is the guest's own #GP.
 * (Instruction formats: AMD64 manual 3, chapter 1 and appendix A.)
 */
#include "domain.h"
#include "desc.h"
#include "features.h"
#include "guest.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

/* It may end before a page that is not there. */
static unsigned int read_code(uint64_t rip, uint8_t *b)
{
	unsigned int n = (unsigned int)(PAGE_SIZE - rip % PAGE_SIZE);

	if (copy_from_guest_va(b, rip, FETCH_BYTES) == 0)
		return FETCH_BYTES;
	return n < FETCH_BYTES && copy_from_guest_va(b, rip, n) == 0 ? n : 0;
}

uint8_t pv_fetch(const struct cpu_user_regs *r, struct insn *in)
{
	uint8_t b;

	in->len = read_code(r->rip, in->b);
	in->at = in->rex = in->opsize16 = in->rep = 0;
	for (;;) {
		b = insn_next(in);
		if (b == 0x66)
			in->opsize16 = true;
		else if (b == 0xf2 || b == 0xf3)
			in->rep = true;
		else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e &&
			 b != 0x64 && b != 0x65 && b != 0x67 && b != 0xf0)
			break;
	}
	if ((b & 0xf0) == 0x40) {
		in->rex = b;
		b = insn_next(in);
	}
	return b;
}

uint64_t *pv_reg(struct cpu_user_regs *r, unsigned int n)
{
#define AT(reg) offsetof(struct cpu_user_regs, reg)
	static const uint8_t at[16] = {
		AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi),
		AT(rdi), AT(r8), AT(r9), AT(r10), AT(r11), AT(r12), AT(r13),
		AT(r14), AT(r15),
	};
#undef AT

	return (uint64_t *)((char *)r + at[n]);
}

/* --- ports --- */

/* The guest's own bitmap, for its user processes (PHYSDEVOP_set_iobitmap). */
static bool user_bitmap_allows(const struct vcpu *v, unsigned int port,
			       unsigned int size)
{
	uint8_t bits[2] = { 0xff, 0xff };
	unsigned int mask = ((1u << size) - 1) << (port & 7);

	if (port + size > v->pv.iobmp_limit)
		return false;
	if (copy_from_guest_va(bits, v->pv.iobmp + port / 8, 2) &&
	    copy_from_guest_va(bits, v->pv.iobmp + port / 8, 1))
		return false;
	return !((bits[0] | bits[1] << 8) & mask);
}

static bool has_iopl(const struct vcpu *v)
{
	return v->pv.iopl >= (v->pv.in_kernel ? 1 : 3);
}

/* One element of ins or outs; false: fault in the guest's memory. */
static bool string_element(struct vcpu *v, struct cpu_user_regs *r,
			   uint8_t op, unsigned int size)
{
	int64_t step = r->rflags & X86_EFLAGS_DF ? -(int64_t)size : size;
	unsigned int port = (uint16_t)r->rdx;
	uint32_t val = 0;

	if (op & 2) {
		if (copy_from_guest_va(&val, r->rsi, size))
			return false;
		port_write(v->domain, port, size, val);
		r->rsi += (uint64_t)step;
	} else {
		val = port_read(v->domain, port, size);
		if (copy_to_guest_va(r->rdi, &val, size))
			return false;
		r->rdi += (uint64_t)step;
	}
	return true;
}

/*
 * ins and outs. A repeated one does a bounded part, and the guest executes the
 * instruction again for the rest: that is how the CPU itself does it.
 */
#define STRING_BATCH 512

static bool string_io(struct vcpu *v, struct cpu_user_regs *r, bool rep,
		      uint8_t op, unsigned int size, bool *again)
{
	if (!rep)
		return string_element(v, r, op, size);
	for (unsigned int i = 0; i < STRING_BATCH && r->rcx; i++, r->rcx--)
		if (!string_element(v, r, op, size))
			return false;
	*again = r->rcx != 0;
	return true;
}

/* in, out (e4 to e7, ec to ef), ins, outs (6c to 6f): the low bits are alike. */
static bool port_io(struct vcpu *v, struct cpu_user_regs *r, struct insn *in,
		    uint8_t op, bool *again)
{
	unsigned int size = op & 1 ? in->opsize16 ? 2 : 4 : 1;
	unsigned int port = op & 8 ? (uint16_t)r->rdx : insn_next(in);

	if (!has_iopl(v) && !user_bitmap_allows(v, port, size))
		return false;
	if ((op & 0xf0) == 0x60)
		return string_io(v, r, in->rep, op, size, again);
	if (op & 2)
		port_write(v->domain, port, size, (uint32_t)r->rax);
	else
		set_part(&r->rax, size, 0,
			 port_read(v->domain, port, size));
	return true;
}

/* --- control and debug registers, MSRs --- */

#define CR4_GUEST (X86_CR4_TSD | X86_CR4_DE | X86_CR4_OSXSAVE)
#define CR4_SHOWN (X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static bool read_cr(struct vcpu *v, unsigned int cr, uint64_t *val)
{
	switch (cr) {
	case 0:
		*val = 0x80050033 | v->pv.cr0_ts;
		return true;
	case 2:
		*val = v->info->arch.cr2;
		return true;
	case 3:
		*val = v->pv.kernel_cr3;
		return true;
	case 4:
		*val = CR4_SHOWN | (v->pv.cr4 & CR4_GUEST);
		return true;
	}
	return false;
}

void pv_set_ts(struct vcpu *v, bool ts)
{
	if (ts == !!v->pv.cr0_ts)
		return;
	v->pv.cr0_ts = ts ? X86_CR0_TS : 0;
	write_cr0((read_cr0() & ~X86_CR0_TS) | v->pv.cr0_ts);
}

static bool write_cr(struct vcpu *v, unsigned int cr, uint64_t val)
{
	struct frame *f;

	switch (cr) {
	case 0:
		/* TS is the one bit that a PV guest has. */
		if ((val ^ 0x80050033) & ~(X86_CR0_TS | 0x40000UL | 2UL))
			return false;
		pv_set_ts(v, val & X86_CR0_TS);
		return true;
	case 2:
		v->info->arch.cr2 = val;
		return true;
	case 3:
		if (frame_get_as(v->domain, paddr_mfn(val), TYPE_L4, &f))
			return false;
		pv_set_base(v, f);
		return true;
	case 4:
		v->pv.cr4 = val & CR4_GUEST;
		return true;
	}
	return false;
}

static bool mov_cr_dr(struct vcpu *v, struct cpu_user_regs *r,
		      struct insn *in, uint8_t op)
{
	uint8_t modrm = insn_next(in);
	unsigned int n = (modrm >> 3 & 7) | (in->rex & 4) << 1;
	uint64_t *reg = pv_reg(r, (modrm & 7) | (in->rex & 1) << 3);

	if (modrm < 0xc0)
		return false;
	switch (op) {
	case 0x20:
		return read_cr(v, n, reg);
	case 0x22:
		return write_cr(v, n, *reg);
	case 0x21:
		return pv_get_debugreg(v, n, reg) == 0;
	default:
		return pv_set_debugreg(v, n, *reg) == 0;
	}
}

static bool msr_insn(struct vcpu *v, struct cpu_user_regs *r, bool write)
{
	uint64_t val = (uint32_t)r->rax | r->rdx << 32;

	if (write)
		return pv_wrmsr(v, (uint32_t)r->rcx, val);
	if (!pv_rdmsr(v, (uint32_t)r->rcx, &val))
		return false;
	r->rax = (uint32_t)val;
	r->rdx = val >> 32;
	return true;
}

static bool xsetbv_insn(struct vcpu *v, const struct cpu_user_regs *r)
{
	uint64_t val = (uint32_t)r->rax | r->rdx << 32;

	/* x87 always; AVX needs SSE, AVX-512 all three parts and AVX. */
	if (!features.xsave || (uint32_t)r->rcx != 0 || !(val & 1) ||
	    (val & ~features.xcr0) || ((val & 4) && !(val & 2)) ||
	    ((val & 0xe0) && (val & 0xe6) != 0xe6))
		return false;
	write_xcr0(val);
	v->pv.xcr0 = val;
	return true;
}

/* After 0f, kernel mode only. */
static bool two_byte(struct vcpu *v, struct cpu_user_regs *r, struct insn *in)
{
	uint8_t op = insn_next(in);

	switch (op) {
	case 0x01:
		return insn_next(in) == 0xd1 && xsetbv_insn(v, r);
	case 0x06:
		pv_set_ts(v, false);
		return true;
	case 0x09: /* wbinvd: caches are the machine's affair */
		if (v->domain->pv.io_all)
			wbinvd();
		return true;
	case 0x20 ... 0x23:
		return mov_cr_dr(v, r, in, op);
	case 0x30:
		return msr_insn(v, r, true);
	case 0x32:
		return msr_insn(v, r, false);
	}
	return false;
}

/* True: done, rip goes behind the instruction (or stays, *again). */
static bool emulate(struct vcpu *v, struct cpu_user_regs *r, struct insn *in,
		    bool *again)
{
	uint8_t op = pv_fetch(r, in);

	if ((op & 0xf4) == 0xe4 || (op & 0xfc) == 0x6c)
		return port_io(v, r, in, op, again);
	/*
	 * cli and sti with I/O privilege: accepted, without effect; events
	 * are masked by the upcall mask only.
	 */
	if (op == 0xfa || op == 0xfb)
		return has_iopl(v);
	return op == 0x0f && v->pv.in_kernel && two_byte(v, r, in);
}

/* --- entry --- */

/*
 * INT n: the error code says "IDT" (bit 1), but QEMU's vector in it is wrong
 * in long mode; the instruction itself is looked at.
 */
static bool software_interrupt(struct vcpu *v, struct cpu_user_regs *r)
{
	const struct trap_info *t;
	uint8_t b[2];

	if (copy_from_guest_va(b, r->rip, 2) || b[0] != 0xcd)
		return false;
	t = &v->pv.trap[b[1]];
	if (!t->address || (t->flags & 3) < (v->pv.in_kernel ? 1 : 3)) {
		pv_inject_exception(r, TRAP_GP, b[1] << 3 | 2);
		return true;
	}
	r->rip += 2;
	pv_inject_interrupt(r, b[1]);
	return true;
}

void pv_general_protection(struct cpu_user_regs *r)
{
	struct vcpu *v = current;
	struct insn in;
	bool again = false;

	if ((r->error_code & 2) && software_interrupt(v, r))
		return;
	if (r->error_code == 0 && emulate(v, r, &in, &again)) {
		if (!again)
			r->rip += in.at;
		return;
	}
	pv_inject_exception(r, TRAP_GP, r->error_code);
}

/* ud2; "xen"; cpuid: the guest asks for CPUID as the hypervisor shows it. */
void pv_invalid_opcode(struct cpu_user_regs *r)
{
	static const uint8_t prefix[7] = { 0x0f, 0x0b, 'x', 'e', 'n',
					   0x0f, 0xa2 };
	struct cpuid_regs id;
	uint8_t b[7];

	if (copy_from_guest_va(b, r->rip, sizeof(b)) ||
	    __builtin_memcmp(b, prefix, sizeof(b))) {
		pv_inject_exception(r, TRAP_UD, 0);
		return;
	}
	pv_cpuid(current->domain, (uint32_t)r->rax, (uint32_t)r->rcx, &id);
	r->rax = id.a;
	r->rbx = id.b;
	r->rcx = id.c;
	r->rdx = id.d;
	r->rip += sizeof(b);
}

/*
 * Direct writes to page tables: a kernel stores to a live L1 entry, which it
 * has mapped read-only, and the store is carried out here with the checks of
 * mmu_update. Linux does it by mov, xchg and "lock and"; all plain forms that
 * change one aligned part of an entry are known.
 */
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "mm.h"
#include "pv_cpu.h"

#define EFLAGS_RESULT 0x8d5UL /* OF SF ZF AF PF CF */
#define EFLAGS_ZF 0x40UL
#define EFLAGS_SF 0x80UL
#define EFLAGS_PF 0x4UL

enum op { OP_MOV, OP_XCHG, OP_AND, OP_OR, OP_XOR, OP_BTS, OP_BTR, OP_BTC,
	  OP_CMPXCHG };

struct store {
	enum op op;
	unsigned int size;      /* bytes of the memory operand: 1, 2, 4, 8 */
	uint64_t operand;       /* source, or bit number */
	uint64_t *reg;          /* xchg, cmpxchg: register operand */
	unsigned int high_byte; /* 8 when reg is ah..bh */
	unsigned int len;       /* of the instruction */
};

static int64_t immediate(struct insn *in, unsigned int size)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		v |= (uint64_t)insn_next(in) << i * 8;
	return (int64_t)(v << (64 - size * 8)) >> (64 - size * 8);
}

/* Skips what addresses the operand: the fault told the address. */
static bool skip_memory_operand(struct insn *in, uint8_t modrm)
{
	unsigned int mod = modrm >> 6, base;

	if (mod == 3)
		return false;
	if ((modrm & 7) == 4) {
		base = insn_next(in) & 7;
		if (mod == 0 && base == 5)
			in->at += 4;
	} else if (mod == 0 && (modrm & 7) == 5) {
		in->at += 4;
	}
	in->at += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return true;
}

static void use_register(struct store *s, struct cpu_user_regs *r,
			 const struct insn *in, uint8_t modrm)
{
	unsigned int n = modrm >> 3 & 7;

	s->high_byte = 0;
	if (s->size == 1 && !in->rex && n >= 4) {
		n -= 4;
		s->high_byte = 8;
	} else if (in->rex & 4) {
		n += 8;
	}
	s->reg = pv_reg(r, n);
	s->operand = (*s->reg >> s->high_byte) & mask_of(s->size);
}

/* 80, 81, 83: the operation stands in the modrm byte. */
static bool group1(struct store *s, struct insn *in, uint8_t op, uint8_t modrm)
{
	static const enum op ops[8] = { [1] = OP_OR, [4] = OP_AND,
					[6] = OP_XOR };
	unsigned int n = modrm >> 3 & 7;

	if (n != 1 && n != 4 && n != 6)
		return false;
	s->op = ops[n];
	s->operand = (uint64_t)immediate(in, op == 0x81 ? min(s->size, 4u) : 1) &
		     mask_of(s->size);
	return true;
}

/* bts, btr, btc with an immediate bit number. */
static bool group8(struct store *s, struct insn *in, uint8_t modrm)
{
	static const enum op ops[8] = { [5] = OP_BTS, [6] = OP_BTR,
					[7] = OP_BTC };
	unsigned int n = modrm >> 3 & 7;

	if (n < 5)
		return false;
	s->op = ops[n];
	s->operand = insn_next(in);
	return true;
}

static bool decode_0f(struct store *s, struct cpu_user_regs *r,
		      struct insn *in)
{
	uint8_t op = insn_next(in), modrm = insn_next(in);

	if ((op & 0xfe) == 0xb0 && !(op & 1))
		s->size = 1;
	if (!skip_memory_operand(in, modrm))
		return false;
	switch (op) {
	case 0xab: s->op = OP_BTS; break;
	case 0xb3: s->op = OP_BTR; break;
	case 0xbb: s->op = OP_BTC; break;
	case 0xb0:
	case 0xb1: s->op = OP_CMPXCHG; break;
	case 0xba: return group8(s, in, modrm);
	default: return false;
	}
	use_register(s, r, in, modrm);
	return true;
}

static bool decode_one(struct store *s, struct cpu_user_regs *r,
		       struct insn *in, uint8_t op)
{
	uint8_t modrm = insn_next(in);

	if (!(op & 1))
		s->size = 1;
	if (!skip_memory_operand(in, modrm))
		return false;
	switch (op) {
	case 0x88: case 0x89: s->op = OP_MOV; break;
	case 0x86: case 0x87: s->op = OP_XCHG; break;
	case 0x20: case 0x21: s->op = OP_AND; break;
	case 0x08: case 0x09: s->op = OP_OR; break;
	case 0x30: case 0x31: s->op = OP_XOR; break;
	case 0x80: case 0x81: case 0x83:
		return group1(s, in, op, modrm);
	case 0xc6: case 0xc7:
		s->op = OP_MOV;
		s->operand = (uint64_t)immediate(in, min(s->size, 4u)) &
			     mask_of(s->size);
		return (modrm >> 3 & 7) == 0;
	default:
		return false;
	}
	use_register(s, r, in, modrm);
	return true;
}

static bool decode(struct store *s, struct cpu_user_regs *r)
{
	struct insn in;
	uint8_t op = pv_fetch(r, &in);
	bool ok;

	s->size = in.rex & 8 ? 8 : in.opsize16 ? 2 : 4;
	ok = op == 0x0f ? decode_0f(s, r, &in) : decode_one(s, r, &in, op);
	s->len = in.at;
	return ok && in.at <= in.len;
}

/* The new value of the operand; false: a cmpxchg that does not match. */
static bool compute(const struct store *s, const struct cpu_user_regs *r,
		    uint64_t old, uint64_t *val)
{
	uint64_t bit = 1UL << (s->operand & (s->size * 8 - 1));

	switch (s->op) {
	case OP_MOV:
	case OP_XCHG: *val = s->operand; break;
	case OP_AND: *val = old & s->operand; break;
	case OP_OR: *val = old | s->operand; break;
	case OP_XOR: *val = old ^ s->operand; break;
	case OP_BTS: *val = old | bit; break;
	case OP_BTR: *val = old & ~bit; break;
	case OP_BTC: *val = old ^ bit; break;
	case OP_CMPXCHG:
		*val = s->operand;
		return old == (r->rax & mask_of(s->size));
	}
	return true;
}

static void logic_flags(struct cpu_user_regs *r, uint64_t val,
			unsigned int size)
{
	r->rflags &= ~EFLAGS_RESULT;
	if (!val)
		r->rflags |= EFLAGS_ZF;
	if (val >> (size * 8 - 1) & 1)
		r->rflags |= EFLAGS_SF;
	if (!(__builtin_popcount((uint8_t)val) & 1))
		r->rflags |= EFLAGS_PF;
}

/* What the instruction leaves in registers and flags. */
static void finish(const struct store *s, struct cpu_user_regs *r,
		   uint64_t old, uint64_t val, bool matched)
{
	uint64_t bit = 1UL << (s->operand & (s->size * 8 - 1));

	switch (s->op) {
	case OP_MOV:
		break;
	case OP_XCHG:
		set_part(s->reg, s->size, s->high_byte, old);
		break;
	case OP_AND:
	case OP_OR:
	case OP_XOR:
		logic_flags(r, val, s->size);
		break;
	case OP_BTS:
	case OP_BTR:
	case OP_BTC:
		r->rflags = (r->rflags & ~X86_EFLAGS_CF) |
			    (old & bit ? X86_EFLAGS_CF : 0);
		break;
	case OP_CMPXCHG:
		logic_flags(r, matched ? 0 : 1, s->size);
		r->rflags = (r->rflags & ~EFLAGS_ZF) |
			    (matched ? EFLAGS_ZF : 0);
		if (!matched)
			set_part(&r->rax, s->size, 0, old);
	}
	r->rip += s->len;
}

/* Carries the store out on an entry of a table; false: refused. */
static bool apply(struct vcpu *v, struct cpu_user_regs *r,
		  const struct store *s, uint64_t *e, unsigned int shift)
{
	uint64_t entry, old, val = 0, mask = mask_of(s->size);
	bool match;
	int rc = 0;

	do {
		entry = READ_ONCE(*e);
		old = entry >> shift & mask;
		match = compute(s, r, old, &val);
		if (match)
			rc = l1_cmpxchg(v->domain, e, entry,
					(entry & ~(mask << shift)) |
					(val & mask) << shift);
	} while (rc == -EAGAIN);
	if (rc)
		return false;
	finish(s, r, old, val & mask, match);
	return true;
}

bool pv_ptwr(struct vcpu *v, struct cpu_user_regs *r, uint64_t addr)
{
	struct frame *table;
	struct store s;
	uint64_t pte;
	bool done;

	/* An L1 table that addr shows read-only. */
	if (!guest_walk(v->pv.kernel_cr3, addr, &pte) || (pte & PTE_RW))
		return false;
	table = guest_l1_frame(v->domain, pte_mfn(pte));
	if (!table)
		return false;
	done = decode(&s, r) &&
	       !(addr & (s.size - 1)) &&
	       apply(v, r, &s, (uint64_t *)(DIRECT_BASE +
			(pte & PTE_MFN_MASK) + (addr & (PAGE_SIZE - 8))),
		     (addr & 7) * 8);
	frame_put_as(table);
	return done;
}

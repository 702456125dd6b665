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

/*
 * What was fetched, and zeroes behind it for all that could be read after
 * fourteen prefixes: REX, two opcode bytes, modrm, SIB, an immediate.
 */
#define CODE_BYTES 32

struct code {
	const uint8_t *b;
	unsigned int at;
	uint8_t rex;
	bool opsize16;
};

static inline uint8_t next(struct code *c)
{
	return c->b[c->at++];
}

static uint64_t mask_of(unsigned int size)
{
	return size == 8 ? ~0UL : (1UL << size * 8) - 1;
}

static int64_t immediate(struct code *c, unsigned int size)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		v |= (uint64_t)next(c) << i * 8;
	return (int64_t)(v << (64 - size * 8)) >> (64 - size * 8);
}

/* Skips what addresses the operand: the fault told the address. */
static bool skip_memory_operand(struct code *c, uint8_t modrm)
{
	unsigned int mod = modrm >> 6, base;

	if (mod == 3)
		return false;
	if ((modrm & 7) == 4) {
		base = next(c) & 7;
		if (mod == 0 && base == 5)
			c->at += 4;
	} else if (mod == 0 && (modrm & 7) == 5) {
		c->at += 4;
	}
	c->at += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return true;
}

static void use_register(struct store *s, struct cpu_user_regs *r,
			 const struct code *c, uint8_t modrm)
{
	unsigned int n = modrm >> 3 & 7;

	s->high_byte = 0;
	if (s->size == 1 && !c->rex && n >= 4) {
		n -= 4;
		s->high_byte = 8;
	} else if (c->rex & 4) {
		n += 8;
	}
	s->reg = pv_reg(r, n);
	s->operand = (*s->reg >> s->high_byte) & mask_of(s->size);
}

/* 80, 81, 83: the operation stands in the modrm byte. */
static bool group1(struct store *s, struct code *c, uint8_t op, uint8_t modrm)
{
	static const enum op ops[8] = { [1] = OP_OR, [4] = OP_AND,
					[6] = OP_XOR };
	unsigned int n = modrm >> 3 & 7;

	if (n != 1 && n != 4 && n != 6)
		return false;
	s->op = ops[n];
	s->operand = (uint64_t)immediate(c, op == 0x81 ? min(s->size, 4u) : 1) &
		     mask_of(s->size);
	return true;
}

/* bts, btr, btc with an immediate bit number. */
static bool group8(struct store *s, struct code *c, uint8_t modrm)
{
	static const enum op ops[8] = { [5] = OP_BTS, [6] = OP_BTR,
					[7] = OP_BTC };
	unsigned int n = modrm >> 3 & 7;

	if (n < 5)
		return false;
	s->op = ops[n];
	s->operand = next(c);
	return true;
}

static bool decode_0f(struct store *s, struct cpu_user_regs *r,
		      struct code *c)
{
	uint8_t op = next(c), modrm = next(c);

	if ((op & 0xfe) == 0xb0 && !(op & 1))
		s->size = 1;
	if (!skip_memory_operand(c, modrm))
		return false;
	switch (op) {
	case 0xab: s->op = OP_BTS; break;
	case 0xb3: s->op = OP_BTR; break;
	case 0xbb: s->op = OP_BTC; break;
	case 0xb0:
	case 0xb1: s->op = OP_CMPXCHG; break;
	case 0xba: return group8(s, c, modrm);
	default: return false;
	}
	use_register(s, r, c, modrm);
	return true;
}

static bool decode_one(struct store *s, struct cpu_user_regs *r,
		       struct code *c, uint8_t op)
{
	uint8_t modrm = next(c);

	if (!(op & 1))
		s->size = 1;
	if (!skip_memory_operand(c, modrm))
		return false;
	switch (op) {
	case 0x88: case 0x89: s->op = OP_MOV; break;
	case 0x86: case 0x87: s->op = OP_XCHG; break;
	case 0x20: case 0x21: s->op = OP_AND; break;
	case 0x08: case 0x09: s->op = OP_OR; break;
	case 0x30: case 0x31: s->op = OP_XOR; break;
	case 0x80: case 0x81: case 0x83:
		return group1(s, c, op, modrm);
	case 0xc6: case 0xc7:
		s->op = OP_MOV;
		s->operand = (uint64_t)immediate(c, min(s->size, 4u)) &
			     mask_of(s->size);
		return (modrm >> 3 & 7) == 0;
	default:
		return false;
	}
	use_register(s, r, c, modrm);
	return true;
}

static bool is_prefix(uint8_t b)
{
	return b == 0xf0 || b == 0x66 || b == 0xf2 || b == 0xf3 ||
	       b == 0x65 || b == 0x64 || b == 0x3e;
}

static bool decode(struct store *s, struct cpu_user_regs *r,
		   const uint8_t *b, unsigned int len)
{
	struct code c = { .b = b };
	uint8_t op = next(&c);
	bool ok;

	while ((op & 0xf0) != 0x40 && is_prefix(op) && c.at < len) {
		if (op == 0x66)
			c.opsize16 = true;
		op = next(&c);
	}
	if ((op & 0xf0) == 0x40) {
		c.rex = op;
		op = next(&c);
	}
	s->size = c.rex & 8 ? 8 : c.opsize16 ? 2 : 4;
	ok = op == 0x0f ? decode_0f(s, r, &c) : decode_one(s, r, &c, op);
	s->len = c.at;
	return ok && c.at <= len;
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

static void set_part(uint64_t *reg, unsigned int size, unsigned int shift,
		     uint64_t val)
{
	if (size == 4)
		*reg = val;
	else
		*reg = (*reg & ~(mask_of(size) << shift)) | val << shift;
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
	uint8_t insn[CODE_BYTES] = { 0 };
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
	done = decode(&s, r, insn, pv_fetch(r, insn)) &&
	       !(addr & (s.size - 1)) &&
	       apply(v, r, &s, (uint64_t *)(DIRECT_BASE +
			(pte & PTE_MFN_MASK) + (addr & (PAGE_SIZE - 8))),
		     (addr & 7) * 8);
	frame_put_as(table);
	return done;
}

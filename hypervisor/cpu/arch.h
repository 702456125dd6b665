/*
 * One-instruction wrappers. With access.h, which holds those that may fault,
 * and the code of cpu/ and boot/, all inline assembly there is. Host tests put
 * a stand-in of the same name before this one.
 */
#ifndef PV_ARCH_H
#define PV_ARCH_H

#include "types.h"

#define DEFINE_INSN(name, insn) \
static inline void name(void) \
{ \
	__asm__ volatile(insn ::: "memory"); \
}
DEFINE_INSN(irq_enable_and_halt, "sti; hlt; cli") /* with no gap between */
DEFINE_INSN(irq_window, "sti; nop; cli") /* lets pending interrupts in */
DEFINE_INSN(arch_halt, "cli; hlt")
DEFINE_INSN(cpu_pause, "pause")
DEFINE_INSN(swapgs, "swapgs")
DEFINE_INSN(clts, "clts")
DEFINE_INSN(wbinvd, "wbinvd")
DEFINE_INSN(stac, "stac")
DEFINE_INSN(clac, "clac")

/* read_cr0(), write_cr0(v) and so on. */
#define DEFINE_REGISTER(reg) \
static inline uint64_t read_##reg(void) \
{ \
	uint64_t v; \
\
	__asm__ volatile("mov %%" #reg ", %0" : "=r"(v)); \
	return v; \
} \
\
static inline void write_##reg(uint64_t v) \
{ \
	__asm__ volatile("mov %0, %%" #reg :: "r"(v) : "memory"); \
}
DEFINE_REGISTER(cr0)
DEFINE_REGISTER(cr2)
DEFINE_REGISTER(cr3)
DEFINE_REGISTER(cr4)
DEFINE_REGISTER(dr0)
DEFINE_REGISTER(dr1)
DEFINE_REGISTER(dr2)
DEFINE_REGISTER(dr3)
DEFINE_REGISTER(dr6)
DEFINE_REGISTER(dr7)

#define READ_SEL(seg) ({ \
	uint32_t sel_; \
	__asm__ volatile("mov %%" #seg ", %0" : "=r"(sel_)); \
	(uint16_t)sel_; })

static inline uint64_t arch_stack_pointer(void)
{
	uint64_t sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return sp;
}

static inline void invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" :: "r"(va) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" :: "c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void write_xcr0(uint64_t v)
{
	__asm__ volatile("xsetbv" :: "c"(0), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)));
}

/* All that @insn (xsave64, xrstor64, fxsave64, fxrstor64) knows of. */
#define FPU_STATE(insn, area) \
	__asm__ volatile(#insn " (%0)" :: "r"(area), "a"(~0u), "d"(~0u) \
			 : "memory")

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

struct cpuid_regs {
	uint32_t a, b, c, d;
};

static inline struct cpuid_regs cpuid_count(uint32_t leaf, uint32_t sub)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "0"(leaf), "2"(sub));
	return r;
}

static inline struct cpuid_regs cpuid(uint32_t leaf)
{
	return cpuid_count(leaf, 0);
}

/* Words first, then what is left of n bytes: memcpy() and memset(). */
static inline void rep_movs(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;

	__asm__ volatile("rep movsq; mov %3, %0; rep movsb"
			 : "+c"(words), "+D"(dst), "+S"(src)
			 : "r"(n & 7) : "memory");
}

static inline void rep_stos(void *dst, uint8_t byte, size_t n)
{
	size_t words = n / 8;

	__asm__ volatile("rep stosq; mov %2, %0; rep stosb"
			 : "+c"(words), "+D"(dst)
			 : "r"(n & 7), "a"(byte * 0x0101010101010101UL)
			 : "memory");
}

/* inb(port), outb(port, v) and so on. */
#define DEFINE_PORT(suffix, type) \
static inline type in##suffix(uint16_t port) \
{ \
	type v; \
\
	__asm__ volatile("in" #suffix " %1, %0" : "=a"(v) : "Nd"(port)); \
	return v; \
} \
\
static inline void out##suffix(uint16_t port, type v) \
{ \
	__asm__ volatile("out" #suffix " %0, %1" :: "a"(v), "Nd"(port)); \
}
DEFINE_PORT(b, uint8_t)
DEFINE_PORT(w, uint16_t)
DEFINE_PORT(l, uint32_t)

/* An access of 1, 2 or 4 bytes. */
static inline uint32_t in_sized(uint16_t port, unsigned int size)
{
	return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static inline void out_sized(uint16_t port, unsigned int size, uint32_t v)
{
	if (size == 1)
		outb(port, (uint8_t)v);
	else if (size == 2)
		outw(port, (uint16_t)v);
	else
		outl(port, v);
}

#endif

/*
 * Stand-in for cpu/arch.h: the machine that host tests run the hypervisor's
 * rooms on. Ports, MSRs and the TSC go through functions that a test may
 * replace (struct host_machine); CPUs are simulated one at a time by setting
 * host_cpu. Include path: hypervisor/test/host comes before hypervisor/cpu.
 */
#ifndef PV_ARCH_H
#define PV_ARCH_H

#include "types.h"

struct cpu;
extern _Thread_local struct cpu *host_cpu; /* the CPU that "runs" */
#define this_cpu() (host_cpu)

struct host_machine {
	uint32_t (*in)(uint16_t port, unsigned int size);
	void (*out)(uint16_t port, unsigned int size, uint32_t v);
	uint64_t (*rdmsr)(uint32_t msr);
	void (*wrmsr)(uint32_t msr, uint64_t v);
	uint64_t (*rdtsc)(void);
	void (*write_cr3)(uint64_t v); /* NULL: nothing happens */
};

extern struct host_machine host_machine; /* host/support.c has defaults */

struct cpuid_regs {
	uint32_t a, b, c, d;
};

static inline struct cpuid_regs cpuid_count(uint32_t leaf, uint32_t sub)
{
	return (struct cpuid_regs){ 0 };
}

static inline struct cpuid_regs cpuid(uint32_t leaf)
{
	return cpuid_count(leaf, 0);
}

static inline uint64_t arch_stack_pointer(void)
{
	return (uint64_t)__builtin_frame_address(0);
}

static inline void irq_window(void) { }
static inline void irq_enable_and_halt(void) { }
static inline void cpu_pause(void) { }
static inline void arch_halt(void) { }
static inline void invlpg(uint64_t va) { }
static inline uint64_t read_cr2(void) { return 0; }
static inline uint64_t read_cr3(void) { return 0; }

static inline void rep_movs(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
}

static inline void rep_stos(void *dst, uint8_t byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = byte;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	return host_machine.rdmsr(msr);
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	host_machine.wrmsr(msr, v);
}

static inline void write_cr3(uint64_t v)
{
	if (host_machine.write_cr3)
		host_machine.write_cr3(v);
}

static inline uint64_t rdtsc(void)
{
	return host_machine.rdtsc();
}

static inline uint8_t inb(uint16_t port)
{
	return (uint8_t)host_machine.in(port, 1);
}

static inline uint16_t inw(uint16_t port)
{
	return (uint16_t)host_machine.in(port, 2);
}

static inline uint32_t inl(uint16_t port)
{
	return host_machine.in(port, 4);
}

static inline void outb(uint16_t port, uint8_t v)
{
	host_machine.out(port, 1, v);
}

static inline void outw(uint16_t port, uint16_t v)
{
	host_machine.out(port, 2, v);
}

static inline void outl(uint16_t port, uint32_t v)
{
	host_machine.out(port, 4, v);
}

static inline uint32_t in_sized(uint16_t port, unsigned int size)
{
	return host_machine.in(port, size);
}

static inline void out_sized(uint16_t port, unsigned int size, uint32_t v)
{
	host_machine.out(port, size, v);
}

#endif

/*
 * What every room leans on, for host tests: weak stand-ins, so that a test
 * which links the real thing, or brings its own, replaces them. A panic or a
 * failed assertion ends the test program.
 */
#include "cpu.h"
#include "lib.h"
#include "printk.h"
#include "time.h"

int printf(const char *fmt, ...);
int vprintf(const char *fmt, __builtin_va_list ap);
noreturn_fn void abort(void);

#define WEAK __attribute__((weak))

WEAK struct cpu cpus[MAX_CPUS];
WEAK unsigned int cpus_present = 1;
_Thread_local struct cpu *host_cpu = &cpus[0];

static uint32_t no_in(uint16_t port, unsigned int size)
{
	return UINT32_MAX >> (32 - 8 * size);
}

static void no_out(uint16_t port, unsigned int size, uint32_t v)
{
}

static uint64_t no_rdmsr(uint32_t msr)
{
	return 0;
}

static void no_wrmsr(uint32_t msr, uint64_t v)
{
}

static uint64_t no_rdtsc(void)
{
	return 0;
}

struct host_machine host_machine = {
	no_in, no_out, no_rdmsr, no_wrmsr, no_rdtsc, NULL,
};

WEAK void cpu_relax_poll(void)
{
}

WEAK nsec_t now(void)
{
	return 0;
}

WEAK void log_line(enum log_level level, const char *fmt, ...)
{
}

WEAK void domain_log(struct domain *d, enum log_level level, const char *fmt,
		     ...)
{
}

WEAK void panic(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	printf("# panic: ");
	vprintf(fmt, ap);
	printf("\n");
	__builtin_va_end(ap);
	abort();
}

WEAK void assert_failed(const char *expr, const char *file, int line)
{
	panic("assertion failed: %s, %s:%d", expr, file, line);
}

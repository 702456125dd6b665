/* See msr.h. */
#include "tap.h"
#include "msr.h"

struct msr {
	uint32_t nr;
	uint64_t value;
};

static void do_rdmsr(void *arg)
{
	struct msr *m = arg;
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(m->nr));
	m->value = (uint64_t)high << 32 | low;
}

static void do_wrmsr(void *arg)
{
	struct msr *m = arg;

	__asm__ volatile("wrmsr" : : "a"((uint32_t)m->value),
			 "d"((uint32_t)(m->value >> 32)), "c"(m->nr));
}

int msr_read(uint32_t nr, uint64_t *value)
{
	struct msr m = { nr, *value };
	int vector = trap_catch(do_rdmsr, &m, NULL);

	*value = m.value;
	return vector;
}

int msr_write(uint32_t nr, uint64_t value)
{
	struct msr m = { nr, value };

	return trap_catch(do_wrmsr, &m, NULL);
}

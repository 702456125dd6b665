/*
 * scheduling: what scheduling costs on one CPU; prints lines as bench does
 * (bench.h), of instructions that are not the guests' own. For
 * `--icount --smp 1`, where a nanosecond is an instruction.
 *
 *	switch_domains		from one domain to another, which both yield
 *	period_N		30 ms in which N vCPUs compute: ticks, accounts,
 *				and the switch at the end
 */
#include "bench.h"
#include "marks.h"
#include "small.h"

#define FIRST 10
#define PER_DOMAIN 20
#define WINDOW (600 * MS)

static struct small all[1000 / PER_DOMAIN];

static void begin(unsigned int domains, unsigned int vcpus, bool yields)
{
	for (unsigned int i = 0; i < domains; i++) {
		all[i] = (struct small){
			.domid = (domid_t)(FIRST + i), .weight = 256,
			.vcpus = vcpus, .cpus = 1, .order.yields = yields,
			.policy = host_policy(),
		};
		small_create(&all[i]);
	}
	for (unsigned int i = 0; i < domains; i++)
		small_start((domid_t)(FIRST + i));
	small_sleep(WINDOW);
}

static uint64_t counted(unsigned int domains)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < domains; i++)
		sum += small_count(&all[i]);
	return sum;
}

static void end(unsigned int domains)
{
	for (unsigned int i = 0; i < domains; i++)
		small_destroy((domid_t)(FIRST + i));
	small_sleep(WINDOW);
}

static void tell(const char *name, uint64_t cost, uint64_t n)
{
	printk("BENCH %s %lu.%lu %lu\n", name, cost / n, cost * 10 / n % 10,
	       n);
	mark_begin();
	mark_end();
}

static void switches(void)
{
	uint64_t before, count, from, took;

	begin(2, 1, true);
	before = counted(2);
	from = time_ns();
	small_sleep(WINDOW / 10);
	took = time_ns() - from;
	count = counted(2) - before;
	tell("switch_domains", took, count);
	end(2);
}

static void period(const char *name, unsigned int domains, unsigned int vcpus)
{
	uint64_t before, from, took, own;

	begin(domains, vcpus, false);
	before = counted(domains);
	from = time_ns();
	small_sleep(WINDOW);
	took = time_ns() - from;
	own = 2 * (counted(domains) - before);
	tell(name, took - own, WINDOW / (30 * MS));
}

static void run(const char *arg)
{
	(void)arg;
	switches();
	period("period_2", 2, 1);
	end(2);
	period("period_100", 100 / PER_DOMAIN, PER_DOMAIN);
	end(100 / PER_DOMAIN);
	period("period_1000", 1000 / PER_DOMAIN, PER_DOMAIN);
}

OTHER_PROGRAM(scheduling, "what scheduling costs", run);

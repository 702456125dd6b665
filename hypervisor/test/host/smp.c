/* See smp.h. Threads and stacks: host/threads.c; timers: cpu/timer.c. */
#include "smp.h"

#include "domain.h"
#include "irq.h"
#include "threads.h"
#include "time.h"

int printf(const char *fmt, ...);
int fflush(void *stream);
void *calloc(size_t n, size_t size);
void free(void *p);

void (*smp_guest)(struct vcpu *v);

static nsec_t armed[MAX_CPUS];
static uint64_t start_ns;
static bool stopping;
static uint32_t failures;
static void (*main_fn)(void);
static struct vcpu *main_vcpu;
static struct timer main_timer;
static struct vcpu *reaper; /* one for all runs */

/* Who was switched away from, for the first code on the new stack. */
static _Thread_local struct vcpu *switched_from;

struct start {
	void (*fn)(void *);
	void *arg;
	struct stack *stack;
};

nsec_t now(void)
{
	return host_ns() - start_ns;
}

void timer_hw_set(nsec_t when)
{
	armed[this_cpu()->id] = when;
}

void ipi_kick(unsigned int cpu)
{
	/* Whatever it tells is in need_resched, which everybody looks at. */
}

/* Whoever holds the lock may not be on a CPU of the host's. */
void cpu_relax_poll(void)
{
	thread_yield();
}

static void interrupts(void)
{
	struct cpu *c = this_cpu();

	if (c->timers && now() >= armed[c->id]) {
		armed[c->id] = ~0UL;
		timer_interrupt();
	}
}

/* Not inlined: the thread's variables are another thread's after a switch. */
static __attribute__((noinline)) void arrived(void)
{
	sched_switched(switched_from);
}

static struct start *start_of(struct vcpu *v)
{
	return (struct start *)v->switched_rsp;
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
	switched_from = prev;
	this_cpu()->running = next;
	stack_switch(start_of(prev)->stack, start_of(next)->stack);
	arrived();
}

static void first_steps(void)
{
	struct start *s;

	arrived();
	s = start_of(current);
	if (s->fn)
		s->fn(s->arg);
	for (;;) {
		smp_exit();
		smp_guest(current);
	}
}

void vcpu_stack_init(struct vcpu *v, void (*fn)(void *), void *arg)
{
	struct start *s = calloc(1, sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	s->stack = stack_new(first_steps);
	v->switched_rsp = (uint64_t)s;
	if (!reaper)
		reaper = v; /* run_cpu() starts it before all others */
}

/* hv_free_pages() of a vCPU's stack is not told whose it was. */
void pv_vcpu_destroy(struct vcpu *v)
{
	smp_check(vcpu_is_stopped(v));
	stack_free(start_of(v)->stack);
	free(start_of(v));
	v->switched_rsp = 0;
}

void smp_exit(void)
{
	interrupts();
	if (READ_ONCE(this_cpu()->need_resched))
		sched_guest_boundary();
}

/* The idle loop calls it: time for interrupts, and the way out. */
bool heap_scrub_some(void)
{
	interrupts();
	if (READ_ONCE(stopping))
		thread_end();
	thread_nap();
	return true;
}

static void wake_main(void *arg)
{
	vcpu_wake(arg);
}

void smp_sleep(nsec_t ns)
{
	nsec_t end = now() + ns;

	timer_init(&main_timer, wake_main, current);
	timer_set(&main_timer, end);
	do {
		sched_block_prepare();
		if (now() < end)
			schedule();
		sched_block_cancel();
	} while (now() < end);
	timer_stop(&main_timer);
}

void smp_fail(const char *what, int line)
{
	printf("# line %d: not true: %s\n", line, what);
	fflush(NULL);
	(void)atomic_add(&failures, 1);
}

/*
 * A domain is out of the table before the reaper is done with it. Whom a run
 * does not leave asleep, the next one never runs again.
 */
static bool reaper_sleeps(void)
{
	return !READ_ONCE(reaper->sched.runnable) &&
	       !load_acquire(&reaper->sched.on_cpu);
}

static void main_thread(void *arg)
{
	main_fn();
	while (!reaper_sleeps())
		smp_sleep(NSEC_PER_MSEC);
	WRITE_ONCE(stopping, true);
	for (;;) {
		sched_block_prepare();
		schedule();
	}
}

static void run_cpu(unsigned int id)
{
	struct start *s = calloc(1, sizeof(*s));

	host_cpu = &cpus[id];
	s->stack = stack_adopt();
	cpus[id].idle->switched_rsp = (uint64_t)s;
	timer_init_cpu();
	armed[id] = ~0UL;
	store_release(&cpus[id].online, true);
	while (cpus_online() != (1UL << cpus_present) - 1)
		thread_nap();
	if (id == 0) {
		if (!reaper)
			reaper_start();
		main_vcpu = thread_create(main_thread, NULL, "test");
	}
	idle_loop();
}

void smp_run(unsigned int n, void (*fn)(void))
{
	unsigned int i;

	if (!start_ns)
		start_ns = host_ns() - 1;
	stopping = false;
	failures = 0;
	main_fn = fn;
	cpus_present = n;
	host_cpu = &cpus[0];
	for (i = 0; i < n; i++) {
		memset(&cpus[i], 0, sizeof(cpus[i]));
		cpus[i].id = i;
	}
	sched_init("credit", SCHED_DEFAULT, SCHED_DEFAULT);
	for (i = 0; i < n; i++)
		sched_init_cpu(i);
	host_limit(120);
	threads_run(n, run_cpu);
	host_limit(0);
	host_cpu = &cpus[0];
	if (failures)
		panic("%u checks failed", failures);
}

struct domain *smp_domain(unsigned int vcpus)
{
	struct domain_config c = {
		.domid = DOMID_INVALID, .max_vcpus = vcpus,
	};
	struct vcpu_guest_context context = { .flags = VGCF_online };
	struct domain *d = NULL;
	unsigned int i;

	smp_check(domain_create(&c, &d) == 0);
	for (i = 0; i < vcpus; i++) {
		smp_check(vcpu_create(d, i) == 0);
		smp_check(vcpu_set_context(d->vcpu[i], &context) == 0);
	}
	return d;
}

/* The simulated machine: what the scheduler's files ask of the others. */
#include "sched_sim.h"
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct sim *sims[MAX_SIM];
unsigned int sim_count;
nsec_t sim_clock, sim_late;
nsec_t idle_ns, spare_ns, inverted_ns;
unsigned int longest_queue;
static unsigned int runnable;

static struct timer *ticks[MAX_CPUS];
static struct timer *caps[MAX_SIM];
static nsec_t due[MAX_SIM]; /* of caps: when they really fire */
static unsigned int cap_count;

const char *sim_policy = "credit";

int as_bvt(void **state)
{
	sim_policy = "bvt";
	return 0;
}

int as_credit(void **state)
{
	sim_policy = "credit";
	return 0;
}

static struct domain idle_dom = { .sched.weight = 256, .shutdown_code = -1 };
struct domain *idle_domain = &idle_dom;

nsec_t now(void)
{
	return sim_clock;
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg };
}

void timer_set(struct timer *t, nsec_t expires)
{
	unsigned int i;

	t->expires = expires;
	t->active = true;
	if (t->fn != sched_pay_cap) {
		ticks[this_cpu()->id] = t;
		return;
	}
	for (i = 0; i < cap_count && caps[i] != t; i++)
		;
	caps[i] = t;
	due[i] = max(expires, sim_clock) +
		 (sim_late ? (nsec_t)rand() % sim_late : 0);
	cap_count = max(cap_count, i + 1);
}

void timer_stop(struct timer *t)
{
	t->active = false;
}

void ipi_kick(unsigned int cpu)
{
}

bool heap_scrub_some(void)
{
	return false;
}

void domain_unpark_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		vcpu_unpark(v);
}

struct domain *domain_next(struct domain *prev)
{
	return NULL;
}

uint32_t trace_mask;

void trace_write(uint32_t event, unsigned int n, const uint32_t *words)
{
}

void domain_parked(struct domain *d)
{
}

void area_write(struct guest_area *a, size_t at, const void *src, size_t len)
{
}

void *hv_alloc(size_t size)
{
	return calloc(1, size);
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
	this_cpu()->running = next;
	sched_switched(prev);
}

struct vcpu *idle_vcpu_create(unsigned int cpu)
{
	struct vcpu *v = calloc(1, sizeof(*v));

	v->domain = idle_domain;
	v->id = cpu;
	sched_init_vcpu(v);
	v->sched.parked = v->sched.down = false;
	return v;
}

void machine(unsigned int n)
{
	unsigned int i;

	sim_clock = 1;
	sim_late = 0;
	idle_ns = spare_ns = inverted_ns = 0;
	longest_queue = 0;
	sim_count = 0; /* a test that failed left its own */
	cpus_present = n;
	sched_init(sim_policy, SCHED_DEFAULT, SCHED_DEFAULT);
	idle_cpus = 0;
	memset(ticks, 0, sizeof(ticks));
	cap_count = 0;
	for (i = 0; i < n; i++) {
		memset(&cpus[i], 0, sizeof(cpus[i]));
		cpus[i].id = i;
		cpus[i].online = true;
	}
	host_cpu = &cpus[0];
	for (i = 0; i < n; i++)
		sched_init_cpu(i);
}

void machine_end(void)
{
	unsigned int i;

	for (i = 0; i < sim_count; i++)
		free(sims[i]);
	sim_count = 0;
	for (i = 0; i < cpus_present; i++) {
		free(cpus[i].idle);
		free(cpus[i].sched);
	}
}

struct sim *add_program(unsigned int weight, uint64_t affinity,
			struct program p)
{
	struct sim *s = calloc(1, sizeof(*s));
	nsec_t sleep;

	s->d.sched.weight = (uint16_t)weight;
	s->d.shutdown_code = -1;
	s->d.sched.pool = cpus[0].sched->pool;
	s->v.domain = &s->d;
	s->vcpus[0] = &s->v;
	s->d.vcpu = s->vcpus;
	s->d.max_vcpus = 1;
	spin_init(&s->d.lock, RANK_DOMAIN);
	timer_init(&s->d.sched.cap_timer, sched_pay_cap, &s->d);
	s->p = p;
	program_round(&p, &s->left, &sleep); /* the same again when it ends */
	sched_init_vcpu(&s->v);
	s->v.sched.cpu = (unsigned int)__builtin_ctzll(affinity);
	s->v.sched.hard_affinity = affinity;
	set_may_run(&s->v, affinity);
	s->v.sched.down = false;
	vcpu_unpark(&s->v);
	sims[sim_count++] = s;
	return s;
}

struct sim *add(unsigned int weight, uint64_t affinity, nsec_t run,
		nsec_t sleep)
{
	return add_program(weight, affinity,
			   (struct program){ .run = run, .sleep = sleep });
}

void join(struct sim *a, struct sim *b)
{
	b->v.domain = &a->d;
	a->vcpus[1] = &b->v;
	a->d.max_vcpus = 2;
}

static void run_current(struct sim *s)
{
	nsec_t run, sleep;
	struct program next;

	if (s->woken) {
		s->waits[min((sim_clock - s->woken) / STEP, SIM_WAITS - 1ul)]++;
		s->worst = max(s->worst, sim_clock - s->woken);
		s->woken = 0;
	}
	if (!s->p.run || s->left > STEP) {
		s->left -= s->p.run ? STEP : 0;
		return;
	}
	program_round(&s->p, &run, &sleep);
	next = s->p;
	s->wake_at = sim_clock + sleep;
	program_round(&next, &s->left, &sleep);
	sched_block_prepare();
	schedule();
}

static bool somebody_waits(unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < sim_count; i++)
		if (sims[i]->v.sched.queued &&
		    sims[i]->v.sched.may_run >> cpu & 1)
			return true;
	return false;
}

static void fire(struct timer *t)
{
	if (!t || !t->active || t->expires > sim_clock)
		return;
	t->active = false;
	t->fn(t->arg);
}

/* A turn that has only just begun goes on, whoever waits. */
static bool inverted(const struct sched_cpu *q)
{
	const uint32_t *waiting = q->credit.count;

	return q->policy == &sched_credit &&
	       sim_clock > q->curr->sched.state_entry + RATE_LIMIT + STEP &&
	       q->curr->sched.priority == CREDIT_CLASSES - 1 &&
	       (waiting[0] || waiting[1]);
}

static void step_cpu(unsigned int cpu)
{
	struct vcpu *v;
	unsigned int i;

	host_cpu = &cpus[cpu];
	fire(ticks[cpu]);
	for (i = 0; i < cap_count; i++)
		if (due[i] <= sim_clock)
			fire(caps[i]);
	if (host_cpu->need_resched)
		schedule();
	v = host_cpu->running;
	while (vcpu_must_stop(v)) { /* it parks; the next may have to, too */
		v->sched.parked = true;
		schedule();
		v = host_cpu->running;
	}
	if (v == host_cpu->idle) {
		if (somebody_waits(cpu))
			idle_ns += STEP;
		if (runnable > cpus_present)
			spare_ns += STEP;
		return;
	}
	longest_queue = max(longest_queue, host_cpu->sched->waiting);
	if (inverted(host_cpu->sched))
		inverted_ns += STEP;
	run_current((struct sim *)((char *)v - offsetof(struct sim, v)));
}

static void look_at(struct sim *s)
{
	runnable += s->v.sched.runnable;
	if (s->v.sched.state == RUNSTATE_runnable)
		s->waited = max(s->waited,
				sim_clock - s->v.sched.state_entry);
	if (!s->wake_at || s->wake_at > sim_clock)
		return;
	s->wake_at = 0;
	s->woken = sim_clock;
	vcpu_wake(&s->v);
}

void run_for(nsec_t ns)
{
	nsec_t end = sim_clock + ns;
	unsigned int i;

	while (sim_clock < end) {
		sim_clock += STEP;
		runnable = 0;
		for (i = 0; i < sim_count; i++)
			look_at(sims[i]);
		for (i = 0; i < cpus_present; i++)
			step_cpu(i);
	}
}

nsec_t percentile(const struct sim *s, unsigned int percent)
{
	uint64_t all = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < SIM_WAITS; i++)
		all += s->waits[i];
	for (i = 0; i < SIM_WAITS && sum * 100 < all * percent; i++)
		sum += s->waits[i];
	return i * STEP;
}

unsigned int share(const struct sim *s, nsec_t total)
{
	return (unsigned int)(vcpu_runtime((struct vcpu *)&s->v) * 1000 /
			      total);
}

void assert_share(const struct sim *s, nsec_t total, unsigned int want,
		  unsigned int tolerance)
{
	unsigned int is = share(s, total);

	if (is + tolerance < want || is > want + tolerance)
		fail_msg("%u.%u %% instead of %u.%u %%", is / 10, is % 10,
			 want / 10, want % 10);
}

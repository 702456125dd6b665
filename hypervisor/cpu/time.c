/*
 * System time. One time base for the whole machine turns the TSC into
 * nanoseconds since boot; once a second the boot CPU compares it with a
 * reference clock and bends its rate, never its value: now() does not jump.
 *
 * A CPU whose TSC differs from the boot CPU's has an offset, measured when it
 * comes up; then no reading falls behind any other's (time_ordered).
 *
 * The base is written by the boot CPU alone (timer interrupt), read by all:
 * base_seq is odd while it changes.
 */
#include "time.h"
#include "apic.h"
#include "atomic.h"
#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "domain.h"
#include "event.h"
#include "irq.h"
#include "lib.h"
#include "printk.h"
#include "spinlock.h"

#define REFRESH NSEC_PER_SEC
#define CALIBRATION_HZ 100 /* calibrates for 1/100 s */

static struct timebase base;
static uint32_t base_seq;      /* even and not 0 once time runs */
static uint64_t tsc_hz;        /* nominal, for the correction's arithmetic */
static int64_t tsc_offset[MAX_CPUS]; /* to the boot CPU's TSC */
static bool time_ordered;      /* clamp: TSCs are not the same */
static uint64_t time_last;     /* highest now(), when clamped */

static const struct clock *reference;
static uint32_t reference_last;
static uint64_t reference_ticks; /* since boot */
static int64_t reference_error;  /* now() minus it, when last compared: ns */

static uint64_t lapic_hz, lapic_mul; /* timer ticks: ns * mul >> 32 */

/*
 * The lock keeps version counts in shared info pages even: Dom0 may set the
 * clock on two CPUs at once.
 */
static struct spinlock wallclock_lock = SPINLOCK(RANK_TIMER);
static uint64_t wallclock_ns;  /* since 1970, at system time 0 */

static struct timer refresh[MAX_CPUS];

/* No reading is before another that was taken earlier, on any CPU. */
static nsec_t clamp(nsec_t t)
{
	uint64_t last = READ_ONCE(time_last);

	while (last < t)
		if (atomic_cmpxchg(&time_last, &last, t))
			return t;
	return last;
}

static struct timebase read_base(uint32_t *seq)
{
	struct timebase b;

	do {
		*seq = load_acquire(&base_seq);
		b = base;
		smp_rmb(); /* pairs with the barriers in write_base() */
	} while (*seq & 1 || *seq != READ_ONCE(base_seq));
	return b;
}

static void write_base(const struct timebase *b)
{
	WRITE_ONCE(base_seq, base_seq + 1);
	smp_wmb(); /* readers see an odd count before any new field */
	base = *b;
	store_release(&base_seq, base_seq + 1);
}

static uint64_t this_tsc(void)
{
	return rdtsc() + (uint64_t)tsc_offset[this_cpu()->id];
}

nsec_t now(void)
{
	struct timebase b;
	uint32_t seq;
	nsec_t t;

	if (unlikely(!base_seq))
		return 0;
	b = read_base(&seq);
	t = timebase_at(&b, this_tsc());
	return unlikely(time_ordered) ? clamp(t) : t;
}

uint32_t tsc_khz(void)
{
	return (uint32_t)(tsc_hz / 1000);
}

/*
 * All clocks at one moment, just when the reference has ticked. The tightest of
 * a few tries: a virtual machine may lose the CPU between two readings.
 */
static uint64_t sample(uint32_t *ticks, uint32_t *lapic)
{
	uint64_t best = ~0UL, at = 0, before, after;
	uint32_t was, t, l;

	for (int i = 0; i < 4; i++) {
		was = reference->read();
		do {
			before = rdtsc();
			t = reference->read();
			l = apic_read(APIC_TIMER_CURRENT);
			after = rdtsc();
		} while (t == was);
		if (after - before >= best)
			continue;
		best = after - before;
		at = before + best / 2;
		*ticks = t & reference->mask;
		*lapic = l;
	}
	return at;
}

static uint64_t muldiv(uint64_t a, uint64_t b, uint64_t c)
{
	/* No 128-bit division in a freestanding program: split a. */
	return a / c * b + a % c * b / c;
}

static void calibrate(void)
{
	uint32_t first, last, lapic_first, lapic_last, ticks;
	uint64_t start, end;

	apic_write(APIC_TIMER_DIVIDE, 0x0b); /* by 1 */
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	start = sample(&first, &lapic_first);
	while (((reference->read() - first) & reference->mask) <
	       reference->hz / CALIBRATION_HZ)
		cpu_pause();
	end = sample(&last, &lapic_last);
	apic_write(APIC_TIMER_INITIAL, 0);

	ticks = (last - first) & reference->mask;
	lapic_hz = muldiv(lapic_first - lapic_last, reference->hz, ticks);
	lapic_mul = (lapic_hz << 32) / NSEC_PER_SEC;
	tsc_hz = muldiv(end - start, reference->hz, ticks);
	base.tsc = end;
	reference_last = last;
}

void time_init(void)
{
	reference = clock_find();
	calibrate();
	timebase_set_rate(&base, tsc_hz);
	base_seq = 2;
	wallclock_ns = rtc_read() * NSEC_PER_SEC - now();
	log_line(LOG_INFO, "TSC %lu.%03lu MHz, APIC timer %lu.%03lu MHz, by the %s",
		 tsc_hz / 1000000, tsc_hz / 1000 % 1000, lapic_hz / 1000000,
		 lapic_hz / 1000 % 1000, reference->name);
}

void timer_hw_set(nsec_t when)
{
	nsec_t t = now();
	uint64_t ns, ticks;

	/* Due already: without the timer, which may be slow to fire. */
	if (when <= t) {
		apic_send(this_cpu()->apic_id, APIC_MODE_FIXED | VEC_TIMER);
		return;
	}
	ns = min(when - t, 2 * NSEC_PER_SEC);
	ticks = ns * (lapic_mul >> 32) + (ns * (uint32_t)lapic_mul >> 32) + 1;
	apic_write(APIC_TIMER_INITIAL,
		    (uint32_t)min(ticks, (uint64_t)UINT32_MAX));
}

/*
 * Boot CPU, once a second: the base is made to run towards the reference
 * clock. A TSC that changed its pace for good gets a new nominal rate.
 */
static void follow_reference(void)
{
	struct timebase b = base;
	uint64_t hz, true_ns, tsc;
	uint32_t ticks, moved, lapic;

	if (!reference->steady)
		return;
	tsc = sample(&ticks, &lapic);
	moved = (ticks - reference_last) & reference->mask;
	reference_last = ticks;
	if (muldiv(tsc - base.tsc, reference->hz, tsc_hz) >
	    reference->mask / 2) {
		/* Asleep for so long that it may have wrapped: start over. */
		reference_ticks = muldiv(timebase_at(&b, tsc),
					 reference->hz, NSEC_PER_SEC);
	} else {
		reference_ticks += moved;
		hz = moved ? muldiv(tsc - base.tsc, reference->hz, moved) :
		     tsc_hz;
		if (hz > tsc_hz + tsc_hz / 1000 || hz < tsc_hz - tsc_hz / 1000)
			tsc_hz = hz;
	}
	true_ns = muldiv(reference_ticks, NSEC_PER_SEC, reference->hz);
	reference_error = (int64_t)(timebase_at(&b, tsc) - true_ns);
	timebase_correct(&b, tsc, tsc_hz, reference_error, 4 * REFRESH);
	write_base(&b);
}

void time_dump(void)
{
	log_line(LOG_ERR, "time %lu ns, TSC %lu Hz, %ld ns from the %s%s",
		 now(), tsc_hz, reference_error, reference->name,
		 time_ordered ? ", TSCs differ" : "");
	timer_dump();
}

static void refresh_cpu(void *arg)
{
	struct cpu *c = arg;

	if (c->id == 0) {
		follow_reference();
		log_flush();
	}
	if (current)
		time_update_vcpu(current);
	timer_set(&refresh[c->id], now() + REFRESH);
}

void time_init_cpu(void)
{
	struct cpu *c = this_cpu();

	timer_init_cpu();
	apic_write(APIC_TIMER_DIVIDE, 0x0b);
	apic_write(APIC_LVT_TIMER, VEC_TIMER); /* one-shot */
	timer_init(&refresh[c->id], refresh_cpu, c);
	timer_set(&refresh[c->id], now() + REFRESH);
}

/*
 * Two CPUs look at each other's TSC: the boot CPU notes its own before it
 * asks and after it has the answer. Answer minus either bounds the offset;
 * several rounds narrow the bounds. 0 within the bounds means: the same.
 */
static struct {
	uint32_t turn; /* even: the boot CPU's, odd: the other's */
	uint64_t tsc;
} meeting;

#define MEETING_ROUNDS 8u

void time_meet_boot_cpu(void)
{
	for (uint32_t i = 0; i < MEETING_ROUNDS; i++) {
		while (load_acquire(&meeting.turn) != 2 * i + 1)
			cpu_pause();
		meeting.tsc = rdtsc();
		store_release(&meeting.turn, 2 * i + 2);
	}
}

void time_meet_cpu(unsigned int cpu)
{
	int64_t low = INT64_MIN, high = INT64_MAX;
	uint64_t before, after;

	for (uint32_t i = 0; i < MEETING_ROUNDS; i++) {
		before = rdtsc();
		store_release(&meeting.turn, 2 * i + 1);
		while (load_acquire(&meeting.turn) != 2 * i + 2)
			cpu_pause();
		after = rdtsc();
		low = max(low, (int64_t)(before - meeting.tsc));
		high = min(high, (int64_t)(after - meeting.tsc));
	}
	store_release(&meeting.turn, 0u);
	if (low <= 0 && high >= 0)
		return;
	tsc_offset[cpu] = low / 2 + high / 2;
	time_ordered = true;
	log_line(LOG_WARNING, "CPU%u: TSC is off by %ld ticks", cpu,
		 tsc_offset[cpu]);
}

void time_update_vcpu(struct vcpu *v)
{
	unsigned int cpu = this_cpu()->id;
	struct vcpu_time_info *t;
	struct timebase b;
	uint32_t seq;

	if (!v->info || (v->time.base == READ_ONCE(base_seq) &&
			 v->time.base_cpu == cpu))
		return;
	/* Its timers come along: no CPU wakes up to interrupt another. */
	timer_migrate(&v->time.singleshot);
	timer_migrate(&v->time.periodic);
	b = read_base(&seq);
	v->time.base = seq;
	v->time.base_cpu = cpu;

	/* The guest may write here as well; it fools nobody but itself. */
	t = &v->info->time;
	WRITE_ONCE(t->version, t->version | 1);
	smp_wmb();
	t->tsc_timestamp = b.tsc - (uint64_t)tsc_offset[cpu];
	t->system_time = b.ns;
	t->tsc_to_system_mul = b.mul;
	t->tsc_shift = b.shift;
	t->flags = 0; /* not stable: several vCPUs may differ by a little */
	smp_wmb();
	WRITE_ONCE(t->version, t->version + 1);
}

static void send_timer_virq(void *arg)
{
	virq_raise_vcpu(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
	struct vcpu *v = arg;
	nsec_t period = READ_ONCE(v->time.period);

	if (!period)
		return;
	virq_raise_vcpu(v, VIRQ_TIMER);
	/* Ticks that were missed are not made up for. */
	timer_set(&v->time.periodic,
		  max(v->time.periodic.expires + period, now() + period / 2));
}

void time_init_vcpu(struct vcpu *v)
{
	timer_init(&v->time.singleshot, send_timer_virq, v);
	timer_init(&v->time.periodic, periodic_fired, v);
}

void time_destroy_vcpu(struct vcpu *v)
{
	WRITE_ONCE(v->time.period, 0);
	timer_stop(&v->time.singleshot);
	timer_stop(&v->time.periodic);
	/* It may have set itself again while it was being stopped. */
	timer_stop(&v->time.periodic);
}

void time_update_wallclock(struct domain *d)
{
	struct shared_info *s = d->shared;
	uint64_t ns, sec;

	if (!s)
		return;
	spin_guard(&wallclock_lock);
	ns = wallclock_ns;
	sec = ns / NSEC_PER_SEC + (uint64_t)d->time.wallclock_offset;
	WRITE_ONCE(s->wc_version, s->wc_version | 1);
	smp_wmb();
	s->wc_sec = (uint32_t)sec;
	s->wc_sec_hi = (uint32_t)(sec >> 32);
	s->wc_nsec = (uint32_t)(ns % NSEC_PER_SEC);
	smp_wmb();
	WRITE_ONCE(s->wc_version, s->wc_version + 1);
}

void wallclock_set(uint64_t ns, nsec_t when)
{
	struct domain *d = NULL;

	spin_lock(&wallclock_lock);
	wallclock_ns = ns - when;
	spin_unlock(&wallclock_lock);
	while ((d = domain_next(d)))
		time_update_wallclock(d);
}

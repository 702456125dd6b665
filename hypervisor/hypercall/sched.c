/*
 * sched_op: a vCPU gives up its CPU, for a while or for good. Results are what
 * they are before anybody sleeps: who is woken to be paused, or because its
 * domain dies, comes back early, as the interface allows.
 */
#include "guest.h"
#include "hypercall.h"
#include "subop.h"
#include <xen/sched.h>

#define MAX_POLL_PORTS 128

static bool event_waits(const struct vcpu *v)
{
	return READ_ONCE(v->info->evtchn_upcall_pending) &&
	       !READ_ONCE(v->info->evtchn_upcall_mask);
}

static long op_block(struct domain *none, void *arg)
{
	struct vcpu *v = current;

	WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
	sched_block_prepare();
	if (event_waits(v) || vcpu_must_stop(v))
		sched_block_cancel();
	else
		schedule();
	return 0;
}

static long op_shutdown(struct domain *none, void *arg)
{
	const struct sched_shutdown *s = arg;

	if (s->reason > SHUTDOWN_MAX)
		return -EINVAL;
	domain_shutdown(current->domain, (int)s->reason);
	return 0;
}

static long op_shutdown_code(struct domain *none, void *arg)
{
	const struct sched_shutdown *s = arg;
	struct domain *d = current->domain;

	if (s->reason > SHUTDOWN_MAX)
		return -EINVAL;
	spin_guard(&d->lock);
	if (d->shutdown_code < 0)
		d->shutdown_code = (int)s->reason;
	return 0;
}

static long op_remote_shutdown(struct domain *d, void *arg)
{
	const struct sched_remote_shutdown *s = arg;

	if (!current->domain->privileged)
		return -EPERM;
	if (d == current->domain || s->reason > SHUTDOWN_MAX)
		return -EINVAL;
	domain_shutdown(d, (int)s->reason);
	return 0;
}

void poll_timeout(void *vcpu)
{
	vcpu_wake(vcpu);
}

/*
 * The sender has made the port pending, with a locked operation, before it
 * reads pollers; the poller counts itself and sets blocked before it reads the
 * ports.
 */
void sched_poll_wake_slow(struct domain *d, uint32_t port)
{
	struct vcpu *v;
	uint32_t polled;

	for_each_vcpu(d, v) {
		polled = READ_ONCE(v->sched.poll_port);
		if (polled == port || polled == ~0u)
			vcpu_wake(v);
	}
}

/* 1: one is pending, 0: none, -EINVAL: one is no port. */
static int any_pending(struct domain *d, const evtchn_port_t *ports,
		       unsigned int n)
{
	int rc = 0, pending = 0;
	unsigned int i;

	for (i = 0; i < n && rc >= 0; i++) {
		rc = event_pending_port(d, ports[i]);
		pending |= rc;
	}
	return rc < 0 ? rc : pending;
}

static int poll_ports(struct vcpu *v, const evtchn_port_t *ports,
		      unsigned int n, uint64_t timeout)
{
	struct domain *d = v->domain;
	int rc;

	WRITE_ONCE(v->sched.poll_port, n == 1 ? ports[0] : ~0u);
	(void)atomic_add(&d->sched.pollers, 1);
	if (timeout)
		timer_set(&v->time.poll, timeout);
	sched_block_prepare();
	rc = any_pending(d, ports, n);
	if (rc || event_waits(v) || vcpu_must_stop(v))
		sched_block_cancel();
	else
		schedule();
	if (timeout)
		timer_stop(&v->time.poll);
	(void)atomic_sub(&d->sched.pollers, 1);
	WRITE_ONCE(v->sched.poll_port, 0);
	return min(rc, 0);
}

static long op_poll(struct domain *none, void *arg)
{
	evtchn_port_t ports[MAX_POLL_PORTS];
	const struct sched_poll *p = arg;

	if (p->nr_ports > MAX_POLL_PORTS)
		return -EINVAL;
	if (p->nr_ports &&
	    copy_from_handle(ports, p->ports, 0, p->nr_ports))
		return -EFAULT;
	return poll_ports(current, ports, p->nr_ports, p->timeout);
}

/*
 * A watchdog is not stopped but disarmed: its timer finds that it is, or that
 * it was set for later, and does nothing.
 */
static void watchdog_fired(void *arg)
{
	struct domain *d = arg;
	bool due = false;
	unsigned int i;

	spin_lock(&d->lock);
	for (i = 0; i < ARRAY_SIZE(d->sched.watchdog); i++)
		due |= (d->sched.watchdogs_armed >> i & 1) &&
		       d->sched.watchdog[i].expires <= now();
	spin_unlock(&d->lock);
	if (!due)
		return;
	log_line(LOG_WARNING, "d%u: watchdog expired", d->id);
	domain_shutdown(d, SHUTDOWN_watchdog);
}

void sched_destroy_domain(struct domain *d)
{
	unsigned int i;

	timer_stop(&d->sched.cap_timer);
	for (i = 0; i < ARRAY_SIZE(d->sched.watchdog); i++)
		timer_stop(&d->sched.watchdog[i]); /* disarmed ones, too */
}

/* Domain's lock held; seconds 0 disarms. */
static void watchdog_set(struct domain *d, unsigned int i, uint32_t seconds)
{
	d->sched.watchdogs_armed &= ~(1u << i);
	if (seconds == 0)
		return;
	d->sched.watchdogs_armed |= 1u << i;
	timer_set(&d->sched.watchdog[i], now() + seconds * NSEC_PER_SEC);
}

static long watchdog_new(struct domain *d, uint32_t seconds)
{
	unsigned int i;

	if (seconds == 0)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(d->sched.watchdog); i++)
		if (!(d->sched.watchdogs_armed >> i & 1)) {
			watchdog_set(d, i, seconds);
			return i + 1;
		}
	return -ENOSPC;
}

static long op_watchdog(struct domain *none, void *arg)
{
	const struct sched_watchdog *w = arg;
	struct domain *d = current->domain;

	if (w->id > ARRAY_SIZE(d->sched.watchdog))
		return -EINVAL;
	spin_guard(&d->lock);
	if (w->id == 0)
		return watchdog_new(d, w->timeout);
	if (!(d->sched.watchdogs_armed >> (w->id - 1) & 1))
		return -EINVAL;
	watchdog_set(d, w->id - 1, w->timeout);
	return 0;
}

/*
 * For firmware calls that must happen on one CPU; negative: as it was before.
 */
static long op_pin_override(struct domain *none, void *arg)
{
	const struct sched_pin_override *p = arg;
	struct sched_vcpu *s = &current->sched;
	uint64_t before = s->hard_affinity;
	long rc;

	if (p->pcpu < 0) {
		if (!s->affinity_before)
			return -EINVAL;
		rc = sched_set_affinity(current, s->affinity_before,
					s->soft_affinity);
		s->affinity_before = 0;
		return rc;
	}
	if (s->affinity_before)
		return -EBUSY;
	if (p->pcpu >= MAX_CPUS)
		return -EINVAL;
	rc = sched_set_affinity(current, 1UL << p->pcpu, s->soft_affinity);
	if (!rc)
		s->affinity_before = before;
	return rc;
}

#define ROW(op, type, flags) \
	[SCHEDOP_##op] = SUBOP(op_##op, struct sched_##type, flags)

static const struct subop ops[] = {
	[SCHEDOP_block] = { .fn = op_block },
	ROW(shutdown, shutdown, 0),
	ROW(poll, poll, 0),
	[SCHEDOP_remote_shutdown] = SUBOP_OF(op_remote_shutdown,
		struct sched_remote_shutdown, domain_id, 0),
	ROW(shutdown_code, shutdown, 0),
	ROW(watchdog, watchdog, 0),
	ROW(pin_override, pin_override, SUBOP_PRIVILEGED),
};

void sched_init_domain(struct domain *d)
{
	unsigned int i;

	d->sched.weight = 256;
	timer_init(&d->sched.cap_timer, sched_pay_cap, d);
	for (i = 0; i < ARRAY_SIZE(d->sched.watchdog); i++)
		timer_init(&d->sched.watchdog[i], watchdog_fired, d);
}

long hc_sched_op(uint64_t cmd, uint64_t arg, uint64_t a2, uint64_t a3,
		 uint64_t a4)
{
	cmd = (uint32_t)cmd;
	if (cmd == SCHEDOP_yield) { /* who spins for a lock calls this */
		sched_yield();
		return 0;
	}
	return subop_call("sched_op", ops, ARRAY_SIZE(ops), cmd, arg);
}

/*
 * The end of a domain's own work: it asked for it, or it broke. All vCPUs park
 * at the guest boundary; when the last one is there the shutdown is complete
 * and whoever bound VIRQ_DOM_EXC learns of it. What becomes of the domain is
 * the toolstack's decision. Dom0's end is the machine's.
 */
#include "domain.h"
#include "cpu.h"
#include <xen/sched.h>

static void dom0_shutdown(int reason)
{
	switch (reason) {
	case SHUTDOWN_poweroff:
		log_line(LOG_INFO, "Dom0 halted: power off");
		machine_power_off();
	case SHUTDOWN_crash:
		log_line(LOG_ERR, "Dom0 crashed");
		machine_panic();
	case SHUTDOWN_watchdog:
		log_line(LOG_ERR, "Dom0's watchdog expired: reboot");
		machine_reboot();
	default:
		log_line(LOG_INFO, "Dom0 shut down (%d): reboot", reason);
		machine_reboot();
	}
}

/*
 * Each vCPU calls this when it is parked, and domain_shutdown() at its end,
 * under one lock: the last of them sees all the others.
 */
static void check_complete(struct domain *d)
{
	struct vcpu *v;

	spin_guard(&d->lock);
	if (!d->shutting_down || d->shutdown)
		return;
	for_each_vcpu(d, v)
		if (!READ_ONCE(v->sched.parked))
			return;
	WRITE_ONCE(d->shutdown, true);
	if (!domain_is_dying(d))
		virq_raise_global(VIRQ_DOM_EXC);
}

void domain_parked(struct domain *d)
{
	if (READ_ONCE(d->shutting_down))
		check_complete(d);
	if (domain_is_dying(d))
		reaper_kick();
}

void domain_shutdown(struct domain *d, int reason)
{
	bool first;

	if (d == dom0)
		dom0_shutdown(reason);
	spin_lock(&d->lock);
	if (d->shutdown_code < 0)
		d->shutdown_code = reason;
	first = !d->shutting_down;
	WRITE_ONCE(d->shutting_down, true);
	spin_unlock(&d->lock);
	if (!first)
		return;
	domain_stop_vcpus(d);
	check_complete(d);
}

int domain_shutdown_undo(struct domain *d)
{
	spin_guard(&d->lock);
	if (!d->shutdown)
		return -EINVAL;
	d->shutdown_code = -1;
	WRITE_ONCE(d->shutdown, false);
	WRITE_ONCE(d->shutting_down, false);
	domain_unpark_vcpus(d);
	return 0;
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
	char cause[160];
	__builtin_va_list ap;

	if (READ_ONCE(d->shutting_down) && d != dom0)
		return;
	__builtin_va_start(ap, fmt);
	vsnprintf_(cause, sizeof(cause), fmt, ap);
	__builtin_va_end(ap);
	if (current->domain == d) {
		log_line(LOG_ERR, "d%u vCPU %u crashed: %s", d->id, current->id,
			 cause);
		regs_dump(current->regs);
	} else {
		log_line(LOG_ERR, "d%u crashed by d%u: %s", d->id,
			 current->domain->id, cause);
	}
	domain_shutdown(d, SHUTDOWN_crash);
}

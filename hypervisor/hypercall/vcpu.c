/*
 * vcpu_op: a guest brings its vCPUs up and down, and tells where their
 * information goes. Rows of one table; each handler gets a vCPU of the
 * caller's domain that exists.
 */
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include <xen/sched.h>
#include <xen/vcpu.h>

/* Periods outside are refused: an event storm, or arithmetic that wraps. */
#define MIN_PERIOD NSEC_PER_MSEC
#define MAX_PERIOD (10 * 365 * 24 * 3600 * NSEC_PER_SEC)

static long op_initialise(struct vcpu *v, uint64_t arg)
{
	if (!vcpu_has_info(v))
		return -EINVAL;
	if (READ_ONCE(v->initialised))
		return -EEXIST;
	return vcpu_take_context(v, arg);
}

static long op_up(struct vcpu *v, uint64_t arg)
{
	if (!load_acquire(&v->initialised))
		return -EINVAL;
	vcpu_up(v);
	return 0;
}

/* The last one to go takes the domain with it. */
static long op_down(struct vcpu *v, uint64_t arg)
{
	struct domain *d = v->domain;
	unsigned int up = 0;
	struct vcpu *other;

	for_each_vcpu(d, other)
		up += other != v && !READ_ONCE(other->sched.down);
	if (up)
		vcpu_down(v);
	else
		domain_shutdown(d, SHUTDOWN_poweroff);
	return 0;
}

static long op_get_runstate(struct vcpu *v, uint64_t arg)
{
	struct vcpu_runstate_info r;

	vcpu_runstate(v, &r);
	return put_guest(arg, &r);
}

/*
 * The address is one of the caller's, also when v is another of its vCPUs; 0
 * ends the updates.
 */
static long op_register_runstate(struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_runstate_memory_area r;
	struct guest_area *area = NULL;
	int rc = 0;

	if (get_guest(&r, arg))
		return -EFAULT;
	if (r.addr.p)
		rc = area_create(current, r.addr.p,
				 sizeof(struct vcpu_runstate_info), &area);
	if (rc)
		return rc;
	area_free(sched_set_runstate_area(v, area));
	return 0;
}

/* A vCPU's own timers are set by itself; the domain's lock serves the rest. */
static long op_set_periodic(struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_periodic_timer set;

	if (get_guest(&set, arg))
		return -EFAULT;
	if (set.period_ns < MIN_PERIOD || set.period_ns > MAX_PERIOD)
		return -EINVAL;
	spin_guard(&v->domain->lock);
	WRITE_ONCE(v->time.period, set.period_ns);
	timer_set(&v->time.periodic, now() + set.period_ns);
	return 0;
}

static long op_stop_periodic(struct vcpu *v, uint64_t arg)
{
	spin_guard(&v->domain->lock);
	if (!v->time.period)
		return 0;
	WRITE_ONCE(v->time.period, 0);
	timer_stop(&v->time.periodic);
	/* It may have set itself again meanwhile; now it does not. */
	timer_stop(&v->time.periodic);
	return 0;
}

static long op_set_singleshot(struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_singleshot_timer set;

	if (v != current)
		return -EINVAL;
	if (get_guest(&set, arg))
		return -EFAULT;
	if (set.flags & VCPU_SSHOTTMR_future && set.timeout_abs_ns < now())
		return -ETIME;
	timer_set(&v->time.singleshot, set.timeout_abs_ns);
	return 0;
}

static long op_stop_singleshot(struct vcpu *v, uint64_t arg)
{
	if (v != current)
		return -EINVAL;
	timer_stop(&v->time.singleshot);
	return 0;
}

static long op_register_info(struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_vcpu_info r;

	if (get_guest(&r, arg))
		return -EFAULT;
	/* Nobody else moves what a running vCPU looks at. */
	if (v != current && !READ_ONCE(v->sched.down))
		return -EINVAL;
	return vcpu_register_info(v, MFN(r.mfn), r.offset);
}

static long op_send_nmi(struct vcpu *v, uint64_t arg)
{
	if (arg)
		return -EINVAL;
	WRITE_ONCE(v->pv.nmi_pending, true);
	vcpu_wake(v);
	vcpu_kick(v);
	return 0;
}

/*
 * Only for a vCPU that stays on one CPU: its APIC id, and its ACPI id above.
 */
static long op_get_physid(struct vcpu *v, uint64_t arg)
{
	struct vcpu_get_physid r;
	uint64_t m = v->sched.hard_affinity & cpus_online();
	unsigned int cpu;

	if (!v->domain->privileged || count_bits(m) != 1)
		return -EINVAL;
	cpu = __builtin_ctzll(m);
	r.phys_id = cpus[cpu].apic_id | (uint64_t)cpu << 32;
	return put_guest(arg, &r);
}

static long (*const ops[])(struct vcpu *v, uint64_t arg) = {
	[VCPUOP_initialise] = op_initialise,
	[VCPUOP_up] = op_up,
	[VCPUOP_down] = op_down,
	[VCPUOP_get_runstate_info] = op_get_runstate,
	[VCPUOP_register_runstate_memory_area] = op_register_runstate,
	[VCPUOP_set_periodic_timer] = op_set_periodic,
	[VCPUOP_stop_periodic_timer] = op_stop_periodic,
	[VCPUOP_set_singleshot_timer] = op_set_singleshot,
	[VCPUOP_stop_singleshot_timer] = op_stop_singleshot,
	[VCPUOP_register_vcpu_info] = op_register_info,
	[VCPUOP_send_nmi] = op_send_nmi,
	[VCPUOP_get_physid] = op_get_physid,
};

long hc_vcpu_op(uint64_t cmd, uint64_t vcpu, uint64_t arg, uint64_t a3,
		uint64_t a4)
{
	/* Numbers are 32 bits wide: what stands above them does not count. */
	struct vcpu *v = domain_vcpu(current->domain, (uint32_t)vcpu);

	cmd = (uint32_t)cmd;
	if (!v)
		return -ENOENT;
	if (cmd == VCPUOP_is_up) /* asked for thousands of numbers at boot */
		return !READ_ONCE(v->sched.down);
	if (cmd >= ARRAY_SIZE(ops) || !ops[cmd])
		return hypercall_unknown("vcpu_op", cmd);
	return ops[cmd](v, arg);
}

/* The old way to set a vCPU's own timer. */
long hc_set_timer_op(uint64_t timeout, uint64_t a1, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	struct vcpu *v = current;

	if (timeout)
		timer_set(&v->time.singleshot, timeout);
	else
		timer_stop(&v->time.singleshot);
	return 0;
}

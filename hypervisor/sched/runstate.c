/*
 * Where a vCPU's time goes, by timestamps at each change of state, and the
 * copy of it that a guest may ask for (VCPUOP_register_runstate_memory_area).
 *
 * A change is made under the lock of the vCPU's home, which so serves as the
 * one writer of the guest's copy, too. A reader there looks at
 * state_entry_time before and after; if the guest asked for it
 * (VMASST_TYPE_runstate_update_flag), its top bit is set while the rest is
 * being written.
 */
#include "domain.h"
#include "policy.h"

#define UPDATE_FLAG (1UL << VMASST_TYPE_runstate_update_flag)

static void publish(struct vcpu *v)
{
	struct guest_area *a = v->sched.area;
	struct vcpu_runstate_info r = {
		.state = v->sched.state,
		.state_entry_time = v->sched.state_entry,
	};
	uint64_t entry = r.state_entry_time;
	const size_t at = offsetof(struct vcpu_runstate_info,
				   state_entry_time);

	memcpy(r.time, v->sched.state_time, sizeof(r.time));
	if (v->domain->pv.vm_assist & UPDATE_FLAG) {
		r.state_entry_time |= XEN_RUNSTATE_UPDATE;
		area_write(a, at, &r.state_entry_time, sizeof(entry));
		smp_wmb(); /* the flag is seen before anything changes */
	}
	area_write(a, 0, &r, sizeof(r));
	smp_wmb(); /* ... and until everything has */
	area_write(a, at, &entry, sizeof(entry));
}

void runstate_change(struct vcpu *v, int state, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;

	/* Another CPU may have made the last change with a later reading. */
	if (t > s->state_entry) {
		s->state_time[s->state] += t - s->state_entry;
		s->state_entry = t;
	}
	s->state = state;
	if (unlikely(s->area))
		publish(v);
}

void vcpu_runstate(struct vcpu *v, struct vcpu_runstate_info *r)
{
	struct sched_cpu *q = vcpu_lock_home(v);
	const struct sched_vcpu *s = &v->sched;
	nsec_t t = now();

	memset(r, 0, sizeof(*r));
	r->state = s->state;
	r->state_entry_time = s->state_entry;
	memcpy(r->time, s->state_time, sizeof(r->time));
	if (t > s->state_entry)
		r->time[s->state] += t - s->state_entry;
	spin_unlock(&q->lock);
}

uint64_t vcpu_runtime(struct vcpu *v)
{
	struct vcpu_runstate_info r;

	vcpu_runstate(v, &r);
	return r.time[RUNSTATE_running];
}

struct guest_area *sched_set_runstate_area(struct vcpu *v,
					   struct guest_area *a)
{
	struct sched_cpu *q = vcpu_lock_home(v);
	struct guest_area *old = v->sched.area;

	v->sched.area = a;
	if (a)
		publish(v);
	spin_unlock(&q->lock);
	return old;
}

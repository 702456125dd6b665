/*
 * vCPUs of domains, hypervisor threads and idle vCPUs: memory and first state.
 * Each has a stack of its own, with the guest's registers at its top.
 */
#include "domain.h"
#include "guest.h"

#define STACK_ORDER 2
static_assert(PAGE_SIZE << STACK_ORDER == STACK_SIZE, "order of a stack");

/*
 * On a stack of its own if none is given. Registers at the top of the stack,
 * below the CPU's word: see cpu/entry.S.
 */
static struct vcpu *vcpu_alloc(struct domain *d, unsigned int id, void *given)
{
	void *stack = given ? given : hv_alloc_pages(STACK_ORDER, 0);
	struct vcpu *v = stack ? hv_alloc(sizeof(*v)) : NULL;

	if (!v) {
		if (!given)
			hv_free_pages(stack, STACK_ORDER);
		return NULL;
	}
	v->domain = d;
	v->id = id;
	v->stack = stack;
	v->regs = (struct cpu_user_regs *)
		((char *)stack + STACK_SIZE - sizeof(struct stack_top)) - 1;
	sched_init_vcpu(v);
	return v;
}

void vcpu_free(struct vcpu *v)
{
	assert(!v->sched.on_cpu && !v->sched.runnable);
	hv_free_pages(v->stack, STACK_ORDER);
	hv_free(v);
}

/*
 * vcpu_info of vCPUs that have no place in the shared page until they register
 * one of their own; no guest sees it.
 */
static struct vcpu_info homeless_info;

int vcpu_create(struct domain *d, unsigned int id)
{
	struct vcpu *v;
	int rc;

	if (id >= d->max_vcpus)
		return -EINVAL;
	if (d->vcpu[id])
		return -EEXIST;
	v = vcpu_alloc(d, id, NULL);
	if (!v)
		return -ENOMEM;
	v->info = id < ARRAY_SIZE(d->shared->vcpu_info) ?
		  &d->shared->vcpu_info[id] : &homeless_info;
	rc = pv_vcpu_init(v);
	if (rc) {
		vcpu_free(v);
		return rc;
	}
	time_init_vcpu(v);
	timer_init(&v->time.poll, poll_timeout, v);
	vcpu_stack_init(v, NULL, NULL);
	store_release(&d->vcpu[id], v);
	vcpu_place(v); /* its pool may have changed before it could be found */
	return 0;
}

struct vcpu *thread_create(void (*fn)(void *arg), void *arg, const char *name)
{
	struct vcpu *v = vcpu_alloc(idle_domain, MAX_CPUS, NULL);

	if (!v)
		return NULL;
	v->name = name;
	vcpu_stack_init(v, fn, arg);
	vcpu_up(v);
	return v;
}

struct vcpu *idle_vcpu_create(unsigned int cpu)
{
	struct vcpu *v;

	v = vcpu_alloc(idle_domain, cpu, cpu != this_cpu()->id ? NULL :
		       (void *)(arch_stack_pointer() & ~(STACK_SIZE - 1)));
	if (!v)
		panic("no memory for the idle vCPU of CPU %u", cpu);
	v->name = "idle";
	v->sched.parked = v->sched.down = false;
	idle_domain->vcpu[cpu] = v;
	return v;
}

bool vcpu_has_info(const struct vcpu *v)
{
	return v->info != &homeless_info;
}

int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc;

	if (atomic_xchg(&v->setting_context, true))
		return -EBUSY;
	rc = pv_set_context(v, c);
	if (!rc)
		store_release(&v->initialised, true);
	store_release(&v->setting_context, false);
	if (rc)
		return rc;
	if (c->flags & VGCF_online)
		vcpu_up(v);
	else
		vcpu_down(v);
	return 0;
}

int vcpu_take_context(struct vcpu *v, uint64_t va)
{
	struct vcpu_guest_context *c = hv_alloc(sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	rc = get_guest(c, va);
	if (!rc)
		rc = vcpu_set_context(v, c);
	hv_free(c);
	return rc;
}

/*
 * Senders may still write to the old place while it is copied: so everything
 * counts as pending afterwards, and the guest looks at all of it.
 */
int vcpu_register_info(struct vcpu *v, mfn_t mfn, uint32_t offset)
{
	struct domain *d = v->domain;
	struct vcpu_info *info;
	struct frame *f;
	int rc;

	if (offset > PAGE_SIZE - sizeof(*info) ||
	    offset % __alignof__(struct vcpu_info))
		return -EINVAL;
	rc = frame_get_as(d, mfn, TYPE_WRITABLE, &f);
	if (rc)
		return rc;
	info = (struct vcpu_info *)((char *)frame_virt(f) + offset);
	spin_guard(&d->lock);
	if (v->info_frame) {
		frame_put_as(f);
		return -EINVAL;
	}
	if (vcpu_has_info(v)) {
		memcpy(info, v->info, sizeof(*info));
	} else {
		memset(info, 0, sizeof(*info));
		info->evtchn_upcall_mask = 1;
	}
	v->info_frame = f;
	store_release(&v->info, info);
	event_rescan_vcpu(v);
	return 0;
}

void vcpu_up(struct vcpu *v)
{
	WRITE_ONCE(v->sched.down, false);
	vcpu_unpark(v);
}

void vcpu_down(struct vcpu *v)
{
	WRITE_ONCE(v->sched.down, true);
	vcpu_stop(v);
}

/*
 * Hypercalls that set what a PV guest sees of its CPU: trap table, callbacks,
 * descriptors, stack, segment bases, debug registers, TS.
 */
#include "features.h"
#include "guest.h"
#include "mm.h"
#include "pv_cpu.h"
#include "subop.h"
#include <xen/callback.h>

/* An array ended by address 0; NULL clears everything. */
long hc_set_trap_table(uint64_t list, uint64_t a1, uint64_t a2, uint64_t a3,
		       uint64_t a4)
{
	struct vcpu *v = current;
	struct trap_info t;
	unsigned int i;
	int rc;

	if (!list) {
		memset(v->pv.trap, 0, 256 * sizeof(*v->pv.trap));
		return 0;
	}
	/* No more than one entry for each vector makes sense. */
	for (i = 0; i <= 256; i++) {
		if (get_guest(&t, list + i * sizeof(t)))
			return -EFAULT;
		if (t.address == 0)
			return 0;
		if (!va_canonical(t.address))
			return -EINVAL;
		v->pv.trap[t.vector] = t;
		rc = preempt_point();
		if (rc)
			return rc;
	}
	return -EINVAL;
}

static int callback_of(struct vcpu *v, unsigned int type,
		       struct pv_callback **cb)
{
	struct pv_callback *const of[] = {
		[CALLBACKTYPE_event] = &v->pv.event,
		[CALLBACKTYPE_failsafe] = &v->pv.failsafe,
		[CALLBACKTYPE_syscall] = &v->pv.syscall,
		[CALLBACKTYPE_sysenter] = &v->pv.sysenter,
		[CALLBACKTYPE_syscall32] = &v->pv.syscall32,
	};

	if (type >= ARRAY_SIZE(of) || !of[type])
		return -ENOSYS;
	*cb = of[type];
	/* What 32-bit programs cannot use on this maker's CPUs. */
	return type == (features.intel ? CALLBACKTYPE_syscall32 :
			CALLBACKTYPE_sysenter) ? -EINVAL : 0;
}

static long op_register(struct domain *none, void *arg)
{
	const struct callback_register *reg = arg;
	struct vcpu *v = current;
	struct pv_callback *cb;
	int rc;

	if (!va_canonical(reg->address))
		return -EINVAL;
	if (reg->type == CALLBACKTYPE_nmi) {
		v->pv.trap[2].address = reg->address;
		v->pv.trap[2].flags = 4;
		return 0;
	}
	rc = callback_of(v, reg->type, &cb);
	if (rc)
		return rc;
	cb->address = reg->address;
	cb->mask_events = reg->flags & CALLBACKF_mask_events;
	return 0;
}

static long op_unregister(struct domain *none, void *arg)
{
	const struct callback_unregister *un = arg;
	struct pv_callback *cb;

	if (un->type != CALLBACKTYPE_nmi) /* it cannot do without the others */
		return callback_of(current, un->type, &cb) == -ENOSYS ?
		       -ENOSYS : -EINVAL;
	current->pv.trap[2].address = 0;
	return 0;
}

static const struct subop callback_ops[] = {
	[CALLBACKOP_register] = SUBOP(op_register, struct callback_register, 0),
	[CALLBACKOP_unregister] =
		SUBOP(op_unregister, struct callback_unregister, 0),
};

long hc_callback_op(uint64_t cmd, uint64_t arg, uint64_t a2, uint64_t a3,
		    uint64_t a4)
{
	return subop_call("callback_op", callback_ops,
			  ARRAY_SIZE(callback_ops), cmd, arg);
}

/* The old form: event, failsafe, syscall. */
long hc_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall,
		      uint64_t a3, uint64_t a4)
{
	struct vcpu *v = current;

	if (!va_canonical(event) || !va_canonical(failsafe) ||
	    !va_canonical(syscall))
		return -EINVAL;
	v->pv.event.address = event;
	v->pv.failsafe.address = failsafe;
	v->pv.syscall.address = syscall;
	return 0;
}

long hc_set_gdt(uint64_t list, uint64_t entries, uint64_t a2, uint64_t a3,
		uint64_t a4)
{
	uint64_t mfns[14];

	if (entries > ARRAY_SIZE(mfns) * 512)
		return -EINVAL;
	if (copy_from_guest_va(mfns, list, DIV_ROUND_UP(entries, 512) * 8))
		return -EFAULT;
	return pv_set_gdt(current, mfns, (unsigned int)entries);
}

/* rdi machine address of the entry, rsi descriptor. */
long hc_update_descriptor(uint64_t pa, uint64_t desc, uint64_t a2,
			  uint64_t a3, uint64_t a4)
{
	struct domain *d = current->domain;
	struct frame *f;
	int rc;

	if ((pa & 7) || !descriptor_fix(&desc))
		return -EINVAL;
	rc = frame_get_as(d, paddr_mfn(pa), TYPE_SEGDESC, &f);
	if (rc == -EBUSY)
		rc = frame_get_as(d, paddr_mfn(pa), TYPE_WRITABLE, &f);
	if (rc)
		return -EINVAL;
	WRITE_ONCE(*(uint64_t *)(DIRECT_BASE + pa), desc);
	frame_put_as(f);
	return 0;
}

long hc_stack_switch(uint64_t ss, uint64_t sp, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	struct vcpu *v = current;

	v->pv.kernel_ss = (ss & 0xffff) | 3;
	v->pv.kernel_sp = sp;
	return 0;
}

long hc_fpu_taskswitch(uint64_t set, uint64_t a1, uint64_t a2, uint64_t a3,
		       uint64_t a4)
{
	pv_set_ts(current, set);
	return 0;
}

long hc_set_debugreg(uint64_t reg, uint64_t val, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	return pv_set_debugreg(current, reg, val);
}

long hc_get_debugreg(uint64_t reg, uint64_t a1, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	uint64_t val;
	int rc = pv_get_debugreg(current, reg, &val);

	return rc ? rc : (long)val;
}

long hc_set_segment_base(uint64_t which, uint64_t base, uint64_t a2,
			 uint64_t a3, uint64_t a4)
{
	return pv_set_segment_base(current, which, base);
}

/*
 * 4gb_segments and its notes mean nothing to 64-bit guests, writable page
 * tables are always emulated, sectored runstate is kept by sched/.
 */
#define ASSISTS (1UL << VMASST_TYPE_4gb_segments | \
		 1UL << VMASST_TYPE_4gb_segments_notify | \
		 1UL << VMASST_TYPE_writable_pagetables | \
		 1UL << VMASST_TYPE_pae_extended_cr3 | \
		 1UL << VMASST_TYPE_runstate_update_flag)

long hc_vm_assist(uint64_t cmd, uint64_t type, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	struct domain *d = current->domain;

	if (type > 63 || !(ASSISTS >> type & 1))
		return -EINVAL;
	switch (cmd) {
	case VMASST_CMD_enable:
		(void)atomic_or(&d->pv.vm_assist, 1UL << type);
		return 0;
	case VMASST_CMD_disable:
		(void)atomic_and(&d->pv.vm_assist, ~(1UL << type));
		return 0;
	}
	return -ENOSYS;
}

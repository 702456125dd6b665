/*
 * Hypercalls that set what a PV guest sees of its CPU: trap table, callbacks,
 * descriptors, stack, segment bases, debug registers, TS.
 */
#include "types.h"
#include <xen/callback.h>

#include "domain.h"
#include "features.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

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
		v->pv.trap[t.vector] = (struct pv_trap){
			.address = t.address, .cs = t.cs, .flags = t.flags };
		rc = preempt_point();
		if (rc)
			return rc;
	}
	return -EINVAL;
}

static struct pv_callback *callback_of(struct vcpu *v, unsigned int type)
{
	switch (type) {
	case CALLBACKTYPE_event:
		return &v->pv.event;
	case CALLBACKTYPE_failsafe:
		return &v->pv.failsafe;
	case CALLBACKTYPE_syscall:
		return &v->pv.syscall;
	case CALLBACKTYPE_syscall32:
		return features.intel ? NULL : &v->pv.syscall32;
	case CALLBACKTYPE_sysenter:
		return features.intel ? &v->pv.sysenter : NULL;
	}
	return NULL;
}

static long callback_register(struct vcpu *v, uint64_t arg)
{
	struct callback_register reg;
	struct pv_callback *cb;

	if (get_guest(&reg, arg))
		return -EFAULT;
	if (!va_canonical(reg.address))
		return -EINVAL;
	if (reg.type == CALLBACKTYPE_nmi) {
		v->pv.trap[2].address = reg.address;
		v->pv.trap[2].flags = 4;
		return 0;
	}
	cb = callback_of(v, reg.type);
	if (!cb)
		return reg.type == CALLBACKTYPE_sysenter ||
		       reg.type == CALLBACKTYPE_syscall32 ? -EINVAL : -ENOSYS;
	cb->address = reg.address;
	cb->mask_events = reg.flags & CALLBACKF_mask_events;
	return 0;
}

static long callback_unregister(struct vcpu *v, uint64_t arg)
{
	struct callback_unregister un;

	if (get_guest(&un, arg))
		return -EFAULT;
	switch (un.type) {
	case CALLBACKTYPE_event:
	case CALLBACKTYPE_failsafe:
	case CALLBACKTYPE_syscall:
	case CALLBACKTYPE_syscall32:
	case CALLBACKTYPE_sysenter:
		return -EINVAL; /* a guest cannot do without */
	case CALLBACKTYPE_nmi:
		v->pv.trap[2].address = 0;
		return 0;
	}
	return -ENOSYS;
}

long hc_callback_op(uint64_t cmd, uint64_t arg, uint64_t a2, uint64_t a3,
		    uint64_t a4)
{
	switch (cmd) {
	case CALLBACKOP_register:
		return callback_register(current, arg);
	case CALLBACKOP_unregister:
		return callback_unregister(current, arg);
	}
	return hypercall_unknown("callback_op", cmd);
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
	struct frame *f;
	int rc;

	if ((pa & 7) || !descriptor_fix(&desc))
		return -EINVAL;
	f = frame_get(current->domain, paddr_mfn(pa));
	if (!f)
		return -EINVAL;
	rc = frame_get_type(f, TYPE_SEGDESC);
	if (rc == -EBUSY)
		rc = frame_get_type(f, TYPE_WRITABLE);
	if (rc == 0) {
		WRITE_ONCE(*(uint64_t *)((char *)frame_virt(f) +
					 pa % PAGE_SIZE), desc);
		frame_put_type(f);
	}
	frame_put(f);
	return rc ? -EINVAL : 0;
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
	struct vcpu *v = current;

	if (!set == !v->pv.cr0_ts)
		return 0;
	v->pv.cr0_ts = set ? X86_CR0_TS : 0;
	write_cr0((read_cr0() & ~X86_CR0_TS) | v->pv.cr0_ts);
	return 0;
}

long hc_set_debugreg(uint64_t reg, uint64_t val, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	if (reg > 7)
		return -EINVAL;
	return pv_set_debugreg(current, (unsigned int)reg, val);
}

long hc_get_debugreg(uint64_t reg, uint64_t a1, uint64_t a2, uint64_t a3,
		     uint64_t a4)
{
	if (reg > 7 || reg == 4 || reg == 5)
		return -EINVAL;
	return (long)pv_get_debugreg(current, (unsigned int)reg);
}

long hc_set_segment_base(uint64_t which, uint64_t base, uint64_t a2,
			 uint64_t a3, uint64_t a4)
{
	if (which > SEGBASE_GS_USER_SEL)
		return -EINVAL;
	return pv_set_segment_base(current, (unsigned int)which, base);
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

/*
 * All hypercalls. A row: number, name, handler, who may call. What is not
 * here answers -ENOSYS, and the first such call of each kind is logged.
 */
#include "hypercall.h"
#include "arch.h"
#include "domain.h"
#include "guest.h"
#include "printk.h"
#include "pv_cpu.h"

enum who { ANYBODY, PRIVILEGED };

#define HYPERCALLS(ROW) \
	ROW(set_trap_table, hc_set_trap_table, ANYBODY) \
	ROW(mmu_update, hc_mmu_update, ANYBODY) \
	ROW(set_gdt, hc_set_gdt, ANYBODY) \
	ROW(stack_switch, hc_stack_switch, ANYBODY) \
	ROW(set_callbacks, hc_set_callbacks, ANYBODY) \
	ROW(fpu_taskswitch, hc_fpu_taskswitch, ANYBODY) \
	ROW(platform_op, hc_platform_op, PRIVILEGED) \
	ROW(set_debugreg, hc_set_debugreg, ANYBODY) \
	ROW(get_debugreg, hc_get_debugreg, ANYBODY) \
	ROW(update_descriptor, hc_update_descriptor, ANYBODY) \
	ROW(memory_op, hc_memory_op, ANYBODY) \
	ROW(multicall, hc_multicall, ANYBODY) \
	ROW(update_va_mapping, hc_update_va_mapping, ANYBODY) \
	ROW(set_timer_op, hc_set_timer_op, ANYBODY) \
	ROW(xen_version, hc_xen_version, ANYBODY) \
	ROW(console_io, hc_console_io, PRIVILEGED) \
	ROW(grant_table_op, hc_grant_table_op, ANYBODY) \
	ROW(vm_assist, hc_vm_assist, ANYBODY) \
	ROW(update_va_mapping_otherdomain, hc_update_va_mapping_otherdomain, \
	    ANYBODY) \
	ROW(iret, hc_iret, ANYBODY) \
	ROW(vcpu_op, hc_vcpu_op, ANYBODY) \
	ROW(set_segment_base, hc_set_segment_base, ANYBODY) \
	ROW(mmuext_op, hc_mmuext_op, ANYBODY) \
	ROW(sched_op, hc_sched_op, ANYBODY) \
	ROW(callback_op, hc_callback_op, ANYBODY) \
	ROW(event_channel_op, hc_event_channel_op, ANYBODY) \
	ROW(physdev_op, hc_physdev_op, ANYBODY) \
	ROW(arch_0, hc_mca, PRIVILEGED) \
	ROW(xenpmu_op, hc_xenpmu_op, ANYBODY) \
	ROW(sysctl, hc_sysctl, PRIVILEGED) \
	ROW(domctl, hc_domctl, PRIVILEGED)

/*
 * A power of two: a number that is masked does not index beyond the table even
 * where a mispredicted branch lets a greater one through.
 */
#define NUMBERS 64

#define HANDLER(nr, fn, who) [__HYPERVISOR_##nr] = fn,
static hypercall_fn *const handlers[NUMBERS] = { HYPERCALLS(HANDLER) };

/* One bit for each number that only the privileged may call. */
#define BIT(nr, fn, who) | (uint64_t)((who) == PRIVILEGED) << __HYPERVISOR_##nr
static const uint64_t privileged_only = 0 HYPERCALLS(BIT);

long hypercall_unknown(const char *family, uint64_t op)
{
	static struct kind {
		const char *family; /* NULL: none yet */
		uint64_t op;
	} seen[64];
	uint64_t first = (uintptr_t)family / 8 + op, i;
	struct kind *k;

	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		k = &seen[(first + i) % ARRAY_SIZE(seen)];
		if (k->family == family && k->op == op)
			break;
		if (k->family)
			continue;
		/* Two CPUs at once may log a kind twice. */
		*k = (struct kind){ family, op };
		log_line(LOG_INFO, "%s: operation %lu is not offered", family,
			 op);
		break;
	}
	return -ENOSYS;
}

static inline long call(uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3, uint64_t a4)
{
	hypercall_fn *handler = handlers[op % NUMBERS];

	if (unlikely(op >= NUMBERS || !handler))
		return hypercall_unknown("hypercall", op);
	if (unlikely(privileged_only >> op & 1) && !current->domain->privileged)
		return -EPERM;
	return handler(a0, a1, a2, a3, a4);
}

void hypercall(struct vcpu *v, struct cpu_user_regs *r)
{
	r->rax = (uint64_t)call(r->rax, r->rdi, r->rsi, r->rdx, r->r10, r->r8);
}

/* --- several in one --- */

static long multicall_entry(struct multicall_entry *e)
{
	/* No return to the guest, and no nesting, inside a batch. */
	if (e->op == __HYPERVISOR_iret || e->op == __HYPERVISOR_multicall)
		return -EINVAL;
	return call(e->op, e->args[0], e->args[1], e->args[2], e->args[3],
		    e->args[4]);
}

/* Entries that are copied at once, between two preemption points. */
#define CHUNK 8

static int multicall_chunk(uint64_t list, uint64_t n)
{
	struct multicall_entry e[CHUNK];
	uint64_t i, at;
	long result;

	if (copy_from_guest_va(e, list, n * sizeof(e[0])))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		result = multicall_entry(&e[i]);
		at = list + i * sizeof(e[0]) +
		     offsetof(struct multicall_entry, result);
		if (unlikely(put_guest_u64(at, (uint64_t)result)))
			return -EFAULT;
	}
	return 0;
}

/*
 * A failing entry does not stop the rest; each gets its own result. rdi array,
 * rsi count. 0, -EFAULT, -EINTR.
 */
long hc_multicall(uint64_t list, uint64_t count, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	uint64_t i, n;
	int rc = 0;

	if (count > UINT32_MAX)
		return -EINVAL;
	for (i = 0; i < count && rc == 0; i += n) {
		n = min(count - i, (uint64_t)CHUNK);
		rc = multicall_chunk(list + i * sizeof(struct multicall_entry),
				     n);
		/* Entries that take long have points of their own. */
		if (rc == 0 && i + n < count)
			rc = preempt_point();
	}
	return rc;
}

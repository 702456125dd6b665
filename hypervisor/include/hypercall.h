/* Hypercalls: one table (hypercall/table.c), one file per family. */
#ifndef PV_HYPERCALL_H
#define PV_HYPERCALL_H

#include "types.h"

/* rdi, rsi, rdx, r10, r8; result to rax. */
typedef long hypercall_fn(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
			  uint64_t a4);

/* pv/, mm/ */
hypercall_fn hc_set_trap_table, hc_mmu_update, hc_set_gdt, hc_stack_switch,
	hc_set_callbacks, hc_fpu_taskswitch, hc_set_debugreg, hc_get_debugreg,
	hc_update_descriptor, hc_memory_op, hc_multicall,
	hc_update_va_mapping, hc_update_va_mapping_otherdomain, hc_vm_assist,
	hc_iret, hc_set_segment_base, hc_mmuext_op, hc_callback_op;
/* events, grants */
hypercall_fn hc_event_channel_op, hc_grant_table_op;
/* devices, time */
hypercall_fn hc_set_timer_op, hc_console_io, hc_physdev_op, hc_platform_op,
	hc_mca, hc_xenpmu_op;
/* domains, scheduler */
hypercall_fn hc_xen_version, hc_vcpu_op, hc_sched_op, hc_sysctl, hc_domctl;

/* domain/dom0_build.c: one page of stubs, for kernels that ask for them. */
void hypercall_page_fill(uint8_t *page);

/* Logs the first unimplemented sub-operation of a kind; returns -ENOSYS. */
long hypercall_unknown(const char *family, uint64_t op);

#endif

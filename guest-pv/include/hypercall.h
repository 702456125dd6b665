/*
 * Hypercalls, as the published ABI defines them for 64-bit PV guests: number
 * in rax, arguments in rdi, rsi, rdx, r10, r8, r9, instruction `syscall`,
 * result in rax; rcx and r11 are lost, and argument registers may be. There
 * is deliberately no hypercall page: see README.md.
 *
 * A wrapper exists where a call is made in more than one place and a name
 * for its arguments helps; everything else calls hypercallN() with the
 * number from <xen/xen.h>. No wrapper checks or repairs anything, since the
 * tests want to pass nonsense.
 */
#ifndef GUEST_HYPERCALL_H
#define GUEST_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/features.h>

/* The errno values of the ABI. They are Linux's; a positive number here. */
enum {
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6,
	E2BIG = 7, ENOEXEC = 8, EBADF = 9, EAGAIN = 11, ENOMEM = 12,
	EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, EXDEV = 18,
	ENODEV = 19, EINVAL = 22, ENOSPC = 28, EROFS = 30, ERANGE = 34,
	EDEADLK = 35, ENOSYS = 38, ENODATA = 61, EOVERFLOW = 75,
	EILSEQ = 84, EOPNOTSUPP = 95, ENOTCONN = 107,
};

#define HCALL_ARG(x) ((unsigned long)(x))

static inline long hypercall6(unsigned long nr, unsigned long a1,
			      unsigned long a2, unsigned long a3,
			      unsigned long a4, unsigned long a5,
			      unsigned long a6)
{
	register unsigned long r10 __asm__("r10") = a4;
	register unsigned long r8 __asm__("r8") = a5;
	register unsigned long r9 __asm__("r9") = a6;

	__asm__ volatile("syscall"
			 : "+a"(nr), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10),
			   "+r"(r8), "+r"(r9)
			 : : "rcx", "r11", "memory", "cc");
	return (long)nr;
}

#define hypercall0(nr) hypercall6(nr, 0, 0, 0, 0, 0, 0)
#define hypercall1(nr, a) hypercall6(nr, HCALL_ARG(a), 0, 0, 0, 0, 0)
#define hypercall2(nr, a, b) \
	hypercall6(nr, HCALL_ARG(a), HCALL_ARG(b), 0, 0, 0, 0)
#define hypercall3(nr, a, b, c) \
	hypercall6(nr, HCALL_ARG(a), HCALL_ARG(b), HCALL_ARG(c), 0, 0, 0)
#define hypercall4(nr, a, b, c, d) \
	hypercall6(nr, HCALL_ARG(a), HCALL_ARG(b), HCALL_ARG(c), \
		   HCALL_ARG(d), 0, 0)
#define hypercall5(nr, a, b, c, d, e) \
	hypercall6(nr, HCALL_ARG(a), HCALL_ARG(b), HCALL_ARG(c), \
		   HCALL_ARG(d), HCALL_ARG(e), 0)

#define hcall_memory_op(cmd, arg) \
	hypercall2(__HYPERVISOR_memory_op, cmd, arg)
#define hcall_xen_version(cmd, arg) \
	hypercall2(__HYPERVISOR_xen_version, cmd, arg)
#define hcall_sched_op(cmd, arg) \
	hypercall2(__HYPERVISOR_sched_op, cmd, arg)
#define hcall_event_channel_op(cmd, arg) \
	hypercall2(__HYPERVISOR_event_channel_op, cmd, arg)
#define hcall_physdev_op(cmd, arg) \
	hypercall2(__HYPERVISOR_physdev_op, cmd, arg)
#define hcall_callback_op(cmd, arg) \
	hypercall2(__HYPERVISOR_callback_op, cmd, arg)
#define hcall_vcpu_op(cmd, vcpu, arg) \
	hypercall3(__HYPERVISOR_vcpu_op, cmd, vcpu, arg)
#define hcall_grant_table_op(cmd, arg, count) \
	hypercall3(__HYPERVISOR_grant_table_op, cmd, arg, count)
#define hcall_multicall(list, count) \
	hypercall2(__HYPERVISOR_multicall, list, count)
#define hcall_mmu_update(req, count, done, dom) \
	hypercall4(__HYPERVISOR_mmu_update, req, count, done, dom)
#define hcall_mmuext_op(req, count, done, dom) \
	hypercall4(__HYPERVISOR_mmuext_op, req, count, done, dom)
#define hcall_update_va_mapping(va, pte, flags) \
	hypercall3(__HYPERVISOR_update_va_mapping, va, pte, flags)
#define hcall_set_segment_base(which, base) \
	hypercall2(__HYPERVISOR_set_segment_base, which, base)
#define hcall_stack_switch(ss, sp) \
	hypercall2(__HYPERVISOR_stack_switch, ss, sp)
#define hcall_console_io(cmd, count, buf) \
	hypercall3(__HYPERVISOR_console_io, cmd, count, buf)
#define hcall_set_trap_table(table) \
	hypercall1(__HYPERVISOR_set_trap_table, table)

#endif

/*
 * The shortest ways in and out that there can be, for bench.c. A bounce leaves,
 * from rsp upwards: rcx, r11, [error code], rip, cs, rflags, rsp, ss. All go
 * back by the iret hypercall, which wants in the same place: rax, r11, rcx,
 * flags, rip, cs, rflags, rsp, ss.
 */
#include <asm-layout.h>
#define __ASSEMBLY__
#include <xen/xen.h>

	.macro BACK
	push	$0
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
	ud2
	.endm

	.text
/* An event: takes the port that is measured off its queue (FIFO ABI). */
	.globl	bench_event_entry
bench_event_entry:
	pop	%rcx
	pop	%r11
	push	%rax
	mov	shared_info, %rax
	movb	$0, 0(%rax)		/* upcall_pending of vCPU 0 */
	mov	bench_control, %rax
	movl	$0, 0(%rax)		/* no queue is ready */
	movl	$0, 8 + 7 * 4(%rax)	/* and the default one is empty */
	mov	bench_word, %rax
	movl	$0, (%rax)		/* not pending, not linked */
	incq	bench_events
	pop	%rax
	BACK

/* A system call; the last one goes the core's way, which ends user_run(). */
	.globl	bench_syscall_entry
bench_syscall_entry:
	decq	bench_count
	jz	syscall_entry
	pop	%rcx
	pop	%r11
	BACK

/* A page fault, the same: the instruction faults again. */
	.globl	bench_fault_entry
bench_fault_entry:
	decq	bench_count
	jz	trap_stubs + 14 * 16
	pop	%rcx
	pop	%r11
	add	$8, %rsp
	BACK

/* void bench_iret(void): its own return is an iret. CS of level 0: kernel. */
	.globl	bench_iret
bench_iret:
	pop	%rdx			/* where to */
	mov	%rsp, %rcx
	push	$FLAT_KERNEL_SS
	push	%rcx
	push	$0x202
	push	$FLAT_KERNEL_CS & ~3
	push	%rdx
	BACK

	.section .note.GNU-stack, "", @progbits

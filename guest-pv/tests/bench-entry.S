/*
 * The shortest event callback there can be, for bench.c: takes the one port
 * that the benchmark uses off its queue (FIFO ABI), and goes back by iret.
 */
#include <asm-layout.h>
#define __ASSEMBLY__
#include <xen/xen.h>

	.text
	.globl	bench_event_entry
bench_event_entry:
	pop	%rcx
	pop	%r11
/* For iret: rax, r11, rcx, flags, then what the bounce has left. */
	push	$0
	push	%rcx
	push	%r11
	push	%rax
	mov	shared_info, %rax
	movb	$0, 0(%rax)		/* upcall_pending of vCPU 0 */
	mov	bench_control, %rax
	movl	$0, 0(%rax)		/* no queue is ready */
	movl	$0, 8 + 7 * 4(%rax)	/* and the default one is empty */
	mov	bench_word, %rax
	movl	$0, (%rax)		/* not pending, not linked */
	incq	bench_events
	mov	$__HYPERVISOR_iret, %eax
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits

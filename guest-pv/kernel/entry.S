/*
 * Ways into the kernel: the start of the first vCPU and of the others, the
 * exceptions and callbacks that the hypervisor bounces to us, and the way
 * back, the iret hypercall. Nothing is decided here: every stub ends in
 * trap_dispatch().
 */
#include <asm-layout.h>
#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

	.macro NOTE type:req, data:vararg
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\data
2:	.balign 4
	.popsection
	.endm

	NOTE XEN_ELFNOTE_GUEST_OS, .asciz "paravane-guest"
	NOTE XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
	NOTE XEN_ELFNOTE_LOADER, .asciz "generic"
	NOTE XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	NOTE XEN_ELFNOTE_VIRT_BASE, .quad VIRT_BASE
	NOTE XEN_ELFNOTE_PADDR_OFFSET, .quad 0
	NOTE XEN_ELFNOTE_ENTRY, .quad _start
#ifndef P2M_IN_BOOTSTRAP
	NOTE XEN_ELFNOTE_INIT_P2M, .quad P2M_BASE
#endif
	NOTE XEN_ELFNOTE_MOD_START_PFN, .quad 1
	NOTE XEN_ELFNOTE_FEATURES, .asciz "pae_pgdir_above_4gb"
	NOTE XEN_ELFNOTE_SUPPORTED_FEATURES, .quad 0x801

	.text
/* The first vCPU: rsi = start_info, rsp = a stack that we do not keep. */
	.globl	_start
_start:
	cld
	mov	$boot_stack + STACK_SIZE, %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	kernel_main
	ud2

/* Further vCPUs: rdi = function, rsi = its argument, rsp = end of stack. */
	.globl	cpu_entry
cpu_entry:
	cld
	xor	%ebp, %ebp
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	ud2

/* int context_save(rdi = struct context *): 0, then 1 by context_restore(). */
	.globl	context_save
context_save:
	mov	(%rsp), %rax
	lea	8(%rsp), %rdx
	mov	%rbx, 0(%rdi)
	mov	%rbp, 8(%rdi)
	mov	%r12, 16(%rdi)
	mov	%r13, 24(%rdi)
	mov	%r14, 32(%rdi)
	mov	%r15, 40(%rdi)
	mov	%rdx, 48(%rdi)
	mov	%rax, 56(%rdi)
	xor	%eax, %eax
	ret

	.globl	context_restore
context_restore:
	mov	0(%rdi), %rbx
	mov	8(%rdi), %rbp
	mov	16(%rdi), %r12
	mov	24(%rdi), %r13
	mov	32(%rdi), %r14
	mov	40(%rdi), %r15
	mov	48(%rdi), %rsp
	mov	$1, %eax
	jmp	*56(%rdi)

/*
 * A bounce leaves, from rsp upwards:
 *	rcx, r11, [error code], rip, cs, rflags, rsp, ss
 * Each stub turns that into the end of a struct regs:
 *	vector, error, rip, cs, rflags, rsp, ss
 */
	.macro STUB vector:req, error=0
	.balign 16
	pop	%rcx
	pop	%r11
	.if !\error
	push	$0
	.endif
	push	$\vector
	jmp	trap_common
	.endm

	.balign 16
	.globl	trap_stubs
trap_stubs:
	.set	v, 0
	.rept	32
	.if v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21
	STUB	v, 1
	.else
	STUB	v
	.endif
	.set	v, v + 1
	.endr

	.macro ENTRY_STUB name:req, vector:req
	.globl	\name
	.balign 16
\name:
	STUB	\vector
	.endm

	ENTRY_STUB event_entry, VECTOR_EVENT
	ENTRY_STUB syscall_entry, VECTOR_SYSCALL
	ENTRY_STUB syscall32_entry, VECTOR_SYSCALL32
	ENTRY_STUB sysenter_entry, VECTOR_SYSENTER
	ENTRY_STUB int80_entry, VECTOR_INT80
	ENTRY_STUB int81_entry, VECTOR_INT81

/* rcx, r11, ds, es, fs, gs, rip, cs, rflags, rsp, ss; the four to the side. */
	.globl	failsafe_entry
	.balign	16
failsafe_entry:
	pop	%rcx
	pop	%r11
	push	%rax
	push	%rbx
	mov	%rsp, %rbx
	and	$-STACK_SIZE, %rbx
	mov	16(%rsp), %rax
	mov	%ax, 24(%rbx)
	mov	24(%rsp), %rax
	mov	%ax, 26(%rbx)
	mov	32(%rsp), %rax
	mov	%ax, 28(%rbx)
	mov	40(%rsp), %rax
	mov	%ax, 30(%rbx)
	pop	%rbx
	pop	%rax
	add	$32, %rsp
	push	$0
	push	$VECTOR_FAILSAFE

trap_common:
	cld
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	call	trap_dispatch
	mov	%rbx, %rdi

/* iret_to(rdi = struct regs *): never returns here. */
	.globl	iret_to
iret_to:
	mov	%rdi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	add	$16, %rsp
/* The iret hypercall wants: rax, r11, rcx, flags, rip, cs, rflags, rsp, ss */
	push	$0
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits

/*
 * Ways in and out. Every entry leaves a struct cpu_user_regs on the stack and
 * calls C; nothing is decided here but which way back is taken.
 *
 * A vCPU's stack, from its top (STACK_SIZE aligned):
 *
 *	struct stack_top	{ pad, CPU }
 *	gs fs ds es		selectors, kept by pv/switch.c
 *	ss rsp rflags cs rip	by the CPU, or pushed by the syscall stubs
 *	vector:error		32 bits each
 *	rdi rsi rdx rcx rax r8 r9 r10 r11 rbx rbp r12 r13 r14 r15   <- regs
 *
 * TSS.rsp0 and the syscall slots point at es. Interrupts are off from here
 * to the way out. The guest's FS and GS bases stay in the CPU: the hypervisor
 * finds its own data from the stack pointer and needs none.
 */
#include "layout.h"

	.macro	SAVE_REGS
	.irp	reg, rdi,rsi,rdx,rcx,rax,r8,r9,r10,r11,rbx,rbp,r12,r13,r14,r15
	push	%\reg
	.endr
	.endm

	.macro	RESTORE_REGS
	.irp	reg, r15,r14,r13,r12,rbp,rbx,r11,r10,r9,r8,rax,rcx,rdx,rsi,rdi
	pop	%\reg
	.endr
	.endm

	/* Completes the frame and hands it to C. */
	.macro	CALL_C function
	SAVE_REGS
	mov	%rsp, %rdi
	call	\function
	.endm

	.text

/*
 * SYSCALL: rcx return address, r11 flags, rsp still the guest's. One stub for
 * each CPU saves rsp in the CPU's slot and takes the vCPU's stack from it;
 * context_switch() keeps the slot. CS and SS are not known: the flat ones
 * are reported, as the ABI has it.
 */
	.macro	SYSCALL_ENTRY name, selector, vector
	.balign 64
	.globl	\name\()_stubs
\name\()_stubs:
	.set	i, 0
	.rept	MAX_CPUS
	.balign 32
	mov	%rsp, entry_slots + i * 16(%rip)
	mov	entry_slots + i * 16 + 8(%rip), %rsp
	push	$SEL_GUEST_SS
	push	entry_slots + i * 16(%rip)
	jmp	\name\()_entry
	.set	i, i + 1
	.endr
\name\()_entry:
	push	%r11
	push	$\selector
	push	%rcx
	push	$0
	movl	$\vector, 4(%rsp)
	CALL_C	pv_\name
	.endm

	SYSCALL_ENTRY syscall, SEL_GUEST_CS64, ENTRY_SYSCALL
	test	%al, %al
	jz	restore_guest

	/* A hypercall's return: flat selectors, canonical rip, rcx and r11 free. */
	RESTORE_REGS
	mov	8(%rsp), %rcx
	mov	24(%rsp), %r11
	mov	32(%rsp), %rsp
	sysretq

	/* In a 32-bit code segment (AMD). */
	SYSCALL_ENTRY syscall32, SEL_GUEST_CS32, ENTRY_SYSCALL32
	jmp	restore_guest

/*
 * SYSENTER (Intel): the CPU loaded rsp from an MSR, which points at the second
 * word of its slot; neither return address nor rsp of the guest are known.
 */
	.globl	sysenter_entry
sysenter_entry:
	mov	(%rsp), %rsp
	push	$SEL_GUEST_SS
	push	$0
	pushfq
	push	$SEL_GUEST_CS32
	push	$0
	push	$0
	movl	$ENTRY_SYSENTER, 4(%rsp)
	cld
	CALL_C	pv_sysenter
	jmp	restore_guest

/* Exceptions and interrupts: IDT stubs push the error code (or 0) and vector. */
	.globl	vector_stubs
	.balign 32
vector_stubs:
	.set	v, 0
	.rept	256
	.balign 32
	.if	!(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21)
	push	$0
	.endif
	movl	$v, 4(%rsp)
	.if	v == 1 || v == 2 || v == 8 || v == 18
	jmp	ist_entry
	.elseif	v == 14
	jmp	page_fault_entry
	.elseif	v < 32
	jmp	trap_entry
	.else
	jmp	irq_entry
	.endif
	.set	v, v + 1
	.endr

page_fault_entry:
	cld
	CALL_C	trap_page_fault
	jmp	ret_from_trap

trap_entry:
	cld
	CALL_C	trap_dispatch
	jmp	ret_from_trap

irq_entry:
	cld
	CALL_C	irq_dispatch
ret_from_trap:
	testb	$3, R_CS(%rsp)
	jz	restore_hv
	mov	%rsp, %rdi
	call	pv_exit
	/* Fall through. */

	.globl	restore_guest
restore_guest:
	RESTORE_REGS
	add	$8, %rsp
	.globl	iret_insn
iret_insn:
	iretq
	.pushsection .extable, "a"
	.balign	4
	.long	iret_insn - ., iret_fault - .
	.popsection

restore_hv:
	RESTORE_REGS
	add	$8, %rsp
	iretq

/*
 * NMI, #DB, #DF, #MC have stacks of their own, since they may hit where rsp
 * is the guest's. From a guest, the frame moves to the vCPU's stack, so that
 * the rest may schedule; from the hypervisor it is handled here.
 */
ist_entry:
	cld
	SAVE_REGS
	testb	$3, R_CS(%rsp)
	jz	1f
	mov	%rsp, %rdi
	call	ist_guest_frame		/* copies, returns the place */
	mov	%rax, %rsp
1:	mov	%rsp, %rdi
	call	trap_dispatch
	jmp	ret_from_trap

/*
 * Where the fault of an iret to a guest with bad state lands: the stack holds
 * the guest's iret frame again (pv/iret.c, exception table).
 */
	.globl	iret_fault
iret_fault:
	push	$0
	CALL_C	pv_iret_fault
	jmp	restore_guest

/*
 * void switch_stacks(uint64_t *save_rsp, uint64_t load_rsp, struct vcpu *prev)
 * Callee-saved registers stay on the stack that is left. The first code on
 * the new stack is sched_switched(prev).
 */
	.globl	switch_stacks
switch_stacks:
	.irp	reg, rbx,rbp,r12,r13,r14,r15
	push	%\reg
	.endr
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	mov	%rdx, %rdi
	call	sched_switched
	.irp	reg, r15,r14,r13,r12,rbp,rbx
	pop	%\reg
	.endr
	ret

/*
 * A new vCPU's first moments; vcpu_stack_init() laid out the stack so that
 * switch_stacks() returns here. Threads: rbx function, rbp argument.
 */
	.globl	thread_start
thread_start:
	mov	%rbp, %rdi
	xor	%ebp, %ebp
	call	*%rbx
	ud2

/* Guests: rsp is regs. */
	.globl	guest_start
guest_start:
	mov	%rsp, %rdi
	call	pv_exit
	jmp	restore_guest

	.section .data
	.balign 16
	/* For each CPU: the guest's rsp, the running vCPU's stack (its es). */
	.globl	entry_slots
entry_slots:
	.skip	MAX_CPUS * 16
	.section .note.GNU-stack, "", @progbits

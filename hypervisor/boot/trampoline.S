/*
 * Where the other CPUs begin: real mode, at a page below 1 MiB to which
 * cpu/smp.c copied this. Straight to long mode on the tables of start.S,
 * which show low memory one to one, then to the image's own address, the
 * hypervisor's tables and the CPU's stack.
 *
 * The words at the end are filled in by cpu/smp.c. Code before the far jumps
 * reaches them relative to the code segment, which is the page itself.
 */
	.section .rodata
	.code16
	.globl	trampoline, trampoline_end
	.balign 16
trampoline:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	movzwl	%ax, %ebx
	shl	$4, %ebx	/* the page's address, kept to the end */
	lgdtl	tr_gdtr - trampoline
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	*(tr_jump32 - trampoline)

	.code32
tr_32:
	mov	$16, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	%cr4, %eax
	or	$0x20, %eax	/* PAE */
	mov	%eax, %cr4
	mov	tr_boot_cr3 - trampoline(%ebx), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x901, %eax	/* LME, NXE, SCE */
	wrmsr
	mov	$0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov	%eax, %cr0
	ljmpl	*(tr_jump64 - trampoline)(%ebx)

	.code64
tr_64:
	mov	%ebx, %ebx
	mov	tr_entry - trampoline(%rbx), %rax
	mov	tr_cr3 - trampoline(%rbx), %rcx
	mov	tr_stack - trampoline(%rbx), %rsp
	mov	tr_cpu - trampoline(%rbx), %rdi
	jmp	*%rax

	.balign 8
tr_gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad	0x00cf93000000ffff	/* 10: data */
	.quad	0x00af9b000000ffff	/* 18: 64-bit code */
tr_gdtr:
	.short	31
	.long	0			/* tr_gdt */
	.globl	tr_gdt, tr_gdtr, tr_32, tr_64, tr_jump32, tr_jump64
	.globl	tr_boot_cr3, tr_cr3, tr_entry, tr_stack, tr_cpu
tr_jump32:
	.long	0			/* tr_32 */
	.short	8
tr_jump64:
	.long	0			/* tr_64 */
	.short	0x18
	.balign 8
tr_boot_cr3:	.quad 0
tr_cr3:		.quad 0
tr_entry:	.quad 0
tr_stack:	.quad 0
tr_cpu:		.quad 0
trampoline_end:

	/* At the image's address: rcx final cr3, rsp stack, rdi struct cpu. */
	.text
	.code64
	.globl	trampoline_high
trampoline_high:
	mov	%rcx, %cr3
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	xor	%ebp, %ebp
	call	ap_main
	ud2
	.section .note.GNU-stack, "", @progbits

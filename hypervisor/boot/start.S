/*
 * From the boot loader to C. Entered in 32-bit protected mode, paging off, by
 * multiboot 1 (eax 0x2badb002, ebx information) or multiboot 2 (eax
 * 0x36d76289). Makes page tables that show the first 4 GiB at 0, in the
 * direct map and (1 GiB) at IMAGE_BASE, enters long mode and calls hv_main.
 * The tables are replaced by mm/memory.c. The other CPUs come the same way,
 * from real mode, and call ap_main.
 */
#include "layout.h"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00000003 /* modules page-aligned, memory map wanted */
#define MB2_MAGIC 0xe85250d6
#define PHYS(x) ((x) - IMAGE_BASE)

	.section .head, "ax"
	.code32
	.balign 8
mb1_header:
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

	.balign 8
mb2_header:
	.long	MB2_MAGIC, 0, mb2_end - mb2_header
	.long	-(MB2_MAGIC + (mb2_end - mb2_header))
	.short	1, 0		/* information request */
	.long	20
	.long	1, 3, 6		/* command line, modules, memory map */
	.balign 8
	.short	6, 0		/* modules page-aligned */
	.long	8
	.balign 8
	.short	0, 0		/* end */
	.long	8
mb2_end:

	.globl	start
start:
	cli
	cld
	mov	%eax, %ebp	/* magic */
	mov	%ebx, %esi	/* information */

	/* PDs: 2048 large pages, 4 GiB. */
	mov	$PHYS(boot_pd), %edi
	mov	$0xe3, %eax	/* present, writable, A, D, large */
1:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$0x200000, %eax
	add	$8, %edi
	cmp	$PHYS(boot_pd) + 4 * 4096, %edi
	jne	1b

	/* PDPTs. */
	mov	$PHYS(boot_pdpt_low), %edi
	mov	$PHYS(boot_pd) + 0x63, %eax
	mov	$4, %ecx
2:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	2b
	movl	$PHYS(boot_pd) + 0x63, PHYS(boot_pdpt_image) + 320 * 8

	/* L4: slots 0, 261 and 262. */
	movl	$PHYS(boot_pdpt_low) + 0x63, PHYS(boot_l4)
	movl	$PHYS(boot_pdpt_image) + 0x63, PHYS(boot_l4) + 261 * 8
	movl	$PHYS(boot_pdpt_low) + 0x63, PHYS(boot_l4) + 262 * 8

	/* All CPUs; ebp is 0 on the others. */
enter_long_mode:
	mov	$PHYS(boot_l4), %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax	/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x901, %eax	/* LME, NXE, SCE */
	wrmsr
	mov	$0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov	%eax, %cr0
	lgdt	PHYS(boot_gdtr32)
	ljmp	$8, $PHYS(start64)

	.code64
start64:
	movabs	$start_high, %rax
	jmp	*%rax

	.text
start_high:
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	test	%ebp, %ebp
	jz	3f
	/* struct stack_top: the CPU of this stack. */
	lea	boot_stack_end - 16(%rip), %rsp
	lea	cpus(%rip), %rax
	mov	%rax, 8(%rsp)
	mov	%ebp, %edi
	mov	%esi, %esi
	xor	%ebp, %ebp
	call	hv_main

	/* Another CPU: cpu/smp.c filled in these two. */
3:	mov	ap_cr3(%rip), %rax
	mov	%rax, %cr3
	mov	ap_stack(%rip), %rsp
	call	ap_main
	ud2

/*
 * Where another CPU begins: real mode, at a page below 1 MiB to which
 * cpu/smp.c copies this. Its only data is reached relative to that page.
 */
	.section .rodata
	.code16
	.globl	trampoline, trampoline_end
trampoline:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	boot_gdtr_low - trampoline
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x18, $PHYS(ap_start)
boot_gdtr_low:
	.short	31
	.long	PHYS(boot_gdt)
trampoline_end:

	.section .head
	.code32
ap_start:
	mov	$0x10, %eax
	mov	%eax, %ds
	xor	%ebp, %ebp
	jmp	enter_long_mode

	.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 08: ring-0 code, 64 bits */
	.quad	0x00cf93000000ffff	/* 10: ring-0 data */
	.quad	0x00cf9b000000ffff	/* 18: ring-0 code, 32 bits */
boot_gdtr32:
	.short	31
	.long	PHYS(boot_gdt)

	.section .bss.page, "aw", @nobits
	.balign 4096
boot_l4:	.skip 4096
boot_pdpt_low:	.skip 4096
boot_pdpt_image: .skip 4096
boot_pd:	.skip 4 * 4096

	.section .bss.stack, "aw", @nobits
	.balign 16384
boot_stack:	.skip 16384
boot_stack_end:
	.section .note.GNU-stack, "", @progbits

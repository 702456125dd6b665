/*
 * The first instructions of a Dom0 kernel that tells when it was entered.
 *
 * Laid over the entry point of a copy of Debian's kernel, so that loading
 * costs what it costs for the real one. It reads the time stamp counter before
 * anything else, prints it in hexadecimal through the hypervisor's console,
 * and powers the machine off. Nothing but registers and the boot stack is
 * relied on; hypercalls go by `syscall` with the number in rax, which is what
 * the hypercall page of the interface holds.
 *
 *   on the stack:   rsp -> "@@ tsc 0123456789abcdef\n"  24 bytes
 */
	.text
	.globl	_start
_start:
	rdtsc
	shl	$32, %rdx
	or	%rax, %rdx		/* rdx: the counter */
	sub	$32, %rsp
	movabs	$0x20637374204040, %rax	/* "@@ tsc " and NUL */
	mov	%rax, (%rsp)
	mov	$16, %ecx
	lea	7(%rsp), %rdi
1:	rol	$4, %rdx		/* the highest digit first */
	mov	%edx, %eax
	and	$15, %eax
	add	$'0', %eax
	cmp	$'9', %eax
	jbe	2f
	add	$'a' - '0' - 10, %eax
2:	mov	%al, (%rdi)
	inc	%rdi
	dec	%ecx
	jnz	1b
	movb	$'\n', (%rdi)

	mov	$18, %eax		/* console_io */
	xor	%edi, %edi		/* CONSOLEIO_write */
	mov	$24, %esi
	mov	%rsp, %rdx
	syscall

	movl	$0, (%rsp)		/* SHUTDOWN_poweroff */
3:	mov	$29, %eax		/* sched_op */
	mov	$2, %edi		/* SCHEDOP_shutdown */
	mov	%rsp, %rsi
	syscall
	jmp	3b

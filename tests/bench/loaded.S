/*
 * The first instructions of a hypervisor that tells when it was entered.
 *
 * Laid over the entry point of a copy of it, as entry.S over a kernel's. A
 * multiboot loader enters in 32-bit protected mode and promises no stack, so
 * this needs none: it reads the time stamp counter, prints it in hexadecimal
 * on the first serial line, "@@ tsc 0123456789abcdef", and stops.
 */
	.code32
	.text
	.globl	_start
_start:
	rdtsc
	mov	%eax, %esi
	mov	%edx, %edi		/* edi:esi: the counter */
	mov	$0x3f8, %edx
	mov	$0x74204040, %eax	/* "@@ t" */
1:	out	%al, %dx
	shr	$8, %eax
	jnz	1b
	mov	$0x206373, %eax		/* "sc " */
2:	out	%al, %dx
	shr	$8, %eax
	jnz	2b
	mov	$16, %ecx
3:	mov	%edi, %eax		/* the highest digit first */
	shr	$28, %eax
	shld	$4, %esi, %edi
	shl	$4, %esi
	add	$'0', %eax
	cmp	$'9', %eax
	jbe	4f
	add	$'a' - '0' - 10, %eax
4:	out	%al, %dx
	dec	%ecx
	jnz	3b
	mov	$'\n', %eax
	out	%al, %dx
	cli
5:	hlt
	jmp	5b

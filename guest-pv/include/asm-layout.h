/*
 * Numbers that the assembly files and the linker script share with C: where
 * the kernel lies, how large a stack is, and the pseudo vectors that the
 * callbacks use beside the 32 exceptions of the processor.
 */
#ifndef GUEST_ASM_LAYOUT_H
#define GUEST_ASM_LAYOUT_H

#define VIRT_BASE	0xffffffff80000000
#define KERNEL_START	0xffffffff80100000
#define P2M_BASE	0x8000000000

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096

/* A stack is aligned to its size: its lowest bytes are the struct cpu. */
#define STACK_SIZE	32768

#define VECTOR_EVENT	256
#define VECTOR_SYSCALL	257
#define VECTOR_FAILSAFE	258
#define VECTOR_SYSCALL32 259
#define VECTOR_SYSENTER	260
#define VECTOR_INT80	128
#define VECTOR_INT81	129

#endif

/*
 * The core of the guest kernel: processors, console, memory, page tables,
 * traps, events and user mode. Each group names the file that implements it.
 *
 * Everything runs on the tables and the mapping that the domain builder
 * made: address VIRT_BASE + pfn * 4096 for every frame of the bootstrap
 * allocation, our own arena of pages included (it lies in .bss).
 */
#ifndef GUEST_KERNEL_H
#define GUEST_KERNEL_H

#include "asm-layout.h"
#include "hypercall.h"
#include "lib.h"

/* Registers at a trap, in the order in which kernel/entry.S pushes them. */
struct regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* The callee-saved registers: what context_save() keeps. */
struct context {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

/* What trap_catch() tells of the trap that ended the call. */
struct trap {
	struct regs regs;
	uint64_t cr2;
	uint16_t ds, es, fs, gs;	/* of VECTOR_FAILSAFE alone */
};

struct catcher {
	struct context context;
	struct trap *trap;
	struct catcher *outer;
};

#define MAX_CPUS 8

/* One per vCPU, at the bottom of its stack. Owned by that vCPU. */
struct cpu {
	unsigned int id;
	struct catcher *catcher;	/* innermost trap_catch() */
	struct catcher *user;		/* the user_run() in progress */
	uint16_t failsafe_sel[4];	/* ds, es, fs, gs: kernel/entry.S */
	unsigned long upcalls;		/* event callbacks taken */
};

static inline struct cpu *this_cpu(void)
{
	unsigned long sp;

	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	return (struct cpu *)(sp & ~(unsigned long)(STACK_SIZE - 1));
}

/* kernel/entry.S */
int context_save(struct context *c) __attribute__((returns_twice));
_Noreturn void context_restore(const struct context *c);
_Noreturn void iret_to(const struct regs *r);

/* kernel/main.c */
extern struct start_info *start_info;
extern struct shared_info *shared_info;
bool is_dom0(void);
/* Copies the value of NAME=value from the command line; false: not there. */
bool option_get(const char *name, char *buf, size_t size);
_Noreturn void guest_shutdown(unsigned int reason);
_Noreturn void panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* kernel/console.c: one call writes one piece; lines stay in one piece. */
void console_write(const char *text, size_t length);
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* kernel/memory.c */
void memory_init(void);
void *page_alloc(void);			/* zeroed; panics when none is left */
void page_free(void *page);
unsigned long pages_free(void);
/* A frame that nothing maps. Kept for good unless given back. */
unsigned long pfn_alloc(void);
void pfn_free(unsigned long pfn);
extern uint64_t *p2m;

static inline unsigned long virt_to_pfn(const void *va)
{
	return ((unsigned long)va - VIRT_BASE) >> PAGE_SHIFT;
}

static inline unsigned long virt_to_mfn(const void *va)
{
	return p2m[virt_to_pfn(va)];
}

static inline unsigned long mfn_to_pfn(unsigned long mfn)
{
	return ((const uint64_t *)HYPERVISOR_VIRT_START)[mfn];
}

static inline void *mfn_to_virt(unsigned long mfn)
{
	return (void *)(VIRT_BASE + (mfn_to_pfn(mfn) << PAGE_SHIFT));
}

static inline uint64_t virt_to_maddr(const void *va)
{
	return (virt_to_mfn(va) << PAGE_SHIFT) |
	       ((unsigned long)va & (PAGE_SIZE - 1));
}

/* kernel/pagetable.c */
#define PTE_P	0x001ul
#define PTE_RW	0x002ul
#define PTE_US	0x004ul
#define PTE_PWT	0x008ul
#define PTE_PCD	0x010ul
#define PTE_A	0x020ul
#define PTE_D	0x040ul
#define PTE_PS	0x080ul
#define PTE_G	0x100ul
#define PTE_NX	(1ul << 63)
#define PTE_MFN	0x000ffffffffff000ul

#define PTE_RWX	(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PTE_ROX	(PTE_P | PTE_US | PTE_A | PTE_D)

static inline uint64_t mfn_pte(unsigned long mfn, uint64_t flags)
{
	return ((uint64_t)mfn << PAGE_SHIFT) | flags;
}

static inline unsigned long pte_mfn(uint64_t pte)
{
	return (pte & PTE_MFN) >> PAGE_SHIFT;
}

static inline unsigned int pt_index(unsigned long va, int level)
{
	return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

uint64_t *kernel_l4(void);
/* The (read-only) entry of LEVEL for VA below ROOT; NULL: none there. */
uint64_t *pt_entry_in(uint64_t *root, unsigned long va, int level);
uint64_t *pt_entry(unsigned long va, int level);
uint64_t pt_read(unsigned long va);	/* the L1 entry, 0 when none */
/* One normal mmu_update of one entry, given by its (read-only) address. */
long pt_write(const uint64_t *entry, uint64_t value);
long pt_write_maddr(uint64_t ptr, uint64_t value);
/* Makes the tables for VA, then installs PTE. Panics when refused. */
void pt_map(unsigned long va, uint64_t pte);
void pt_map_in(uint64_t *root, unsigned long va, uint64_t pte);
/* Remaps an arena page read-only, or read-write, where it lies. */
long page_set_ro(const void *va);
long page_set_rw(const void *va);
long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2);
long page_pin(const void *va, unsigned int cmd);
long page_unpin(const void *va);

/* A part of the address space for tests: unmapped, no tables below its L4. */
#define TEST_VA		0x0000100000000000ul	/* L4 slot 32 */
#define USER_VA		0x0000000000400000ul	/* L4 slot 0 */
#define UNMAPPED_VA	0x0000700000000000ul	/* nothing ever */
#define NONCANONICAL	0x0000800000000000ul
#define XEN_RO_VA	0xffff800000000000ul	/* M2P, readable */
#define XEN_VA		0xffff830000000000ul	/* inside the hypervisor */

/* kernel/trap.c */
void trap_init(void);
/* Loads our trap table again, for tests that replaced it. */
void trap_table_load(void);
/*
 * Calls fn(arg). Returns the vector of the trap that ended it, or -1 when it
 * returned by itself. TRAP (may be NULL) is filled in only for a trap.
 */
int trap_catch(void (*fn)(void *), void *arg, struct trap *trap);
/* True when the handler dealt with it: execution goes on as in REGS. */
typedef bool trap_hook(struct regs *regs);
extern trap_hook *trap_hooks[];
void trap_dispatch(struct regs *regs);
/* Reads eight bytes; returns a vector when that traps, -1 when not. */
int try_read(unsigned long va, uint64_t *value);
int try_write(unsigned long va, uint64_t value);

/* kernel/event.c */
void event_init(void);
struct vcpu_info *vcpu_info(void);	/* of this vCPU */
extern struct vcpu_info *vcpu_infos[MAX_CPUS];
typedef void event_handler(unsigned int port);
/* Handler for a port, NULL for none (the event is then only cleared). */
void event_set_handler(unsigned int port, event_handler *fn);
void event_dispatch(void);
void event_mask_port(unsigned int port);
/* Whoever masks a port unmasks it: its next owner finds it as it is left. */
void event_unmask_port(unsigned int port);
bool event_pending(unsigned int port);
void event_clear(unsigned int port);
bool events_disable(void);		/* returns whether they were enabled */
void events_enable(void);		/* and takes what is pending */
uint64_t time_ns(void);			/* system time of this vCPU */
void delay_ns(uint64_t ns);

/* kernel/smp.c */
/* Starts vCPU ID at fn(arg) on its own stack. 0 or the hypercall's error. */
long cpu_start(unsigned int id, void (*fn)(void *), void *arg);
/* Prepares the context that cpu_start() passes to VCPUOP_initialise. */
void cpu_context(struct vcpu_guest_context *c, unsigned int id,
		 void (*fn)(void *), void *arg);
unsigned int cpus_possible(void);
_Noreturn void cpu_stop_self(void);

/* kernel/frontend.c: before anything of frontend-drivers/, once. */
void frontend_init(void);

/* kernel/user.c */
void user_init(void);
uint64_t *user_l4(void);
/* A fresh page at VA in user space; returns the kernel's address of it. */
void *user_map_page(unsigned long va);
/*
 * Runs user mode from REGS (rip, rsp, general registers, rflags) until it
 * traps or makes a system call, which is then told in TRAP. Events are taken
 * meanwhile.
 */
void user_run(const struct regs *regs, struct trap *trap);

#endif

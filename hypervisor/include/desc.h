/*
 * Descriptor tables of a CPU and its task state (cpu/desc.c), with the I/O
 * ports that Dom0 may touch (cpu/ports.c); other domains have none.
 */
#ifndef PV_DESC_H
#define PV_DESC_H

#include "types.h"
#include "layout.h"

struct cpu;
struct domain;

struct tss {
	uint32_t reserved0;
	uint64_t rsp0, rsp1, rsp2;
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap;         /* offset of the I/O bitmap, or IOMAP_NONE */
	uint8_t bitmap[8192 + 8]; /* ports that the running guest may touch */
} __attribute__((packed));

#define IOMAP_BITMAP offsetof(struct tss, bitmap)
#define IOMAP_NONE 0xffff

/* Virtual address of page @page of a CPU's descriptor window @window. */
static inline uint64_t desc_page(unsigned int cpu, unsigned int window,
				 unsigned int page)
{
	return DESC_BASE + PAGE_SIZE * (page + DESC_PAGES *
					(window + DESC_WINDOWS * (uint64_t)cpu));
}

/* The CPU's own: makes and loads GDT, IDT, TSS, trap stacks, syscall MSRs. */
void desc_init_cpu(struct cpu *c);
/* Where traps and system calls of the guest on this CPU put their frame. */
void desc_set_stack(struct cpu *c, void *frame_end);
/* This CPU's descriptors are those in window @window from here on. */
void desc_select(struct cpu *c, unsigned int window);
/* Shows a frame in the selected window; flushes that page. */
void desc_map(struct cpu *c, unsigned int page, mfn_t mfn);
void desc_load_ldt(struct cpu *c, unsigned int entries);

/*
 * An access of @size bytes (1, 2, 4) by the guest kernel, or by a program that
 * the guest lets: denied ports read as all ones and ignore writes, others are
 * emulated or passed on. @port + @size <= 65536.
 */
uint32_t port_read(struct domain *d, unsigned int port, unsigned int size);
void port_write(struct domain *d, unsigned int port, unsigned int size,
		uint32_t v);
void ports_deny(uint16_t first, uint16_t last); /* a driver's own */
/* For a TSS: zeroes where Dom0's kernel needs no trap. After ports_deny(). */
void ports_fill_bitmap(uint8_t *bitmap);

#endif

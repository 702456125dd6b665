/* Reading an ELF kernel and its "Xen" notes (domain/elf.c). */
#ifndef PV_ELF_H
#define PV_ELF_H

#include "types.h"

struct elf_kernel {
	const uint8_t *file;
	uint64_t size;

	/* Addresses that the notes give, and whether they were there. */
	uint64_t entry, virt_base, paddr_offset, init_p2m, hypercall_page;
	bool has_init_p2m, has_hypercall_page;
	bool mod_start_pfn; /* takes its initrd unmapped, by pfn */

	/* Pseudo-physical range that the segments fill, bytes: [low, high). */
	uint64_t low, high;
};

/*
 * Reads headers and notes of the file at @file. NULL, or the reason why it
 * cannot be started as a PV kernel, as a constant sentence.
 */
must_check const char *elf_parse(struct elf_kernel *k, const void *file,
				 uint64_t size);

/*
 * Hands every piece of the loaded image to @put: @len bytes from @src (NULL:
 * zeroes) at pseudo-physical address @pa.
 */
void elf_load(const struct elf_kernel *k,
	      void (*put)(void *arg, uint64_t pa, const void *src,
			  uint64_t len), void *arg);

#endif

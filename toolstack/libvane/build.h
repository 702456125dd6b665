/*
 * Building a PV domain: from files to a domain that could run.
 *
 * build_prepare() reads and checks everything that can be known beforehand
 * and changes nothing. build_memory() fills a domain that exists; when it
 * fails the domain is to be destroyed, it leaves nothing else behind.
 */
#ifndef TOOLSTACK_LIBVANE_BUILD_H
#define TOOLSTACK_LIBVANE_BUILD_H

#include "toolstack/libvane/internal.h"
#include "toolstack/libvane/layout.h"

struct kernel_file {
	const char *path;		/* as it is told */
	int fd;				/* the ELF file; -1: nothing open */
	const uint8_t *elf;		/* mapping of it */
	size_t elf_len;
	bool has_holes;			/* the file, maybe */
	struct image image;
};

/*
 * Opens the configuration's kernel, unwraps it if need be, and parses. Tells
 * why it fails.
 */
int kernel_open(struct vane *v, const struct vane_config *c,
		struct kernel_file *k);
void kernel_close(struct kernel_file *k);

struct build {
	const struct vane_config *config;
	struct kernel_file kernel;
	int ramdisk;			/* -1: none */
	uint64_t ramdisk_size;
	struct layout layout;
	uint64_t *p2m;			/* machine frame of each guest frame */
	uint32_t domid;
	int store_port, console_port;	/* in the guest */
};

int build_prepare(struct vane *v, const struct vane_config *config,
		  struct build *b);

/* Limits, ports and memory of b->domid, filled and ready to run. */
int build_domain(struct vane *v, struct build *b);

void build_free(struct build *b);

/* --- its steps, one file each -------------------------------------------- */

/* limits.c: vCPUs, sizes, scheduling, ports. */
int build_limits(struct vane *v, struct build *b);

/* build_memory.c: claims and populates, filling b->p2m. */
int build_populate(struct vane *v, struct build *b);

/* build_load.c: kernel, ramdisk, page tables, P2M list, start_info. */
int build_load(struct vane *v, struct build *b, uint64_t shared_info_mfn);

/* build_vcpu.c: pins the tables, first vCPU, shared_info, grants. */
int build_start(struct vane *v, struct build *b, uint64_t shared_info_mfn);

#endif

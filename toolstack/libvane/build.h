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

	/*
	 * A bzImage that is unpacked to the domain's frames, or -1. Of it the
	 * file has the headers alone, and so has the image, until
	 * build_unpack(). place: of place_pages().
	 */
	int packed;
	uint32_t *place;
};

/* No kernel. */
void kernel_init(struct kernel_file *k);

/*
 * Opens the configuration's kernel, unwraps it if need be, and parses. Tells
 * why it fails.
 */
int kernel_open(struct vane *v, const struct vane_config *c,
		struct kernel_file *k);
void kernel_close(struct kernel_file *k);

/* Looks at all of k->elf. Tells why it is no kernel. */
int kernel_parse(struct vane *v, struct kernel_file *k);

/*
 * Runs vane-unwrap for the image @from, with @to as its output and @more as
 * its descriptor 3 (0: none). Tells why it fails.
 */
int kernel_helper(struct vane *v, const struct kernel_file *k,
		  const char *const *argv, int from, int to, int more);

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

/* Where things lie, once the kernel is known. Tells why that cannot be. */
int build_layout(struct vane *v, struct build *b);

/*
 * Limits, ports and memory of b->domid, filled and ready to run. -ESTALE: by
 * what was unpacked, its kernel is to be opened anew, and then can be built.
 */
int build_domain(struct vane *v, struct build *b);

void build_free(struct build *b);

/* --- its steps, one file each -------------------------------------------- */

/* limits.c: vCPUs, sizes, scheduling, ports. */
int build_limits(struct vane *v, struct build *b);

/* build_memory.c: claims and populates, filling b->p2m. */
int build_populate(struct vane *v, struct build *b);

/*
 * build_unpack.c: a packed kernel to its place, and then what could not be done
 * before: parses it, and lays out.
 */
int build_unpack(struct vane *v, struct build *b);

/* build_load.c: kernel, ramdisk, page tables, P2M list, start_info. */
int build_load(struct vane *v, struct build *b, uint64_t shared_info_mfn);

/* build_vcpu.c: pins the tables, first vCPU, shared_info, grants. */
int build_start(struct vane *v, struct build *b, uint64_t shared_info_mfn);

#endif

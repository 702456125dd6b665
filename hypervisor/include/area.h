/*
 * A small piece of guest memory that the guest named by virtual address once
 * and that the hypervisor writes again and again, from any context (runstate,
 * time). The address is translated when it is registered; the frames stay
 * referenced as writable until the area is freed, so that nothing can fail
 * later.
 */
#ifndef PV_AREA_H
#define PV_AREA_H

#include "types.h"

struct vcpu;
struct frame;

struct guest_area {
	struct frame *frame[2]; /* the second: NULL, or the rest lies there */
	uint32_t offset, len;   /* offset: in the first page */
};

/*
 * [va, va + len) in the kernel page tables of v; len at most a page. 0,
 * -EFAULT (not mapped writable, or not guest memory), -ENOMEM, or as
 * frame_get_as(). The caller owns *out. Passes preemption points.
 */
must_check int area_create(struct vcpu *v, uint64_t va, size_t len,
			   struct guest_area **out);
void area_free(struct guest_area *a); /* NULL is fine */
/* The caller sees to it that one CPU writes at a time. */
void area_write(struct guest_area *a, size_t at, const void *src, size_t len);

#endif

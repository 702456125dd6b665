/*
 * See grants.h.
 */
#include "backend-drivers/base/grants.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include <xen/grant_table.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/ring/ring.h"

static int gntdev = -1;

int grants_init(void)
{
	gntdev = gntdev_open();
	return gntdev < 0 ? gntdev : 0;
}

int grant_map(struct grant_map *m, uint32_t domid, const uint32_t *refs,
	      unsigned int count)
{
	void *addr = gntdev_map(gntdev, domid, refs, count,
				PROT_READ | PROT_WRITE, &m->index);

	if (!addr)
		return -errno;
	m->addr = addr;
	m->count = count;
	return 0;
}

void grant_unmap(struct grant_map *m)
{
	int rc;

	if (!m->addr)
		return;
	rc = gntdev_unmap(gntdev, m->addr, m->count, m->index);
	if (rc)
		log_line("gntdev", "unmap failed: error %d", -rc);
	m->addr = NULL;
}

static struct ioctl_gntdev_grant_copy_segment *next(struct grant_copies *c,
						    uint16_t offset,
						    uint16_t len, bool *failed)
{
	struct ioctl_gntdev_grant_copy_segment *s;

	assert(offset + len <= (int)RING_PAGE);
	if (c->count == GRANT_COPIES)
		grant_copies_run(c);
	s = &c->seg[c->count];
	c->failed[c->count++] = failed;
	s->len = len;
	/* Not done yet: holds if the kernel gives up before this one. */
	s->status = GNTST_general_error;
	return s;
}

void grant_copy_from(struct grant_copies *c, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len, bool *failed)
{
	struct ioctl_gntdev_grant_copy_segment *s;

	s = next(c, offset, len, failed);
	s->source.foreign.ref = ref;
	s->source.foreign.offset = offset;
	s->source.foreign.domid = (uint16_t)domid;
	s->dest.virt = to;
	s->flags = GNTCOPY_source_gref;
}

void grant_copy_to(struct grant_copies *c, uint32_t domid, uint32_t ref,
		   uint16_t offset, const void *from, uint16_t len,
		   bool *failed)
{
	struct ioctl_gntdev_grant_copy_segment *s;

	s = next(c, offset, len, failed);
	s->source.virt = (void *)(uintptr_t)from;
	s->dest.foreign.ref = ref;
	s->dest.foreign.offset = offset;
	s->dest.foreign.domid = (uint16_t)domid;
	s->flags = GNTCOPY_dest_gref;
}

void grant_copies_run(struct grant_copies *c)
{
	int rc;

	if (!c->count)
		return;
	rc = gntdev_copy(gntdev, c->seg, c->count);
	if (rc)
		log_line("gntdev", "copy of %u pieces failed: error %d",
			 c->count, -rc);
	for (unsigned int i = 0; i < c->count; i++)
		if (c->seg[i].status != GNTST_okay)
			*c->failed[i] = true;
	c->count = 0;
}

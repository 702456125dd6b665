/*
 * The hypervisor's trace: a ring for each CPU that it writes and we read, in the
 * form of <xen/trace.h>. XEN_SYSCTL_tbuf_op makes them, once for the life of the
 * hypervisor, and says where the page is that lists their frames.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "toolstack/sys/privcmd.h"
#include <xen/trace.h>

#define DEFAULT_PAGES	8u
#define MAX_RINGS	64u		/* what a page of t_info can list */

struct ring {
	struct t_buf *buf;		/* NULL: no such CPU */
	uint32_t size;			/* bytes of records */
	struct vane_trace_record next;
	bool filled;			/* next is one that is not yet told */
};

struct vane_trace {
	struct vane *v;
	unsigned int khz, pages, nr_rings;
	uint64_t first;			/* the first record's time */
	struct ring rings[MAX_RINGS];
};

static int tbuf_op(struct vane *v, unsigned int cmd, struct xen_sysctl *op)
{
	op->cmd = XEN_SYSCTL_tbuf_op;
	op->u.tbuf_op.cmd = cmd;
	return hv_sysctl(v, op);
}

/* --- a ring ---------------------------------------------------------------- */

static uint32_t waiting(const struct ring *r)
{
	uint32_t prod = __atomic_load_n(&r->buf->prod, __ATOMIC_ACQUIRE);

	return (prod + 2 * r->size - r->buf->cons) % (2 * r->size);
}

static uint32_t word_at(const struct ring *r, uint32_t offset)
{
	const uint32_t *words = (const uint32_t *)(r->buf + 1);

	return words[(r->buf->cons + offset) % r->size / sizeof(*words)];
}

/* Reads the next record, if there is a whole one. */
static bool fill(struct vane_trace *t, unsigned int cpu)
{
	struct ring *r = &t->rings[cpu];
	struct vane_trace_record *rec = &r->next;
	uint32_t head, bytes, at = 4;
	uint64_t tsc = 0;

	if (r->filled)
		return true;
	if (!r->buf || waiting(r) < 4)
		return false;
	head = word_at(r, 0);
	bytes = 4 + (head >> 31) * 8 + (head >> 28 & 7) * 4;
	if (waiting(r) < bytes)
		return false;
	memset(rec, 0, sizeof(*rec));
	if (head >> 31) {
		tsc = word_at(r, 4) | (uint64_t)word_at(r, 8) << 32;
		at = 12;
	}
	rec->cpu = cpu;
	rec->event = head & 0xfffffff;
	rec->nr_words = head >> 28 & 7;
	for (unsigned int i = 0; i < rec->nr_words; i++)
		rec->words[i] = word_at(r, at + 4 * i);
	if (!t->first)
		t->first = tsc;
	rec->us = (double)(int64_t)(tsc - t->first) * 1000 / t->khz;
	__atomic_store_n(&r->buf->cons, (r->buf->cons + bytes) % (2 * r->size),
			 __ATOMIC_RELEASE);
	r->filled = true;
	return true;
}

bool vane_trace_next(struct vane_trace *t, struct vane_trace_record *record)
{
	struct ring *best = NULL;

	for (unsigned int cpu = 0; cpu < t->nr_rings; cpu++)
		if (fill(t, cpu) &&
		    (!best || t->rings[cpu].next.us < best->next.us))
			best = &t->rings[cpu];
	if (!best)
		return false;
	*record = best->next;
	best->filled = false;
	return true;
}

/* --- from the first to the last ---------------------------------------------- */

static int map_ring(struct vane_trace *t, const struct t_info *info,
		    unsigned int cpu)
{
	const uint32_t *frames = (const uint32_t *)info + info->mfn_offset[cpu];
	uint64_t mfns[64];

	for (unsigned int i = 0; i < t->pages; i++)
		mfns[i] = frames[i];
	t->rings[cpu].size = t->pages * PAGE_SIZE - sizeof(struct t_buf);
	t->rings[cpu].buf = privcmd_map_foreign(t->v->privcmd, DOMID_XEN,
						PROT_READ | PROT_WRITE, mfns,
						t->pages, NULL);
	return t->rings[cpu].buf ? 0 : -errno;
}

static int map_rings(struct vane_trace *t, uint64_t mfn)
{
	struct t_info *info = privcmd_map_foreign(t->v->privcmd, DOMID_XEN,
						  PROT_READ, &mfn, 1, NULL);
	int rc = 0;

	if (!info)
		return -errno;
	t->pages = info->tbuf_size;
	if (t->pages == 0 || t->pages > 64)
		rc = -EOPNOTSUPP;
	for (unsigned int cpu = 0; !rc && cpu < t->nr_rings; cpu++)
		if (info->mfn_offset[cpu])
			rc = map_ring(t, info, cpu);
	privcmd_unmap(info, 1);
	return rc;
}

/* What was traced before is not ours. */
static void skip_old(struct vane_trace *t)
{
	for (unsigned int cpu = 0; cpu < t->nr_rings; cpu++)
		if (t->rings[cpu].buf)
			t->rings[cpu].buf->cons = t->rings[cpu].buf->prod;
}

static int start(struct vane_trace *t, uint32_t events)
{
	struct xen_sysctl op = { 0 };
	int rc = tbuf_op(t->v, XEN_SYSCTL_TBUFOP_get_info, &op);

	if (rc >= 0 && !op.u.tbuf_op.buffer_mfn) {
		op.u.tbuf_op.size = DEFAULT_PAGES;
		rc = tbuf_op(t->v, XEN_SYSCTL_TBUFOP_set_size, &op);
		if (rc >= 0)
			rc = tbuf_op(t->v, XEN_SYSCTL_TBUFOP_get_info, &op);
	}
	if (rc >= 0)
		rc = map_rings(t, op.u.tbuf_op.buffer_mfn);
	if (rc < 0)
		return rc;
	skip_old(t);
	op.u.tbuf_op.evt_mask = events;
	rc = tbuf_op(t->v, XEN_SYSCTL_TBUFOP_set_evt_mask, &op);
	return rc < 0 ? rc : tbuf_op(t->v, XEN_SYSCTL_TBUFOP_enable, &op);
}

int vane_trace_open(struct vane *v, struct vane_trace **trace)
{
	struct vane_host host;
	struct vane_trace *t;
	int rc = vane_host_info(v, &host);

	if (rc)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return vane_no_memory(v, "the trace");
	t->v = v;
	t->khz = host.cpu_khz ? host.cpu_khz : 1;
	t->nr_rings = host.max_cpu_id < MAX_RINGS ? host.max_cpu_id + 1 :
		MAX_RINGS;
	rc = start(t, TRC_SCHED);
	if (rc < 0) {
		vane_trace_close(t);
		return vane_fail(v, rc, "the hypervisor's trace: %s",
				 strerror(-rc));
	}
	*trace = t;
	return 0;
}

void vane_trace_close(struct vane_trace *t)
{
	struct xen_sysctl op = { 0 };

	(void)tbuf_op(t->v, XEN_SYSCTL_TBUFOP_disable, &op);
	for (unsigned int cpu = 0; cpu < t->nr_rings; cpu++)
		privcmd_unmap(t->rings[cpu].buf, t->pages);
	free(t);
}

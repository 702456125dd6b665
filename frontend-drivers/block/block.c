/* See block.h. */
#include "frontend-drivers/block/block.h"

#include <xen/grant_table.h>
#include <xen/event_channel.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include "frontend-drivers/os.h"
#include "frontend-drivers/text.h"

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

#define PAGE_SECTORS (OS_PAGE / BLOCK_SECTOR)

/* --- connecting ----------------------------------------------------------- */

/* A number of queue @i; one queue alone tells in the folder above. */
static int tell_number(const struct block *b, uint32_t tx, unsigned int i,
		       const char *key, unsigned long value)
{
	char path[40];

	if (b->queues == 1)
		return device_tell(&b->device, tx, key, value);
	(void)text_format(path, sizeof(path), "queue-%u/%s",
			  (unsigned long)i, key);
	return device_tell(&b->device, tx, path, value);
}

static int tell_queue(const struct block *b, uint32_t tx, unsigned int i)
{
	const struct block_queue *q = &b->queue[i];
	char key[24];
	int rc = 0;

	if (!b->order)
		rc = tell_number(b, tx, i, "ring-ref", q->ref[0]);
	for (unsigned int page = 0; b->order && !rc && page < q->granted;
	     page++) {
		(void)text_format(key, sizeof(key), "ring-ref%u",
				  (unsigned long)page);
		rc = tell_number(b, tx, i, key, q->ref[page]);
	}
	return rc ? rc : tell_number(b, tx, i, "event-channel", q->port);
}

static int tell(void *arg, uint32_t tx)
{
	const struct block *b = arg;
	const struct device *d = &b->device;
	int rc = 0;

	if (b->order)
		rc = device_tell(d, tx, "ring-page-order", b->order);
	if (!rc && b->queues > 1)
		rc = device_tell(d, tx, "multi-queue-num-queues", b->queues);
	for (unsigned int i = 0; !rc && i < b->queues; i++)
		rc = tell_queue(b, tx, i);
	if (!rc)
		rc = device_tell_text(d, tx, "protocol",
				      XEN_IO_PROTO_ABI_NATIVE);
	if (!rc)
		rc = device_tell(d, tx, "feature-persistent", b->persistent);
	return rc ? rc : device_tell(d, tx, "state", XenbusStateInitialised);
}

/* A page that the other side may use, and its reference. */
static void *grant_page(const struct block *b, bool readonly, uint32_t *ref)
{
	void *page = os_page_alloc();
	int rc;

	if (!page)
		return NULL;
	rc = os_grant(b->device.backend, page, readonly);
	if (rc < 0) {
		os_page_free(page);
		return NULL;
	}
	*ref = (uint32_t)rc;
	return page;
}

static int revoke_page(void *page, uint32_t ref)
{
	int rc = os_grant_end(ref);

	if (!rc)
		os_page_free(page);
	return rc;
}

static int grant_ring(const struct block *b, struct block_queue *q)
{
	int rc;

	for (; q->granted < 1u << b->order; q->granted++) {
		rc = os_grant(b->device.backend, (char *)q->pages +
			      q->granted * OS_PAGE, false);
		if (rc < 0)
			return rc;
		q->ref[q->granted] = (uint32_t)rc;
	}
	return 0;
}

static int set_up_queue(const struct block *b, struct block_queue *q,
			void *pages)
{
	int rc;

	q->pages = pages;
	front_ring_init(&q->ring, pages, OS_PAGE << b->order,
			sizeof(struct blkif_request));
	rc = grant_ring(b, q);
	if (rc)
		return rc;
	rc = os_event_open(b->device.backend);
	if (rc < 0)
		return rc;
	q->port = (uint32_t)rc;
	return 0;
}

static int set_up(struct block *b, void *rings)
{
	size_t size = OS_PAGE << b->order;
	int rc = 0;

	b->own_ring = !rings;
	if (b->own_ring)
		rings = os_page_alloc();
	if (!rings)
		return -XEN_ENOMEM;
	if (!b->own_ring)
		memset(rings, 0, size * b->queues);
	for (unsigned int i = 0; !rc && i < b->queues; i++)
		rc = set_up_queue(b, &b->queue[i], (char *)rings + i * size);
	return rc;
}

/* What the other side has of what we wish; both say how it is done then. */
static void settle(struct block *b, const struct block_wishes *w)
{
	const struct device *d = &b->device;
	unsigned long most_order = device_number(d, "max-ring-page-order", 0);
	unsigned long most_queues = device_number(d, "multi-queue-max-queues",
						  1);

	b->order = w->rings ? w->order : 0;
	b->queues = w->rings && w->queues ? w->queues : 1;
	if (b->order > most_order)
		b->order = (unsigned int)most_order;
	if (b->queues > most_queues)
		b->queues = most_queues ? (unsigned int)most_queues : 1;
	b->persistent = w->persistent;
}

static int describe(struct block *b, bool indirect)
{
	const struct device *d = &b->device;
	unsigned long info = device_number(d, "info", 0);

	b->sectors = device_number(d, "sectors", 0);
	b->sector_size = (uint32_t)device_number(d, "sector-size",
						 BLOCK_SECTOR);
	b->read_only = info & VDISK_READONLY;
	b->can_flush = device_number(d, "feature-flush-cache", 0);
	b->can_discard = device_number(d, "feature-discard", 0);
	b->can_barrier = device_number(d, "feature-barrier", 0);
	b->most = BLKIF_MAX_SEGMENTS_PER_REQUEST * PAGE_SECTORS;
	if (indirect && device_number(d, "feature-max-indirect-segments",
				      0) >= BLOCK_PAGES)
		b->most = BLOCK_SECTORS;
	b->persistent = b->persistent &&
			device_number(d, "feature-persistent", 0);
	return b->sectors && b->sector_size >= BLOCK_SECTOR &&
	       b->sector_size <= OS_PAGE &&
	       !(b->sector_size & (b->sector_size - 1)) ? 0 : -XEN_EILSEQ;
}

static int give_back_slot(struct block_slot *s)
{
	int rc = 0;

	for (unsigned int k = 0; k < BLOCK_PAGES; k++)
		if (s->own[k] && revoke_page(s->own[k], s->ref[k]))
			rc = -XEN_EBUSY;
	if (s->segments && revoke_page(s->segments, s->segments_ref))
		rc = -XEN_EBUSY;
	return rc;
}

/* What the rings and their ports were for is over. */
static int give_back(struct block *b)
{
	int rc = 0;

	for (unsigned int i = 0; i < b->queues; i++) {
		struct block_queue *q = &b->queue[i];

		for (unsigned int k = 0; k < BLOCK_SLOTS; k++)
			if (give_back_slot(&q->slot[k]))
				rc = -XEN_EBUSY;
		if (q->port)
			os_event_close(q->port);
		for (; q->granted; q->granted--)
			if (os_grant_end(q->ref[q->granted - 1]))
				rc = -XEN_EBUSY;
	}
	if (b->own_ring && b->queue[0].pages && !rc)
		os_page_free(b->queue[0].pages);
	return rc;
}

int block_open(struct block *b, unsigned long id,
	       const struct block_wishes *wishes, uint64_t until)
{
	int rc;

	if (wishes->order > BLOCK_MAX_ORDER || wishes->queues > BLOCK_QUEUES)
		return -XEN_EINVAL;
	memset(b, 0, sizeof(*b));
	b->handle = id;
	rc = device_find(&b->device, "vbd", id);
	if (rc)
		return rc;
	/* It may have been open before: begin anew. */
	rc = device_set_state(&b->device, XenbusStateInitialising);
	if (!rc)
		rc = device_await(&b->device, 1u << XenbusStateInitWait,
				  until);
	if (rc == XenbusStateInitWait) {
		settle(b, wishes);
		rc = set_up(b, wishes->rings);
		if (!rc)
			rc = device_publish(tell, b);
		if (!rc)
			rc = device_await(&b->device,
					  1u << XenbusStateConnected |
					  DEVICE_ENDED, until);
	} else if (rc >= 0) {
		rc = -XEN_ENODEV;
	}
	if (rc == XenbusStateConnected)
		rc = describe(b, wishes->indirect);
	else if (rc >= 0)
		rc = -XEN_ENODEV;
	if (!rc)
		rc = device_set_state(&b->device, XenbusStateConnected);
	if (rc) {
		(void)device_set_state(&b->device, XenbusStateClosed);
		(void)give_back(b);
		device_forget(&b->device);
	}
	return rc;
}

int block_close(struct block *b, uint64_t until)
{
	int rc;

	while (b->under_way && os_now() < until) {
		uint32_t seen = os_events();

		if (block_poll(b) < 0)
			break;
		if (b->under_way)
			os_wait(seen, until);
	}
	rc = device_close(&b->device, until);
	if (!rc)
		rc = give_back(b);
	device_forget(&b->device);
	return rc;
}

/* --- requests ------------------------------------------------------------- */

static unsigned int free_slot(const struct block_queue *q)
{
	unsigned int i = 0;

	while (i < q->ring.size && q->slot[i].request)
		i++;
	return i;
}

static bool has_data(const struct block_request *r)
{
	return r->op == BLOCK_READ || r->op == BLOCK_WRITE ||
	       r->op == BLOCK_BARRIER;
}

static int check(const struct block *b, const struct block_request *r)
{
	uint32_t unit = b->sector_size / BLOCK_SECTOR;

	if (r->queue >= b->queues)
		return -XEN_EINVAL;
	if (r->op != BLOCK_READ && b->read_only)
		return -XEN_EROFS;
	if (r->op == BLOCK_BARRIER && !b->can_barrier)
		return -XEN_EOPNOTSUPP;
	if (r->op == BLOCK_FLUSH)
		return b->can_flush ? 0 : -XEN_EOPNOTSUPP;
	if (r->op == BLOCK_DISCARD && !b->can_discard)
		return -XEN_EOPNOTSUPP;
	if (!r->sectors || r->sectors > b->sectors ||
	    r->sector > b->sectors - r->sectors ||
	    r->sector % unit || r->sectors % unit)
		return -XEN_EINVAL;
	if (has_data(r) && (r->sectors > b->most ||
			    (uintptr_t)r->data % OS_PAGE))
		return -XEN_EINVAL;
	return 0;
}

static void copy(const struct block_slot *s, bool out)
{
	const struct block_request *r = s->request;
	uint32_t left = r->sectors * BLOCK_SECTOR;
	char *data = r->data;

	for (unsigned int i = 0; left; i++) {
		uint32_t n = left < OS_PAGE ? left : OS_PAGE;

		if (out)
			memcpy(s->own[i], data, n);
		else
			memcpy(data, s->own[i], n);
		data += n;
		left -= n;
	}
}

/* Ends the grants of a request's pages, all of them. */
static int end_grants(const struct block *b, struct block_slot *s)
{
	int rc = 0;

	for (; s->pages && !b->persistent; s->pages--)
		if (os_grant_end(s->ref[s->pages - 1]))
			rc = -XEN_EILSEQ; /* it answered, and still maps */
	return rc;
}

/* Pages for the data: the caller's own, or our copies. */
static int grant_data(const struct block *b, struct block_slot *s)
{
	const struct block_request *r = s->request;
	unsigned int n = (r->sectors + PAGE_SECTORS - 1) / PAGE_SECTORS;
	int rc = 0;

	for (s->pages = 0; s->pages < n; s->pages++) {
		unsigned int i = s->pages;

		if (!b->persistent)
			rc = os_grant(b->device.backend,
				      (char *)r->data + i * OS_PAGE,
				      r->op != BLOCK_READ);
		else if (!s->own[i])
			s->own[i] = grant_page(b, false, &s->ref[i]);
		if (rc < 0 || (b->persistent && !s->own[i])) {
			(void)end_grants(b, s);
			return -XEN_ENOMEM;
		}
		if (!b->persistent)
			s->ref[i] = (uint32_t)rc;
	}
	if (b->persistent && r->op != BLOCK_READ)
		copy(s, true);
	return 0;
}

static uint8_t data_op(const struct block_request *r)
{
	return r->op == BLOCK_READ ? BLKIF_OP_READ :
	       r->op == BLOCK_WRITE ? BLKIF_OP_WRITE : BLKIF_OP_WRITE_BARRIER;
}

static void fill_segments(const struct block_slot *s,
			  struct blkif_request_segment *seg)
{
	uint32_t left = s->request->sectors;

	for (unsigned int i = 0; i < s->pages; i++) {
		uint32_t n = left < PAGE_SECTORS ? left : PAGE_SECTORS;

		seg[i] = (struct blkif_request_segment){
			.gref = s->ref[i], .last_sect = (uint8_t)(n - 1),
		};
		left -= n;
	}
}

static void fill_data(const struct block *b, const struct block_slot *s,
		      struct blkif_request *q)
{
	const struct block_request *r = s->request;

	q->operation = data_op(r);
	q->handle = (blkif_vdev_t)b->handle;
	q->sector_number = r->sector;
	q->nr_segments = (uint8_t)s->pages;
	fill_segments(s, q->seg);
}

/* More segments than a slot has room for stand in a page of their own. */
static void fill_indirect(const struct block *b, const struct block_slot *s,
			  struct blkif_request *slot)
{
	struct blkif_request_indirect *q = (void *)slot;
	const struct block_request *r = s->request;

	fill_segments(s, s->segments);
	q->operation = BLKIF_OP_INDIRECT;
	q->indirect_op = data_op(r);
	q->nr_segments = (uint16_t)s->pages;
	q->handle = (blkif_vdev_t)b->handle;
	q->sector_number = r->sector;
	q->indirect_grefs[0] = s->segments_ref;
}

static void fill_other(const struct block *b, const struct block_request *r,
		       struct blkif_request *q)
{
	struct blkif_request_discard *discard = (void *)q;

	q->operation = r->op == BLOCK_FLUSH ? BLKIF_OP_FLUSH_DISKCACHE :
		       BLKIF_OP_DISCARD;
	q->handle = (blkif_vdev_t)b->handle;
	if (r->op == BLOCK_DISCARD) {
		discard->sector_number = r->sector;
		discard->nr_sectors = r->sectors;
	}
}

/* Grants the data, and a page for its segments if they need one. */
static int prepare_data(const struct block *b, struct block_slot *s,
			struct blkif_request *q)
{
	int rc = grant_data(b, s);
	bool indirect = s->pages > BLKIF_MAX_SEGMENTS_PER_REQUEST;

	if (!rc && indirect && !s->segments) {
		/* Whoever keeps grants maps all of them writable. */
		s->segments = grant_page(b, !b->persistent, &s->segments_ref);
		if (!s->segments) {
			(void)end_grants(b, s);
			rc = -XEN_ENOMEM;
		}
	}
	if (rc)
		return rc;
	if (indirect)
		fill_indirect(b, s, q);
	else
		fill_data(b, s, q);
	return 0;
}

int block_start(struct block *b, struct block_request *r)
{
	int rc = check(b, r);
	struct block_queue *queue;
	struct block_slot *s;
	struct blkif_request q = { 0 };

	if (rc)
		return rc;
	queue = &b->queue[r->queue];
	q.id = free_slot(queue);
	if (queue->ring.broken)
		return -XEN_EILSEQ;
	if (q.id == queue->ring.size || !front_ring_free(&queue->ring))
		return -XEN_EAGAIN;
	s = &queue->slot[q.id];
	s->request = r;
	if (has_data(r))
		rc = prepare_data(b, s, &q);
	else
		fill_other(b, r, &q);
	if (rc) {
		s->request = NULL;
		return rc;
	}
	r->done = false;
	front_ring_put(&queue->ring, &q, sizeof(q));
	b->under_way++;
	if (front_ring_push(&queue->ring))
		os_event_send(queue->port);
	return 0;
}

static int finish(struct block *b, struct block_queue *q,
		  const struct blkif_response *rsp)
{
	struct block_slot *s = &q->slot[rsp->id % BLOCK_SLOTS];
	struct block_request *r = s->request;
	int rc;

	if (rsp->id >= BLOCK_SLOTS || !r) {
		q->ring.broken = true;
		return -XEN_EILSEQ;
	}
	r->result = rsp->status == BLKIF_RSP_OKAY ? 0 :
		    rsp->status == BLKIF_RSP_EOPNOTSUPP ? -XEN_EOPNOTSUPP :
		    -XEN_EIO;
	if (b->persistent && r->op == BLOCK_READ && !r->result)
		copy(s, false);
	rc = end_grants(b, s);
	if (rc)
		r->result = rc;
	r->done = true;
	s->request = NULL;
	b->under_way--;
	return rc;
}

static int poll_queue(struct block *b, struct block_queue *q)
{
	struct blkif_response rsp;
	int n = 0, rc;

	while ((rc = front_ring_take(&q->ring, &rsp, sizeof(rsp))) > 0) {
		rc = finish(b, q, &rsp);
		if (rc)
			break;
		n++;
	}
	return rc < 0 ? rc : n;
}

int block_poll(struct block *b)
{
	int all = 0;

	for (unsigned int i = 0; i < b->queues; i++) {
		int n = poll_queue(b, &b->queue[i]);

		if (n < 0)
			return n;
		all += n;
	}
	return all;
}

/* Sleeps, unless nobody is there any more who would answer. */
static int rest(struct block *b, uint32_t seen)
{
	uint32_t changes;

	os_wait(seen, OS_NEVER);
	changes = store_changes();
	if (changes == b->changes)
		return 0;
	b->changes = changes;
	return device_state(&b->device) == XenbusStateClosed ? -XEN_ENODEV : 0;
}

int block_do(struct block *b, struct block_request *r)
{
	uint32_t seen;
	int rc;

	for (;;) {
		seen = os_events();
		rc = block_start(b, r);
		if (rc != -XEN_EAGAIN)
			break;
		rc = block_poll(b);
		if (!rc)
			rc = rest(b, seen);
		if (rc < 0)
			return rc;
	}
	while (!rc && !r->done) {
		seen = os_events();
		rc = block_poll(b);
		if (rc >= 0)
			rc = r->done ? 0 : rest(b, seen);
	}
	return rc ? rc : r->result;
}

/* See block.h. */
#include "frontend-drivers/block/block.h"

#include <xen/grant_table.h>
#include <xen/event_channel.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include "frontend-drivers/os.h"

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

#define PAGE_SECTORS (OS_PAGE / BLOCK_SECTOR)

/* --- connecting ----------------------------------------------------------- */

static int tell(void *arg, uint32_t tx)
{
	const struct block *b = arg;
	const struct device *d = &b->device;
	int rc;

	rc = device_tell(d, tx, "ring-ref", b->ring_ref);
	if (!rc)
		rc = device_tell(d, tx, "event-channel", b->port);
	if (!rc)
		rc = device_tell_text(d, tx, "protocol",
				      XEN_IO_PROTO_ABI_NATIVE);
	if (!rc)
		rc = device_tell(d, tx, "feature-persistent", b->persistent);
	return rc ? rc : device_tell(d, tx, "state", XenbusStateInitialised);
}

/* A page that the other side may use, and its reference. */
static void *grant_page(const struct block *b, uint32_t *ref)
{
	void *page = os_page_alloc();
	int rc;

	if (!page)
		return NULL;
	rc = os_grant(b->device.backend, page, false);
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

static int set_up(struct block *b)
{
	int rc;

	b->ring_page = grant_page(b, &b->ring_ref);
	if (!b->ring_page)
		return -XEN_ENOMEM;
	front_ring_init(&b->ring, b->ring_page, OS_PAGE,
			sizeof(struct blkif_request));
	rc = os_event_open(b->device.backend);
	if (rc < 0) {
		(void)revoke_page(b->ring_page, b->ring_ref);
		b->ring_page = NULL;
		return rc;
	}
	b->port = (uint32_t)rc;
	return 0;
}

static int describe(struct block *b)
{
	const struct device *d = &b->device;
	unsigned long info = device_number(d, "info", 0);

	b->sectors = device_number(d, "sectors", 0);
	b->sector_size = (uint32_t)device_number(d, "sector-size",
						 BLOCK_SECTOR);
	b->read_only = info & VDISK_READONLY;
	b->can_flush = device_number(d, "feature-flush-cache", 0);
	b->can_discard = device_number(d, "feature-discard", 0);
	b->persistent = b->persistent &&
			device_number(d, "feature-persistent", 0);
	return b->sectors && b->sector_size >= BLOCK_SECTOR &&
	       b->sector_size <= OS_PAGE &&
	       !(b->sector_size & (b->sector_size - 1)) ? 0 : -XEN_EILSEQ;
}

/* What the ring and its port were for is over. */
static int give_back(struct block *b)
{
	int rc = 0;

	for (unsigned int i = 0; i < BLOCK_SLOTS; i++)
		for (unsigned int k = 0; k < BLOCK_PAGES; k++)
			if (b->slot[i].own[k] &&
			    revoke_page(b->slot[i].own[k], b->slot[i].ref[k]))
				rc = -XEN_EBUSY;
	if (b->ring_page) {
		os_event_close(b->port);
		if (revoke_page(b->ring_page, b->ring_ref))
			rc = -XEN_EBUSY;
	}
	return rc;
}

int block_open(struct block *b, unsigned long id, bool persistent,
	       uint64_t until)
{
	int rc;

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
		b->persistent = persistent; /* a wish, so far */
		rc = set_up(b);
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
		rc = describe(b);
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

static unsigned int free_slot(const struct block *b)
{
	unsigned int i = 0;

	while (i < BLOCK_SLOTS && b->slot[i].request)
		i++;
	return i;
}

static bool has_data(const struct block_request *r)
{
	return r->op == BLOCK_READ || r->op == BLOCK_WRITE;
}

static int check(const struct block *b, const struct block_request *r)
{
	uint32_t unit = b->sector_size / BLOCK_SECTOR;

	if (r->op != BLOCK_READ && b->read_only)
		return -XEN_EROFS;
	if (r->op == BLOCK_FLUSH)
		return b->can_flush ? 0 : -XEN_EOPNOTSUPP;
	if (r->op == BLOCK_DISCARD && !b->can_discard)
		return -XEN_EOPNOTSUPP;
	if (!r->sectors || r->sectors > b->sectors ||
	    r->sector > b->sectors - r->sectors ||
	    r->sector % unit || r->sectors % unit)
		return -XEN_EINVAL;
	if (has_data(r) && (r->sectors > BLOCK_SECTORS ||
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
				      r->op == BLOCK_WRITE);
		else if (!s->own[i])
			s->own[i] = grant_page(b, &s->ref[i]);
		if (rc < 0 || (b->persistent && !s->own[i])) {
			(void)end_grants(b, s);
			return -XEN_ENOMEM;
		}
		if (!b->persistent)
			s->ref[i] = (uint32_t)rc;
	}
	if (b->persistent && r->op == BLOCK_WRITE)
		copy(s, true);
	return 0;
}

static void fill_data(const struct block *b, const struct block_slot *s,
		      struct blkif_request *q)
{
	const struct block_request *r = s->request;
	uint32_t left = r->sectors;

	q->operation = r->op == BLOCK_READ ? BLKIF_OP_READ : BLKIF_OP_WRITE;
	q->handle = (blkif_vdev_t)b->handle;
	q->sector_number = r->sector;
	q->nr_segments = (uint8_t)s->pages;
	for (unsigned int i = 0; i < s->pages; i++) {
		uint32_t n = left < PAGE_SECTORS ? left : PAGE_SECTORS;

		q->seg[i] = (struct blkif_request_segment){
			.gref = s->ref[i], .last_sect = (uint8_t)(n - 1),
		};
		left -= n;
	}
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

int block_start(struct block *b, struct block_request *r)
{
	unsigned int i = free_slot(b);
	struct blkif_request q = { .id = i };
	struct block_slot *s = &b->slot[i];
	int rc = check(b, r);

	if (!rc && b->ring.broken)
		rc = -XEN_EILSEQ;
	if (!rc && (i == BLOCK_SLOTS || !front_ring_free(&b->ring)))
		rc = -XEN_EAGAIN;
	if (rc)
		return rc;
	s->request = r;
	if (has_data(r)) {
		rc = grant_data(b, s);
		if (rc) {
			s->request = NULL;
			return rc;
		}
		fill_data(b, s, &q);
	} else {
		fill_other(b, r, &q);
	}
	r->done = false;
	front_ring_put(&b->ring, &q, sizeof(q));
	b->under_way++;
	if (front_ring_push(&b->ring))
		os_event_send(b->port);
	return 0;
}

static int finish(struct block *b, const struct blkif_response *rsp)
{
	struct block_slot *s = &b->slot[rsp->id % BLOCK_SLOTS];
	struct block_request *r = s->request;
	int rc;

	if (rsp->id >= BLOCK_SLOTS || !r) {
		b->ring.broken = true;
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

int block_poll(struct block *b)
{
	struct blkif_response rsp;
	int n = 0, rc;

	while ((rc = front_ring_take(&b->ring, &rsp, sizeof(rsp))) > 0) {
		rc = finish(b, &rsp);
		if (rc)
			break;
		n++;
	}
	return rc < 0 ? rc : n;
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

/*
 * See queue.h. Requests go through in batches, so that a batch costs one
 * grant-copy call, one io_uring call and one event, not one each:
 *
 *   run():         take -> indirect segments -> check -> data in -> target
 *   queue_done():  data out -> responses -> event
 *
 * Requests end in any order and are answered in the order of the ring: the
 * slots behind the last response then always hold just the requests that are
 * not answered yet. Should this process be killed, its successor takes the
 * ring up there and executes those requests, perhaps again, which does no
 * harm: the guest's pages stay as they are until the answer. Answers come into
 * the slots by way of a journal (ring.h), so that there is no moment in which
 * a request is overwritten and not answered.
 */
#include "backend-drivers/block/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/base/served.h"
#include "backend-drivers/block/persist.h"

/* A response that waits for its turn. */
struct reply {
	bool ready;
	struct blk_reply r;
};

struct queue {
	struct device *dev;
	struct target *target;
	const struct blk_abi *abi;
	struct grant_map map;
	struct port port;
	struct ring ring;
	struct reply *replies;		/* by place in the ring */
	struct persist *persist;	/* NULL: all data is copied by grant */
	struct loop_work work;
	struct io *parked;		/* taken, but there is no room yet */
	unsigned int in_flight;		/* of the target's, ours */
	bool barrier;			/* one is in flight, alone */
	bool touched;			/* has answers to give, see queue_done */
	bool stopped;			/* the ring cannot be right */
	bool closing;
	void (*idle)(void);
	uint64_t requests, refused;
};

/* Filled and emptied within one callback, so all queues share it. */
static struct grant_copies copies;

/* --- responses ----------------------------------------------------------- */

static struct reply *reply_at(struct queue *q, uint32_t index)
{
	return &q->replies[index & (q->ring.size - 1)];
}

/* Notes the response and forgets the request. */
static void answer(struct queue *q, struct io *io)
{
	if (io->status != BLKIF_RSP_OKAY)
		q->refused++;
	*reply_at(q, io->index) = (struct reply){
		.ready = true,
		.r = { io->req.id, io->req.op, (int16_t)io->status },
	};
	target_count(q->target, io);
	io_put(q->target, io);
}

/* Gives the guest all responses whose turn it is. */
static void tell(struct queue *q)
{
	uint8_t rsp[sizeof(struct blkif_response)];

	while (ring_unanswered(&q->ring)) {
		struct reply *reply = reply_at(q, q->ring.rsp_prod);

		if (!reply->ready)
			break;
		reply->ready = false;
		blk_encode(q->abi, &reply->r, rsp);
		ring_put(&q->ring, rsp, q->abi->response);
	}
	if (ring_push(&q->ring))
		port_notify(&q->port);
}

/* --- data between guest and buffer --------------------------------------- */

/* Pages that are granted for good are mapped before the first copy. */
static void map_persistent(struct queue *q, const struct io *io)
{
	if (q->persist)
		for (unsigned int i = 0; i < io->req.segments; i++)
			persist_want(q->persist, io->req.seg[i].gref);
}

static void copy_segment(struct queue *q, struct io *io, unsigned int i,
			 char *at, uint16_t len, bool to_guest)
{
	const struct blk_segment *s = &io->req.seg[i];
	uint16_t offset = s->first * BLK_SECTOR;
	char *page = q->persist ? persist_find(q->persist, s->gref) : NULL;

	if (page && to_guest)
		memcpy(page + offset, at, len);
	else if (page)
		memcpy(at, page + offset, len);
	else if (to_guest)
		grant_copy_to(&copies, q->dev->domid, s->gref, offset, at,
			      len, &io->copy_failed);
	else
		grant_copy_from(&copies, q->dev->domid, s->gref, offset, at,
				len, &io->copy_failed);
}

static void copy_data(struct queue *q, struct io *io, bool to_guest)
{
	char *at = io->buf;

	for (unsigned int i = 0; i < io->req.segments; i++) {
		const struct blk_segment *s = &io->req.seg[i];
		uint16_t len = (s->last - s->first + 1) * BLK_SECTOR;

		copy_segment(q, io, i, at, len, to_guest);
		at += len;
	}
}

/* Runs the copies of a batch; who had one fail is answered with an error. */
static void finish_copies(struct io **batch, unsigned int n)
{
	grant_copies_run(&copies);
	for (unsigned int i = 0; i < n; i++)
		if (batch[i]->copy_failed)
			batch[i]->status = BLKIF_RSP_ERROR;
}

/* --- from the ring ------------------------------------------------------- */

/* Makes @io from the next request. 1, 0: none, or -EPROTO. */
static int take(struct queue *q, struct io **taken)
{
	uint8_t slot[BLK_MAX_SLOT];
	struct io *io = io_get(q->target);
	int rc;

	if (!io)
		return 0;
	rc = ring_take(&q->ring, slot, q->abi->stride);
	if (rc != 1) {
		io_put(q->target, io);
		return rc;
	}
	q->requests++;
	io->queue = q;
	io->index = q->ring.req_cons - 1;
	blk_decode(q->abi, slot, &io->req);
	io->status = blk_check_head(&q->target->limits, &io->req);
	*taken = io;
	return 1;
}

/* True if @io may begin, while @others of this ring are under way. */
static bool admit(struct queue *q, struct io *io, unsigned int others)
{
	if (io->status != BLKIF_RSP_OKAY)
		return true;
	/* A barrier is alone: those before it are done, those after it wait. */
	if (io->req.op == BLKIF_OP_WRITE_BARRIER && others)
		return false;
	if (!io->req.segments || io_buffer(q->target, io))
		return true;
	if (others || q->target->in_flight)
		return false;	/* queue_done() or wake() will look again */
	io->status = BLKIF_RSP_ERROR;	/* nobody will free memory */
	return true;
}

/* Takes requests up to a batch. Returns what the last take() did. */
static int take_batch(struct queue *q, struct io **batch, unsigned int *n)
{
	*n = 0;
	if (q->barrier && q->in_flight)
		return 1;
	q->barrier = false;
	while (*n < TARGET_BATCH && !q->barrier && target_admits(q->target)) {
		struct io *io = q->parked;
		int rc = 1;

		if (!io)
			rc = take(q, &io);
		if (rc != 1)
			return rc;
		q->parked = NULL;
		if (!admit(q, io, q->in_flight + *n)) {
			q->parked = io;
			return 1;
		}
		batch[(*n)++] = io;
		q->barrier = io->req.op == BLKIF_OP_WRITE_BARRIER;
	}
	return 1;
}

static void fetch_indirect(struct queue *q, struct io **batch, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct io *io = batch[i];
		uint16_t len = io->req.segments * sizeof(io->req.seg[0]);

		/* BLK_MAX_SEGMENTS fit one page. */
		if (io->status == BLKIF_RSP_OKAY && io->req.indirect)
			grant_copy_from(&copies, q->dev->domid,
					io->req.gref[0], 0, io->req.seg, len,
					&io->copy_failed);
	}
	finish_copies(batch, n);
}

static void fetch_data(struct queue *q, struct io **batch, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct io *io = batch[i];

		if (io->status != BLKIF_RSP_OKAY || !io->req.segments)
			continue;
		io->status = blk_check_segments(&q->target->limits, &io->req,
						&io->bytes);
		if (io->status == BLKIF_RSP_OKAY)
			map_persistent(q, io);
	}
	if (q->persist)
		persist_map(q->persist);
	for (unsigned int i = 0; i < n; i++)
		if (batch[i]->status == BLKIF_RSP_OKAY &&
		    batch[i]->req.segments && io_is_write(batch[i]))
			copy_data(q, batch[i], false);
	finish_copies(batch, n);
}

static void start_batch(struct queue *q, struct io **batch, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		target_charge(q->target, batch[i]);
		if (batch[i]->status == BLKIF_RSP_OKAY &&
		    target_start(q->target, batch[i]))
			q->in_flight++;
		else
			answer(q, batch[i]);
	}
	target_submit(q->target);
	tell(q);
}

/* Ring empty: wait for an event, unless more has come meanwhile. */
static int rest(struct queue *q)
{
	int rc = ring_rest(&q->ring, 1);

	if (rc == 0)
		port_ready(&q->port);
	else if (rc == 1)
		loop_work_add(&q->work);
	return rc;
}

static void run(struct loop_work *w)
{
	struct queue *q = container_of(w, struct queue, work);
	struct io *batch[TARGET_BATCH];
	unsigned int n;
	int rc;

	if (q->closing || q->stopped)
		return;
	rc = take_batch(q, batch, &n);
	if (n) {
		fetch_indirect(q, batch, n);
		fetch_data(q, batch, n);
		start_batch(q, batch, n);
	}
	if (rc == 0)
		rc = rest(q);
	else if (rc == 1 && target_admits(q->target) &&
		 (!q->target->in_flight || (!q->parked && n == TARGET_BATCH)))
		loop_work_add(w);	/* else queue_done() goes on */
	if (rc < 0) {
		q->stopped = true;
		served_stop("ring corrupted: req_prod %u, taken %u, "
			    "answered %u", q->ring.shared->req_prod,
			    q->ring.req_cons, q->ring.rsp_prod);
	}
}

void queue_look(struct queue *q)
{
	if (!q->closing)
		loop_work_add(&q->work);
}

static void fired(struct port *p)
{
	queue_look(container_of(p, struct queue, port));
}

/* --- life ---------------------------------------------------------------- */

static void queue_free(struct queue *q)
{
	loop_work_remove(&q->work);
	port_unbind(&q->port);
	grant_unmap(&q->map);
	persist_close(q->persist);
	if (q->parked)
		io_put(q->target, q->parked);
	free(q->replies);
	if (q->requests)
		device_log(q->dev, "%llu requests, %llu of them refused",
			   (unsigned long long)q->requests,
			   (unsigned long long)q->refused);
	free(q);
}

/* A queue with new answers gives them; one that closes may be free to go. */
static void ended_some(struct queue *q)
{
	void (*idle)(void) = q->idle;

	q->touched = false;
	tell(q);
	if (!q->closing) {
		/* A barrier, or a lack of memory, may have held the ring up. */
		if (q->parked || q->barrier || ring_waiting(&q->ring))
			loop_work_add(&q->work);
	} else if (!q->in_flight) {
		queue_free(q);
		idle();
	}
}

void queue_done(struct io **done, unsigned int n)
{
	struct queue *touched[TARGET_BATCH];
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++)
		if (done[i]->status == BLKIF_RSP_OKAY &&
		    done[i]->req.op == BLKIF_OP_READ)
			copy_data(done[i]->queue, done[i], true);
	finish_copies(done, n);
	for (unsigned int i = 0; i < n; i++) {
		struct queue *q = done[i]->queue;

		q->in_flight--;
		answer(q, done[i]);
		if (!q->touched)
			touched[count++] = q;
		q->touched = true;
	}
	for (unsigned int i = 0; i < count; i++)
		ended_some(touched[i]);
}

int queue_open(struct queue **queue, const struct queue_setup *setup)
{
	struct queue *q = calloc(1, sizeof(*q));
	const char *what = "map the ring";
	int rc;

	if (!q)
		return -ENOMEM;
	q->dev = setup->dev;
	q->target = setup->target;
	q->abi = setup->abi;
	q->idle = setup->idle;
	q->work.run = run;
	q->port.fired = fired;
	rc = grant_map(&q->map, q->dev->domid, setup->refs, setup->pages);
	if (rc)
		goto out;
	what = "take up the ring";
	rc = ring_attach(&q->ring, q->map.addr, setup->pages, q->abi->stride);
	if (!rc)
		rc = ring_keep(&q->ring, setup->journal);
	if (rc)
		goto out;
	what = "find memory";
	q->replies = calloc(q->ring.size, sizeof(*q->replies));
	if (setup->persistent)
		q->persist = persist_open(q->dev->domid);
	rc = q->replies && (q->persist || !setup->persistent) ? 0 : -ENOMEM;
	if (rc)
		goto out;
	what = "bind the event channel";
	rc = port_bind(&q->port, q->dev->domid, setup->port);
	if (rc)
		goto out;
	/* For answers that a predecessor did not get to tell of. */
	port_notify(&q->port);
	*queue = q;
	return 0;
out:
	device_log(q->dev, "cannot %s: %s", what, strerror(-rc));
	queue_free(q);
	return rc;
}

bool queue_close(struct queue *q)
{
	q->closing = true;
	if (q->in_flight)
		return false;
	queue_free(q);
	return true;
}

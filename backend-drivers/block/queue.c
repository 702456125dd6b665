/*
 * See queue.h. Requests go through in batches, so that a batch costs one
 * grant-copy call, one io_uring call and one event, not one each:
 *
 *   run():        take -> indirect segments -> check -> data in -> submit
 *   completed():  results -> data out -> responses -> event
 *
 * A flush or a barrier takes several steps, one I/O after the other.
 *
 * Requests end in any order and are answered in the order of the ring: the
 * slots behind the last response then always hold just the requests that are
 * not answered yet. Should this process be killed, its successor takes the
 * ring up there and executes those requests, perhaps again, which does no
 * harm: the guest's pages stay as they are until the answer.
 */
#include "backend-drivers/block/queue.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/base/served.h"
#include "backend-drivers/block/buffers.h"
#include "backend-drivers/ring/ring.h"

#define BATCH 32
#define RETRIES 8

enum step { STEP_START, STEP_PREFLUSH, STEP_DATA, STEP_POSTFLUSH, STEP_END };

/* One request on its way. */
struct io {
	struct io *next;		/* in the list of unused ones */
	struct blk_request req;
	uint32_t index;			/* its place in the ring */
	int status;			/* BLKIF_RSP_* so far */
	bool copy_failed;
	uint8_t retries;
	enum step step;
	char *buf;
	uint32_t bytes, done;		/* of data; moved so far */
};

/* A response that waits for its turn. */
struct reply {
	bool ready;
	struct blk_reply r;
};

struct queue {
	struct device *dev;
	const struct blk_abi *abi;
	struct blk_limits limits;
	int fd;
	struct grant_map map;
	struct port port;
	struct ring ring;
	struct reply *replies;		/* by place in the ring */
	struct io_uring *uring;
	struct loop_fd uring_fd;
	struct loop_work work;
	struct buffers buffers;
	struct io *unused;
	struct io *parked;		/* taken, but there is no room yet */
	unsigned int in_flight;		/* submitted to io_uring */
	bool barrier;			/* one is in flight, alone */
	bool stopped;			/* the ring cannot be right */
	bool closing;
	uint64_t requests, refused;
};

/* Filled and emptied within one callback, so all queues share it. */
static struct grant_copies copies;

/* --- requests ------------------------------------------------------------ */

static struct io *io_get(struct queue *q)
{
	struct io *io = q->unused;

	if (io)
		q->unused = io->next;
	else
		io = malloc(sizeof(*io));
	return io;
}

static uint32_t room_for(const struct io *io)
{
	return io->req.segments * RING_PAGE;
}

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
	if (io->buf)
		buffers_put(&q->buffers, io->buf, room_for(io));
	io->next = q->unused;
	q->unused = io;
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

/* --- I/O ----------------------------------------------------------------- */

static bool is_write(const struct io *io)
{
	return io->req.op != BLKIF_OP_READ && io->req.op != BLKIF_OP_DISCARD;
}

/* What a request does next, given what it has done. */
static enum step next_step(const struct io *io)
{
	uint8_t op = io->req.op;

	switch (io->step) {
	case STEP_START:
		if (op == BLKIF_OP_FLUSH_DISKCACHE ||
		    op == BLKIF_OP_WRITE_BARRIER)
			return STEP_PREFLUSH;
		if (op == BLKIF_OP_DISCARD && !io->req.discard_sectors)
			return STEP_END;
		return STEP_DATA;
	case STEP_PREFLUSH:
		return io->req.segments ? STEP_DATA : STEP_END;
	case STEP_DATA:
		return op == BLKIF_OP_WRITE_BARRIER ? STEP_POSTFLUSH :
						      STEP_END;
	default:
		return STEP_END;
	}
}

static void prepare_data(struct queue *q, struct io *io,
			 struct io_uring_sqe *sqe)
{
	uint64_t at = io->req.sector * BLK_SECTOR + io->done;
	uint32_t left = io->bytes - io->done;

	if (io->req.op == BLKIF_OP_DISCARD)
		io_uring_prep_fallocate(sqe, q->fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, at,
					io->req.discard_sectors * BLK_SECTOR);
	else if (is_write(io))
		io_uring_prep_write(sqe, q->fd, io->buf + io->done, left, at);
	else
		io_uring_prep_read(sqe, q->fd, io->buf + io->done, left, at);
}

/* Queues the I/O of io->step; false if io_uring takes no more. */
static bool submit_step(struct queue *q, struct io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(q->uring);

	if (!sqe) {
		io_uring_submit(q->uring);
		sqe = io_uring_get_sqe(q->uring);
	}
	if (!sqe)
		return false;
	if (io->step == STEP_DATA)
		prepare_data(q, io, sqe);
	else
		io_uring_prep_fsync(sqe, q->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, io);
	return true;
}

/* Goes on to the next I/O of a request. False: it is done, see status. */
static bool go_on(struct queue *q, struct io *io)
{
	io->step = next_step(io);
	if (io->step == STEP_END)
		return false;
	if (submit_step(q, io))
		return true;
	io->status = BLKIF_RSP_ERROR;
	return false;
}

static void submit(struct queue *q)
{
	/* The kernel is short of something: what is queued goes next turn. */
	if (io_uring_sq_ready(q->uring) && io_uring_submit(q->uring) < 0)
		loop_work_add(&q->work);
}

/* An I/O ended with @res. True: another one follows; false: see status. */
static bool io_result(struct queue *q, struct io *io, int res)
{
	bool data = io->step == STEP_DATA && io->req.op != BLKIF_OP_DISCARD;

	if ((res == -EINTR || res == -EAGAIN) && io->retries++ < RETRIES)
		return submit_step(q, io);
	if (res < 0 || (data && res == 0)) {
		io->status = res == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP :
						  BLKIF_RSP_ERROR;
		return false;
	}
	if (data) {
		io->done += (uint32_t)res;
		if (io->done < io->bytes && submit_step(q, io))
			return true;
		if (io->done < io->bytes) {
			io->status = BLKIF_RSP_ERROR;
			return false;
		}
	}
	return go_on(q, io);
}

/* --- data between guest and buffer --------------------------------------- */

static void copy_data(struct queue *q, struct io *io, bool to_guest)
{
	char *at = io->buf;

	for (unsigned int i = 0; i < io->req.segments; i++) {
		const struct blk_segment *s = &io->req.seg[i];
		uint16_t offset = s->first * BLK_SECTOR;
		uint16_t len = (s->last - s->first + 1) * BLK_SECTOR;

		if (to_guest)
			grant_copy_to(&copies, q->dev->domid, s->gref, offset,
				      at, len, &io->copy_failed);
		else
			grant_copy_from(&copies, q->dev->domid, s->gref,
					offset, at, len, &io->copy_failed);
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
	struct io *io = io_get(q);
	int rc;

	if (!io)
		return 0;
	rc = ring_take(&q->ring, slot, q->abi->stride);
	if (rc != 1) {
		io->next = q->unused;
		q->unused = io;
		return rc;
	}
	q->requests++;
	io->index = q->ring.req_cons - 1;
	blk_decode(q->abi, slot, &io->req);
	io->status = blk_check_head(&q->limits, &io->req);
	io->copy_failed = false;
	io->retries = 0;
	io->step = STEP_START;
	io->buf = NULL;
	io->bytes = io->done = 0;
	*taken = io;
	return 1;
}

/* True if @io may begin, while @others are under way. */
static bool admit(struct queue *q, struct io *io, unsigned int others)
{
	if (io->status != BLKIF_RSP_OKAY)
		return true;
	/* A barrier is alone: those before it are done, those after it wait. */
	if (io->req.op == BLKIF_OP_WRITE_BARRIER && others)
		return false;
	if (!io->req.segments)
		return true;
	io->buf = buffers_get(&q->buffers, room_for(io));
	if (!io->buf && !others)
		io->status = BLKIF_RSP_ERROR;	/* nobody will free memory */
	return io->buf || !others;
}

/* Takes requests up to a batch. Returns what the last take() did. */
static int take_batch(struct queue *q, struct io **batch, unsigned int *n)
{
	*n = 0;
	if (q->barrier && q->in_flight)
		return 1;
	q->barrier = false;
	while (*n < BATCH && !q->barrier) {
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
		io->status = blk_check_segments(&q->limits, &io->req,
						&io->bytes);
		if (io->status == BLKIF_RSP_OKAY && is_write(io))
			copy_data(q, io, false);
	}
	finish_copies(batch, n);
}

static void start_batch(struct queue *q, struct io **batch, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (batch[i]->status == BLKIF_RSP_OKAY &&
		    go_on(q, batch[i]))
			q->in_flight++;
		else
			answer(q, batch[i]);
	}
	submit(q);
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
	struct io *batch[BATCH];
	unsigned int n;
	int rc;

	submit(q);		/* what an earlier turn could not */
	if (q->closing || q->stopped)
		return;
	rc = take_batch(q, batch, &n);
	fetch_indirect(q, batch, n);
	fetch_data(q, batch, n);
	start_batch(q, batch, n);
	if (rc == 0)
		rc = rest(q);
	else if (rc == 1 && (!q->in_flight || (!q->parked && n == BATCH)))
		loop_work_add(w);	/* else completed() goes on */
	if (rc < 0) {
		q->stopped = true;
		served_stop("ring corrupted: req_prod %u, taken %u, "
			    "answered %u", q->ring.shared->req_prod,
			    q->ring.req_cons, q->ring.rsp_prod);
	}
}

static void fired(struct port *p)
{
	struct queue *q = container_of(p, struct queue, port);

	if (!q->closing)
		loop_work_add(&q->work);
}

/* --- from io_uring ------------------------------------------------------- */

static void queue_free(struct queue *q)
{
	loop_work_remove(&q->work);
	port_unbind(&q->port);
	grant_unmap(&q->map);
	loop_fd_remove(&q->uring_fd);
	if (q->parked) {
		q->parked->next = q->unused;
		q->unused = q->parked;
	}
	while (q->unused) {
		struct io *io = q->unused;

		q->unused = io->next;
		free(io);
	}
	buffers_trim(&q->buffers);
	free(q->replies);
	if (q->requests)
		device_log(q->dev, "%llu requests, %llu of them refused",
			   (unsigned long long)q->requests,
			   (unsigned long long)q->refused);
	free(q);
}

/* Fetches results. Returns how many requests have come to their end. */
static unsigned int reap(struct queue *q, struct io **done)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	while (n < BATCH && !io_uring_peek_cqe(q->uring, &cqe)) {
		struct io *io = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(q->uring, cqe);
		if (!io_result(q, io, res))
			done[n++] = io;
	}
	submit(q);
	return n;
}

static void completed(struct loop_fd *f, uint32_t events)
{
	struct queue *q = container_of(f, struct queue, uring_fd);
	struct io *done[BATCH];
	unsigned int n = reap(q, done);

	(void)events;
	for (unsigned int i = 0; i < n; i++)
		if (done[i]->status == BLKIF_RSP_OKAY &&
		    done[i]->req.op == BLKIF_OP_READ)
			copy_data(q, done[i], true);
	finish_copies(done, n);
	for (unsigned int i = 0; i < n; i++)
		answer(q, done[i]);
	tell(q);
	q->in_flight -= n;
	if (q->closing && !q->in_flight) {
		queue_free(q);
		served_idle();
		return;
	}
	/* A barrier, or a lack of memory, may have held up the ring. */
	if (n && !q->closing)
		loop_work_add(&q->work);
}

/* --- life ---------------------------------------------------------------- */

int queue_open(struct queue **queue, const struct queue_setup *setup)
{
	struct queue *q = calloc(1, sizeof(*q));
	const char *what = "map the ring";
	int rc;

	if (!q)
		return -ENOMEM;
	q->dev = setup->dev;
	q->abi = setup->abi;
	q->limits = setup->limits;
	q->fd = setup->fd;
	q->uring = setup->uring;
	q->uring_fd = (struct loop_fd){
		.fd = q->uring->ring_fd, .events = EPOLLIN, .ready = completed,
	};
	q->work.run = run;
	q->port.fired = fired;
	buffers_init(&q->buffers, QUEUE_MEMORY);
	rc = grant_map(&q->map, q->dev->domid, setup->refs, setup->pages);
	if (rc)
		goto out;
	what = "take up the ring";
	rc = ring_attach(&q->ring, q->map.addr, setup->pages, q->abi->stride);
	if (rc)
		goto out;
	what = "serve the ring";
	q->replies = calloc(q->ring.size, sizeof(*q->replies));
	rc = q->replies ? loop_fd_add(&q->uring_fd) : -ENOMEM;
	if (rc)
		goto out;
	what = "bind the event channel";
	rc = port_bind(&q->port, q->dev->domid, setup->port);
	if (rc)
		goto out;
	*queue = q;
	return 0;
out:
	device_log(q->dev, "cannot %s: %s", what, strerror(-rc));
	queue_free(q);
	return rc;
}

void queue_set_sectors(struct queue *q, uint64_t sectors)
{
	q->limits.sectors = sectors;
}

bool queue_close(struct queue *q)
{
	q->closing = true;
	if (q->in_flight)
		return false;
	queue_free(q);
	return true;
}

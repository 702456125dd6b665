/*
 * See raw.h. Requests of a batch that follow one another on the disk, and
 * whose buffers follow one another in a chunk, are one I/O: the way to the disk
 * and back costs more than moving a page. Should it fail, or move less, each of
 * them is tried alone.
 */
#include "backend-drivers/block/raw.h"

#include <errno.h>
#include <linux/falloc.h>
#include <sys/epoll.h>

#include "backend-drivers/base/uring.h"

/* --- to the kernel and back ------------------------------------------------ */

/* Where its data, or what is left of it, begins on the disk. */
static uint64_t place_of(const struct io *io)
{
	return io->req.sector * BLK_SECTOR + io->done;
}

static uint64_t end_of(const struct io *io)
{
	return io->req.sector * BLK_SECTOR + io->bytes;
}

/* Whether its buffer is the kernel's to find by its chunk. */
static bool is_known(const struct raw *r, const struct io *io)
{
	return r->known >> io->chunk & 1;
}

static void prepare_data(struct raw *r, struct io *io,
			 struct io_uring_sqe *sqe)
{
	uint64_t at = place_of(io);
	uint32_t left = io->bytes - io->done;
	char *data = io->buf + io->done;
	int chunk = (int)io->chunk;

	if (!is_known(r, io))
		io_uring_prep_rw(io_is_write(io) ? IORING_OP_WRITE :
				 IORING_OP_READ, sqe, r->fd, data, left, at);
	else if (io_is_write(io))
		io_uring_prep_write_fixed(sqe, r->fd, data, left, at, chunk);
	else
		io_uring_prep_read_fixed(sqe, r->fd, data, left, at, chunk);
}

/* Whether it may share an I/O with its neighbours. */
static bool is_joinable(const struct raw *r, const struct io *io)
{
	return io_moves_data(io) && !io->alone && is_known(r, io);
}

/* Whether @io goes on where the last one that was queued ends. */
static bool continues(const struct raw *r, const struct io *io)
{
	const struct io *last = r->last;

	return last && is_joinable(r, io) && io->chunk == last->chunk &&
	       io->buf + io->done == last->buf + last->bytes &&
	       place_of(io) == end_of(last) &&
	       io_is_write(io) == io_is_write(last);
}

static void join(struct raw *r, struct io *io)
{
	r->last_sqe->len += io->bytes - io->done;
	r->last->joined = io;
	r->last = io;
}

static struct raw *raw_of(struct target *t)
{
	return container_of(t, struct raw, target);
}

static void hand_over(struct raw *r)
{
	r->last = NULL;
	/* The kernel is short of something: what is queued goes next turn. */
	if (io_uring_sq_ready(&r->ring) && io_uring_submit(&r->ring) < 0)
		loop_work_add(&r->retry);
}

/* False if io_uring takes no more. */
static bool queue_step(struct target *t, struct io *io)
{
	struct raw *r = raw_of(t);
	struct io_uring_sqe *sqe;

	io->joined = NULL;
	if (continues(r, io)) {
		join(r, io);
		return true;
	}
	sqe = io_uring_get_sqe(&r->ring);
	if (!sqe) {
		hand_over(r);
		sqe = io_uring_get_sqe(&r->ring);
	}
	if (!sqe)
		return false;
	if (io_moves_data(io))
		prepare_data(r, io, sqe);
	else if (io->step == STEP_DATA)
		io_uring_prep_fallocate(sqe, r->fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, place_of(io),
					io->req.discard_sectors * BLK_SECTOR);
	else
		io_uring_prep_fsync(sqe, r->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, io);
	r->last = is_joinable(r, io) ? io : NULL;
	r->last_sqe = sqe;
	return true;
}

/* The I/O of @io, and of those that were joined to it, ended with @res. */
static void ended(struct raw *r, struct io *io, int res)
{
	struct io *next;

	if (!io->joined) {
		target_result(&r->target, io, res);
		return;
	}
	for (; io; io = next) {
		int left = (int)(io->bytes - io->done);
		int moved = res < left ? res : left;

		next = io->joined;
		res -= moved > 0 ? moved : 0;
		io->alone = true;
		target_result(&r->target, io, moved > 0 ? moved : -EAGAIN);
	}
}

/* A batch of results. */
static void reap(struct raw *r)
{
	struct io_uring_cqe *cqe;

	for (unsigned int n = 0; n < TARGET_BATCH &&
	     !io_uring_peek_cqe(&r->ring, &cqe); n++) {
		struct io *io = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&r->ring, cqe);
		ended(r, io, res);
	}
	hand_over(r);
	target_deliver(&r->target);
}

static void submit(struct target *t)
{
	struct raw *r = raw_of(t);

	hand_over(r);
	/* A disk that is memory has done it within the call. */
	reap(r);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	reap(container_of(f, struct raw, ready));
}

static void retry(struct loop_work *w)
{
	submit(&container_of(w, struct raw, retry)->target);
}

/* --- life ------------------------------------------------------------------ */

/* If the kernel does not want to know it, it looks pages up for each I/O. */
static void chunk_made(void *arg, unsigned int chunk, void *at, size_t size)
{
	struct raw *r = arg;

	if (!uring_chunk(&r->ring, chunk, at, size))
		r->known |= 1u << chunk;
}

int raw_open(struct raw *r)
{
	static const struct target_way way = { queue_step, submit };
	static const uint8_t ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED,
		IORING_OP_WRITE_FIXED, IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	};
	int rc = uring_open(&r->ring, ops, sizeof(ops), BUFFERS_CHUNKS);

	if (rc)
		return rc;
	r->ready = (struct loop_fd){
		.fd = r->ring.ring_fd, .events = EPOLLIN, .ready = ready,
	};
	rc = loop_fd_add(&r->ready);
	if (rc) {
		io_uring_queue_exit(&r->ring);
		return rc;
	}
	r->retry.run = retry;
	r->target.buffers.made = chunk_made;
	r->target.buffers.arg = r;
	target_init(&r->target, &way);
	return 0;
}

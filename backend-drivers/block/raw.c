/* See raw.h. */
#include "backend-drivers/block/raw.h"

#include <linux/falloc.h>
#include <sys/epoll.h>

#include "backend-drivers/base/uring.h"

/* --- to the kernel and back ------------------------------------------------ */

static void prepare_data(struct raw *r, struct io *io,
			 struct io_uring_sqe *sqe)
{
	uint64_t at = io->req.sector * BLK_SECTOR + io->done;
	uint32_t left = io->bytes - io->done;
	char *data = io->buf + io->done;
	int chunk = (int)io->chunk;

	if (io->req.op == BLKIF_OP_DISCARD)
		io_uring_prep_fallocate(sqe, r->fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, at,
					io->req.discard_sectors * BLK_SECTOR);
	else if (!(r->known >> chunk & 1))
		io_uring_prep_rw(io_is_write(io) ? IORING_OP_WRITE :
				 IORING_OP_READ, sqe, r->fd, data, left, at);
	else if (io_is_write(io))
		io_uring_prep_write_fixed(sqe, r->fd, data, left, at, chunk);
	else
		io_uring_prep_read_fixed(sqe, r->fd, data, left, at, chunk);
}

static struct raw *raw_of(struct target *t)
{
	return container_of(t, struct raw, target);
}

/* False if io_uring takes no more. */
static bool queue_step(struct target *t, struct io *io)
{
	struct raw *r = raw_of(t);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	if (!sqe) {
		io_uring_submit(&r->ring);
		sqe = io_uring_get_sqe(&r->ring);
	}
	if (!sqe)
		return false;
	if (io->step == STEP_DATA)
		prepare_data(r, io, sqe);
	else
		io_uring_prep_fsync(sqe, r->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, io);
	return true;
}

static void hand_over(struct raw *r)
{
	/* The kernel is short of something: what is queued goes next turn. */
	if (io_uring_sq_ready(&r->ring) && io_uring_submit(&r->ring) < 0)
		loop_work_add(&r->retry);
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
		target_result(&r->target, io, res);
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

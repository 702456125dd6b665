/* See target.h. */
#include "backend-drivers/block/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRIES 8
#define LONGEST_US 1000000u	/* then it looks again */
#define PAGE 4096u

/* --- requests ------------------------------------------------------------ */

struct io *io_get(struct target *t)
{
	struct io *io = t->unused;

	if (io)
		t->unused = io->next;
	else
		io = malloc(sizeof(*io));
	if (!io)
		return NULL;
	io->target = t;
	io->copy_failed = io->alone = false;
	io->retries = 0;
	io->step = STEP_START;
	io->buf = NULL;
	io->chunk = BUFFERS_CHUNKS;
	io->bytes = io->done = 0;
	return io;
}

void io_put(struct target *t, struct io *io)
{
	if (io->buf)
		buffers_put(&t->buffers, io->buf, io->chunk);
	io->next = t->unused;
	t->unused = io;
}

bool io_buffer(struct target *t, struct io *io)
{
	io->buf = buffers_get(&t->buffers, io->req.segments * PAGE,
			      &io->chunk);
	if (!io->buf)
		t->starved = true;
	return io->buf;
}

bool io_is_write(const struct io *io)
{
	return io->req.op != BLKIF_OP_READ && io->req.op != BLKIF_OP_DISCARD;
}

bool io_moves_data(const struct io *io)
{
	return io->step == STEP_DATA && io->req.op != BLKIF_OP_DISCARD;
}

/* --- limits and counts ----------------------------------------------------- */

void target_limit(struct target *t, const struct disk_limits *l)
{
	uint64_t now = loop_now_us();

	limit_set(&t->bytes, l->bytes, l->bytes_burst, now);
	limit_set(&t->requests, l->requests, l->requests_burst, now);
}

static void limited(struct loop_timer *timer)
{
	container_of(timer, struct target, limited)->wake();
}

bool target_admits(struct target *t)
{
	uint64_t now, wait, other;

	if (!t->bytes.rate && !t->requests.rate)
		return true;
	now = loop_now_us();
	wait = limit_wait(&t->bytes, now);
	other = limit_wait(&t->requests, now);
	if (other > wait)
		wait = other;
	if (wait && !t->limited.armed)
		loop_timer_set_us(&t->limited, (unsigned int)
				  (wait < LONGEST_US ? wait : LONGEST_US));
	return !wait;
}

void target_charge(struct target *t, const struct io *io)
{
	limit_take(&t->bytes, io->bytes);
	limit_take(&t->requests, 1);
}

void target_count(struct target *t, const struct io *io)
{
	struct disk_stats *s = t->stats;

	if (io->status != BLKIF_RSP_OKAY) {
		s->failed++;
		return;
	}
	switch (io->req.op) {
	case BLKIF_OP_READ:
		s->reads++;
		s->read_bytes += io->bytes;
		break;
	case BLKIF_OP_DISCARD:
		s->discards++;
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		s->flushes++;
		s->write_bytes += io->bytes;
		break;
	default:
		s->writes++;
		s->write_bytes += io->bytes;
	}
}

/* --- steps --------------------------------------------------------------- */

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

/* Begins the I/O of its step. False: it is done, see status. */
static bool begin(struct target *t, struct io *io)
{
	if (t->way->queue(t, io))
		return true;
	io->status = BLKIF_RSP_ERROR;
	return false;
}

/* Goes on to the next I/O of a request. False: it is done, see status. */
static bool go_on(struct target *t, struct io *io)
{
	io->step = next_step(io);
	return io->step != STEP_END && begin(t, io);
}

/* An I/O ended with @res. True: another one follows; false: see status. */
static bool io_result(struct target *t, struct io *io, int res)
{
	bool data = io_moves_data(io);

	if ((res == -EINTR || res == -EAGAIN) && io->retries++ < RETRIES)
		return begin(t, io);
	if (res < 0 || (data && res == 0)) {
		io->status = res == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP :
						  BLKIF_RSP_ERROR;
		return false;
	}
	if (data) {
		io->done += (uint32_t)res;
		if (io->done < io->bytes)
			return begin(t, io);
	}
	return go_on(t, io);
}

void target_result(struct target *t, struct io *io, int res)
{
	if (io_result(t, io, res))
		return;
	t->ended[t->ended_count++] = io;
	if (t->ended_count == TARGET_BATCH)
		target_deliver(t);
}

void target_deliver(struct target *t)
{
	struct io *ended[TARGET_BATCH];
	unsigned int n = t->ended_count;

	if (!n)
		return;
	memcpy(ended, t->ended, n * sizeof(ended[0]));
	t->ended_count = 0;
	t->in_flight -= n;
	t->done(ended, n);
	if (t->starved) {
		t->starved = false;
		t->wake();
	}
}

bool target_start(struct target *t, struct io *io)
{
	if (!go_on(t, io))
		return false;
	t->in_flight++;
	return true;
}

void target_submit(struct target *t)
{
	t->way->submit(t);
}

void target_init(struct target *t, const struct target_way *way)
{
	t->way = way;
	t->limited.run = limited;
}

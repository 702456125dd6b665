/*
 * See nbd.h. libnbd is driven by readiness, as the loop has it: after each
 * call its handle says what it waits for. Orders go out at once, answers come
 * by callbacks, which may be called from any of its functions and must not
 * call any: they make a list.
 */
#include "backend-drivers/block/nbd.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backend-drivers/base/log.h"

#define NBD_SECTOR_MAX 4096u
/* How often, and after what pause, a disk is tried that cannot be opened. */
#define TRIES 10
#define TRY_US 100000

/*
 * The library brings forty megabytes of others, for which most disks have no
 * use: it is loaded by the workers of those that have.
 */
#define CALLS(X) \
	X(aio_flush) X(aio_get_direction) X(aio_get_fd) \
	X(aio_is_closed) X(aio_is_dead) X(aio_notify_read) \
	X(aio_notify_write) X(aio_pread) X(aio_pwrite) \
	X(aio_trim) X(can_flush) X(can_trim) \
	X(close) X(connect_systemd_socket_activation) X(connect_uri) \
	X(create) X(get_block_size) X(get_errno) \
	X(get_error) X(get_size) X(is_read_only)

static struct {
#define MEMBER(name) __typeof__(nbd_##name) *name;
	CALLS(MEMBER)
} lib;

static int load(const char *who)
{
	void *found = dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!found) {
		log_line(who, "%s (package libnbd0)", dlerror());
		return -ELIBACC;
	}
#define LOOK_UP(name) \
	lib.name = (__typeof__(lib.name))dlsym(found, "nbd_" #name);
	CALLS(LOOK_UP)
#define IS_THERE(name) && lib.name
	if (1 CALLS(IS_THERE))
		return 0;
	log_line(who, "libnbd.so.0 is too old");
	return -ELIBBAD;
}

bool nbd_is_uri(const char *path)
{
	return !strncmp(path, "nbd://", 6) || !strncmp(path, "nbd+unix://", 11);
}

static struct nbd *nbd_of(struct target *t)
{
	return container_of(t, struct nbd, target);
}

static int failed(const struct nbd *n, const char *what)
{
	int rc = lib.get_errno();

	log_line(n->who, "%s: %s", what, lib.get_error());
	return rc > 0 ? -rc : -EIO;
}

/* --- requests ------------------------------------------------------------ */

static int ended(void *arg, int *error)
{
	struct io *io = arg;
	struct nbd *n = nbd_of(io->target);

	io->result = *error ? -*error : (int)(io->bytes - io->done);
	io->next = n->answered;
	n->answered = io;
	return 1;		/* nobody else will ask for it */
}

static int64_t begin_data(struct nbd *n, struct io *io)
{
	const nbd_completion_callback end = {
		.callback = ended, .user_data = io,
	};
	uint64_t at = io->req.sector * BLK_SECTOR + io->done;
	size_t left = io->bytes - io->done;

	if (io->req.op == BLKIF_OP_DISCARD)
		return lib.aio_trim(n->handle, io->req.discard_sectors *
				    BLK_SECTOR, at, end, 0);
	if (io_is_write(io))
		return lib.aio_pwrite(n->handle, io->buf + io->done, left, at,
				      end, 0);
	return lib.aio_pread(n->handle, io->buf + io->done, left, at, end, 0);
}

/*
 * A lost connection ends the worker, before it answers what libnbd calls failed
 * because of it: the next one does those requests again.
 */
static void end_if_lost(const struct nbd *n)
{
	if (lib.aio_is_dead(n->handle) || lib.aio_is_closed(n->handle)) {
		log_line(n->who, "the connection to the disk is lost");
		_exit(1);
	}
}

static bool queue_step(struct target *t, struct io *io)
{
	struct nbd *n = nbd_of(t);
	int64_t rc;

	if (io->step == STEP_DATA)
		rc = begin_data(n, io);
	else
		rc = lib.aio_flush(n->handle, (nbd_completion_callback){
			.callback = ended, .user_data = io }, 0);
	if (rc < 0) {
		end_if_lost(n);
		(void)failed(n, "cannot send a request");
	}
	return rc >= 0;
}

/* --- the connection ------------------------------------------------------- */

/* The next steps may find that they have been answered at once. */
static void tell_results(struct nbd *n)
{
	while (n->answered) {
		struct io *io = n->answered;

		n->answered = io->next;
		target_result(&n->target, io, io->result);
	}
	target_deliver(&n->target);
}

static void wait_for_more(struct nbd *n)
{
	unsigned int direction;
	uint32_t events = 0;

	end_if_lost(n);
	tell_results(n);
	direction = lib.aio_get_direction(n->handle);
	if (direction & LIBNBD_AIO_DIRECTION_READ)
		events |= EPOLLIN;
	if (direction & LIBNBD_AIO_DIRECTION_WRITE)
		events |= EPOLLOUT;
	loop_fd_set(&n->ready, events);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	struct nbd *n = container_of(f, struct nbd, ready);
	unsigned int direction = lib.aio_get_direction(n->handle);

	/* One of the two: the first may have changed what it waits for. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) &&
	    direction & LIBNBD_AIO_DIRECTION_READ)
		(void)lib.aio_notify_read(n->handle);
	else if (events & EPOLLOUT && direction & LIBNBD_AIO_DIRECTION_WRITE)
		(void)lib.aio_notify_write(n->handle);
	wait_for_more(n);
}

static void submit(struct target *t)
{
	wait_for_more(nbd_of(t));
}

/* --- life ------------------------------------------------------------------ */

static int describe(struct nbd *n, struct image *im, bool read_only)
{
	int64_t bytes = lib.get_size(n->handle);
	int64_t block = lib.get_block_size(n->handle, LIBNBD_SIZE_MINIMUM);

	if (bytes < 0)
		return failed(n, "how large is it");
	if (!read_only && lib.is_read_only(n->handle) == 1) {
		log_line(n->who, "the disk is served for reading only");
		return -EROFS;
	}
	if (block < (int64_t)BLK_SECTOR)
		block = BLK_SECTOR;
	if (block > NBD_SECTOR_MAX || bytes < block) {
		log_line(n->who, "%lld bytes in blocks of %lld are no disk",
			 (long long)bytes, (long long)block);
		return -EINVAL;
	}
	im->sectors = (uint64_t)bytes / BLK_SECTOR;
	im->block_size = im->physical_size = (uint32_t)block;
	im->discard_granularity = lib.can_trim(n->handle) == 1 ? 4096 : 0;
	im->can_flush = lib.can_flush(n->handle) == 1;
	return 0;
}

/*
 * What served the disk a moment ago may still hold the image's lock: it ends by
 * itself, soon after its worker. On failure there is no handle.
 */
static int attach(struct nbd *n, const char *uri, char **argv)
{
	unsigned int left = TRIES;
	int rc;

	for (;;) {
		n->handle = lib.create();
		if (!n->handle)
			return -ENOMEM;
		rc = uri ? lib.connect_uri(n->handle, uri) :
			lib.connect_systemd_socket_activation(n->handle, argv);
		if (!rc)
			return 0;
		if (!--left)
			rc = failed(n, "cannot connect to the disk");
		lib.close(n->handle);
		if (!left)
			return rc;
		usleep(TRY_US);
	}
}

int nbd_open(struct nbd *n, struct image *im, const char *who,
	     const char *uri, char **argv, bool read_only)
{
	static const struct target_way way = { queue_step, submit };
	int rc;

	*im = (struct image){ .fd = -1, .direct = true };
	n->who = who;
	n->answered = NULL;
	rc = load(who);
	if (rc)
		return rc;
	rc = attach(n, uri, argv);
	if (rc)
		return rc;
	rc = describe(n, im, read_only);
	if (!rc) {
		n->ready = (struct loop_fd){
			.fd = lib.aio_get_fd(n->handle), .events = EPOLLIN,
			.ready = ready,
		};
		rc = loop_fd_add(&n->ready);
	}
	if (rc) {
		lib.close(n->handle);
		return rc;
	}
	target_init(&n->target, &way);
	return 0;
}

void nbd_shut(struct nbd *n)
{
	loop_fd_remove(&n->ready);
	lib.close(n->handle);
}

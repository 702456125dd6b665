/* See uring.h. Debian's liburing declares, but lacks, calls for registering. */
#include "backend-drivers/base/uring.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUBMISSIONS 128u
#define OPS 8u

static int tell_kernel(struct io_uring *uring, unsigned int what,
		       const void *arg, unsigned int n)
{
	return syscall(SYS_io_uring_register, uring->ring_fd, what, arg, n) <
		0 ? -errno : 0;
}

/* Room for as many chunks as there may be. */
static int announce_chunks(struct io_uring *uring, unsigned int chunks)
{
	const struct io_uring_rsrc_register room = {
		.nr = chunks, .flags = IORING_RSRC_REGISTER_SPARSE,
	};

	return chunks ? tell_kernel(uring, IORING_REGISTER_BUFFERS2, &room,
				    sizeof(room)) : 0;
}

int uring_chunk(struct io_uring *uring, unsigned int i, void *at, size_t size)
{
	struct iovec memory = { at, size };
	const struct io_uring_rsrc_update2 update = {
		.offset = i, .data = (uintptr_t)&memory, .nr = 1,
	};

	return tell_kernel(uring, IORING_REGISTER_BUFFERS_UPDATE, &update,
			   sizeof(update));
}

static int restrict_to(struct io_uring *uring, const uint8_t *ops,
		       unsigned int count, unsigned int chunks)
{
	struct io_uring_restriction only[OPS + 1] = { 0 };
	int rc;

	if (count > OPS)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		only[i].opcode = IORING_RESTRICTION_SQE_OP;
		only[i].sqe_op = ops[i];
	}
	if (chunks) {
		only[count].opcode = IORING_RESTRICTION_REGISTER_OP;
		only[count++].register_op = IORING_REGISTER_BUFFERS_UPDATE;
	}
	rc = tell_kernel(uring, IORING_REGISTER_RESTRICTIONS, only, count);
	return rc ? rc : tell_kernel(uring, IORING_REGISTER_ENABLE_RINGS, NULL,
				     0);
}

int uring_open(struct io_uring *uring, const uint8_t *ops, unsigned int count,
	       unsigned int chunks)
{
	int rc = io_uring_queue_init(SUBMISSIONS, uring,
				     IORING_SETUP_R_DISABLED);

	if (rc)
		return rc;
	rc = announce_chunks(uring, chunks);
	if (!rc)
		rc = restrict_to(uring, ops, count, chunks);
	if (rc)
		io_uring_queue_exit(uring);
	return rc;
}

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
	return syscall(SYS_io_uring_register, uring->ring_fd, what, arg, n) ?
		-errno : 0;
}

static int restrict_to(struct io_uring *uring, const uint8_t *ops,
		       unsigned int count)
{
	struct io_uring_restriction only[OPS] = { 0 };
	int rc;

	if (count > OPS)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		only[i].opcode = IORING_RESTRICTION_SQE_OP;
		only[i].sqe_op = ops[i];
	}
	rc = tell_kernel(uring, IORING_REGISTER_RESTRICTIONS, only, count);
	return rc ? rc : tell_kernel(uring, IORING_REGISTER_ENABLE_RINGS, NULL,
				     0);
}

int uring_open(struct io_uring *uring, const uint8_t *ops, unsigned int count)
{
	int rc = io_uring_queue_init(SUBMISSIONS, uring,
				     IORING_SETUP_R_DISABLED);

	if (rc)
		return rc;
	rc = restrict_to(uring, ops, count);
	if (rc)
		io_uring_queue_exit(uring);
	return rc;
}

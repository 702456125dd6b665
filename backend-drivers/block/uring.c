/* See uring.h. Debian's liburing declares, but lacks, calls for registering. */
#include "backend-drivers/block/uring.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUBMISSIONS 128u

static int tell_kernel(struct io_uring *uring, unsigned int what,
		       const void *arg, unsigned int n)
{
	return syscall(SYS_io_uring_register, uring->ring_fd, what, arg, n) ?
		-errno : 0;
}

static int restrict_to_disks(struct io_uring *uring)
{
	static const uint8_t ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
		IORING_OP_FALLOCATE,
	};
	struct io_uring_restriction only[sizeof(ops)] = { 0 };
	int rc;

	for (unsigned int i = 0; i < sizeof(ops); i++) {
		only[i].opcode = IORING_RESTRICTION_SQE_OP;
		only[i].sqe_op = ops[i];
	}
	rc = tell_kernel(uring, IORING_REGISTER_RESTRICTIONS, only,
			 sizeof(ops));
	return rc ? rc : tell_kernel(uring, IORING_REGISTER_ENABLE_RINGS, NULL,
				     0);
}

int uring_open(struct io_uring *uring)
{
	int rc = io_uring_queue_init(SUBMISSIONS, uring,
				     IORING_SETUP_R_DISABLED);

	if (rc)
		return rc;
	rc = restrict_to_disks(uring);
	if (rc)
		io_uring_queue_exit(uring);
	return rc;
}

/*
 * See wire.h. The tap does not block: each order is carried out, or fails,
 * while it is submitted, in the order of submission.
 */
#include "backend-drivers/net/wire.h"

#include <errno.h>
#include <unistd.h>

#include "backend-drivers/base/uring.h"

int wire_open(struct wire *w, int tap)
{
	static const uint8_t write_alone[] = { IORING_OP_WRITE };

	w->tap = tap;
	return uring_open(&w->uring, write_alone, sizeof(write_alone), 0);
}

void wire_close(struct wire *w)
{
	io_uring_queue_exit(&w->uring);
}

void wire_write(struct wire *w, const struct iovec *frames, unsigned int n,
		bool *lost)
{
	struct io_uring_cqe *cqe;
	int rc;

	if (n == 1) {		/* in one system call anyway */
		lost[0] = write(w->tap, frames->iov_base, frames->iov_len) < 0;
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&w->uring);

		/* There is room: all earlier ones have completed. */
		io_uring_prep_write(sqe, w->tap, frames[i].iov_base,
				    (unsigned int)frames[i].iov_len, 0);
		sqe->user_data = i;
		lost[i] = true;
	}
	do {
		rc = io_uring_submit_and_wait(&w->uring, n);
	} while (rc == -EINTR);
	for (unsigned int i = 0; i < n; i++) {
		if (io_uring_wait_cqe(&w->uring, &cqe))
			break;
		lost[cqe->user_data] = cqe->res < 0;
		io_uring_cqe_seen(&w->uring, cqe);
	}
}

/*
 * See wire.h. The tap does not block: each order is carried out, or fails,
 * while it is submitted, in the order of submission.
 */
#include "backend-drivers/net/wire.h"

#include <errno.h>

#include "backend-drivers/base/uring.h"

int wire_open(struct wire *w, int tap)
{
	static const uint8_t writes_alone[] = {
		IORING_OP_WRITE, IORING_OP_WRITEV,
	};

	w->tap = tap;
	return uring_open(&w->uring, writes_alone, sizeof(writes_alone), 0);
}

void wire_close(struct wire *w)
{
	io_uring_queue_exit(&w->uring);
}

/* Most frames are in one piece, which is cheaper said so. */
static void order(struct io_uring_sqe *sqe, int tap,
		  const struct wire_frame *f)
{
	if (f->pieces == 1)
		io_uring_prep_write(sqe, tap, f->piece->iov_base,
				    (unsigned int)f->piece->iov_len, 0);
	else
		io_uring_prep_writev(sqe, tap, f->piece, f->pieces, 0);
}

void wire_write(struct wire *w, const struct wire_frame *frames,
		unsigned int n, bool *lost)
{
	struct io_uring_cqe *cqe;
	int rc;

	if (n == 1) {		/* in one system call anyway */
		lost[0] = writev(w->tap, frames->piece,
				 (int)frames->pieces) < 0;
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&w->uring);

		/* There is room: all earlier ones have completed. */
		order(sqe, w->tap, &frames[i]);
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

/*
 * Requests: one table of operations, and what their handlers share.
 */
#ifndef XENSTORE_DAEMON_REQUEST_H
#define XENSTORE_DAEMON_REQUEST_H

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/nodeop.h"

/* A request in the making; `data` is the client's and ends without a NUL. */
struct request {
	struct server *srv;
	struct conn *conn;
	const struct xsd_sockmsg *hdr;
	const char *data;
	size_t len;
	struct tx *tx;		/* NULL: none */
	struct view view;	/* the tree and the rights it works with */
};

/* A handler answers itself and returns 0, or returns a negative errno. */
typedef int request_handler(struct request *req);

/* Look the operation up, check what its row says, call it, answer errors. */
void request_serve(struct conn *c, const struct xsd_sockmsg *hdr,
		   const char *data);

/* The payload as exactly one text; NULL if it is not. */
const char *request_text(const struct request *req);

/*
 * Find the NUL-terminated texts that the payload begins with, up to `max`;
 * returns how many.  *rest is the offset behind the last of them.
 */
unsigned int request_texts(const struct request *req, const char **texts,
			   unsigned int max, size_t *rest);

/* The payload as exactly `count` texts and nothing else: 0 or -EINVAL. */
int request_exact_texts(const struct request *req, const char **texts,
			unsigned int count);

/* Handlers, by file. */
request_handler request_directory, request_directory_part, request_read,
	request_get_perms, request_write, request_mkdir, request_rm,
	request_set_perms;			/* request_node.c */
request_handler request_watch, request_unwatch, request_reset_watches,
	request_tx_start, request_tx_end;		/* request_conn.c */
request_handler request_introduce, request_release, request_domain_path,
	request_is_introduced, request_resume,
	request_set_target;				/* request_domain.c */
request_handler request_control;			/* control.c */

#endif

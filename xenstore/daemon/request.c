/*
 * The table of operations and the dispatcher: see request.h.  A row says who
 * may call an operation and whether it looks at the transaction number.
 */
#include "xenstore/daemon/request.h"

#include <errno.h>
#include <string.h>

#include "xenstore/daemon/log.h"

#define PRIVILEGED	1u
#define NO_TX		2u	/* the transaction number is ignored */
#define PURE		4u	/* outside a transaction it changes nothing */
#define ADDS		8u	/* makes the state larger */
#define WRITES		16u	/* counts for the rate of writes */

static const struct operation {
	const char *name;
	request_handler *handler;
	unsigned int flags;
} operations[XS_TYPE_COUNT] = {
	[XS_CONTROL] = { "CONTROL", request_control, PRIVILEGED },
	[XS_DIRECTORY] = { "DIRECTORY", request_directory, PURE },
	[XS_READ] = { "READ", request_read, PURE },
	[XS_GET_PERMS] = { "GET_PERMS", request_get_perms, PURE },
	[XS_WATCH] = { "WATCH", request_watch, NO_TX | ADDS },
	[XS_UNWATCH] = { "UNWATCH", request_unwatch, NO_TX },
	[XS_TRANSACTION_START] = { "TRANSACTION_START", request_tx_start,
				   ADDS },
	[XS_TRANSACTION_END] = { "TRANSACTION_END", request_tx_end, 0 },
	[XS_INTRODUCE] = { "INTRODUCE", request_introduce,
			   PRIVILEGED | ADDS },
	[XS_RELEASE] = { "RELEASE", request_release, PRIVILEGED },
	[XS_GET_DOMAIN_PATH] = { "GET_DOMAIN_PATH", request_domain_path,
				 PURE },
	[XS_WRITE] = { "WRITE", request_write, ADDS | WRITES },
	[XS_MKDIR] = { "MKDIR", request_mkdir, ADDS | WRITES },
	[XS_RM] = { "RM", request_rm, WRITES },
	[XS_SET_PERMS] = { "SET_PERMS", request_set_perms,
			   ADDS | WRITES },
	[XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED",
				      request_is_introduced,
				      PRIVILEGED | PURE },
	[XS_RESUME] = { "RESUME", request_resume, PRIVILEGED },
	[XS_SET_TARGET] = { "SET_TARGET", request_set_target, PRIVILEGED },
	[XS_RESET_WATCHES] = { "RESET_WATCHES", request_reset_watches, 0 },
	[XS_DIRECTORY_PART] = { "DIRECTORY_PART", request_directory_part,
				PURE },
};

unsigned int request_texts(const struct request *req, const char **texts,
			   unsigned int max, size_t *rest)
{
	unsigned int count = 0;
	size_t at = 0;

	while (count < max) {
		const char *nul = memchr(req->data + at, 0, req->len - at);

		if (!nul)
			break;
		texts[count++] = req->data + at;
		at = (size_t)(nul - req->data) + 1;
	}
	*rest = at;
	return count;
}

int request_exact_texts(const struct request *req, const char **texts,
			unsigned int count)
{
	size_t rest;

	if (request_texts(req, texts, count, &rest) != count)
		return -EINVAL;
	return rest == req->len ? 0 : -EINVAL;
}

const char *request_text(const struct request *req)
{
	const char *text;

	return request_exact_texts(req, &text, 1) ? NULL : text;
}

static void trace(const struct conn *c, const char *name,
		  const struct xsd_sockmsg *hdr, const char *data, int rc)
{
	char text[128];
	size_t len = hdr->len < sizeof(text) ? hdr->len : sizeof(text);

	/* NUL stands between texts. */
	for (size_t i = 0; i < len; i++)
		text[i] = data[i] ? data[i] : '|';
	log_line("request", "domain=%u id=%u tx=%u op=%s text=\"%.*s%s\" "
		 "result=\"%s\"", c->domid, hdr->req_id, hdr->tx_id, name,
		 (int)len, text, len < hdr->len ? "..." : "",
		 rc ? strerror(-rc) : "OK");
}

/* Find the transaction and set up the view: 0 or -ENOENT. */
static int prepare(struct request *req, unsigned int flags)
{
	struct server *srv = req->srv;

	req->view = (struct view){ .srv = srv, .root = &srv->root };
	conn_caller(req->conn, &req->view.who);
	if (!req->hdr->tx_id || (flags & NO_TX))
		return 0;
	req->tx = tx_find(req->conn, req->hdr->tx_id);
	if (!req->tx)
		return -ENOENT;
	req->view.root = &req->tx->root;
	req->view.deltas = &req->tx->deltas;
	return 0;
}

void request_serve(struct conn *c, const struct xsd_sockmsg *hdr,
		   const char *data)
{
	const struct operation *op = NULL;
	struct request req = {
		.srv = c->srv, .conn = c, .hdr = hdr, .data = data,
		.len = hdr->len,
	};
	int rc;

	c->srv->requests++;
	if (hdr->type < XS_TYPE_COUNT && operations[hdr->type].handler)
		op = &operations[hdr->type];
	if (!op || !(op->flags & PURE) || hdr->tx_id)
		c->srv->lasting = true;
	if (!op)
		rc = -ENOSYS;
	else if ((op->flags & PRIVILEGED) && !c->privileged)
		rc = -EACCES;
	else if ((op->flags & ADDS) && c->srv->full)
		rc = -ENOSPC;
	else
		rc = prepare(&req, op->flags);
	if (!rc)
		rc = op->handler(&req);
	if (op && (op->flags & WRITES))
		c->written++;
	if (rc)
		conn_reply_error(c, hdr, rc);
	if (c->srv->trace)
		trace(c, op ? op->name : "?", hdr, data, rc);
}

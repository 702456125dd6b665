/* Requests about the connection itself: its watches and transactions. */
#include "xenstore/daemon/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xenstore/daemon/path.h"

/* The path of a watch, absolute or special; *strip as watch_add() wants. */
static int resolve_watch(struct request *req, const char *name, char *path,
		      size_t *strip)
{
	char home[32];

	*strip = 0;
	if (path_is_special(name)) {
		if (strlen(name) > XENSTORE_REL_PATH_MAX)
			return -EINVAL;
		memcpy(path, name, strlen(name) + 1);
		return 0;
	}
	if (name[0] != '/')
		*strip = path_home(req->conn->domid, home);
	return path_resolve(name, req->conn->domid,
			    req->srv->quota[QUOTA_PATH], path);
}

int request_watch(struct request *req)
{
	char path[PATH_ROOM];
	const char *text[2];
	struct watch *w;
	size_t strip;
	int rc;

	rc = request_exact_texts(req, text, 2);
	if (!rc)
		rc = resolve_watch(req, text[0], path, &strip);
	if (!rc)
		rc = watch_add(req->conn, path, text[1], strip, &w);
	if (rc)
		return rc;
	conn_reply_ok(req->conn, req->hdr);
	watch_first_event(w);
	return 0;
}

int request_unwatch(struct request *req)
{
	char path[PATH_ROOM];
	const char *text[2];
	size_t strip;
	int rc;

	rc = request_exact_texts(req, text, 2);
	if (!rc)
		rc = resolve_watch(req, text[0], path, &strip);
	if (!rc)
		rc = watch_remove(req->conn, path, text[1]);
	if (!rc)
		conn_reply_ok(req->conn, req->hdr);
	return rc;
}

int request_reset_watches(struct request *req)
{
	tx_end_all(req->conn);
	watch_remove_all(req->conn);
	conn_reply_ok(req->conn, req->hdr);
	return 0;
}

int request_tx_start(struct request *req)
{
	char id[16];
	struct tx *tx;
	int rc;

	if (req->tx)
		return -EBUSY;
	rc = tx_start(req->conn, &tx);
	if (rc)
		return rc;
	snprintf(id, sizeof(id), "%u", tx->id);
	conn_reply_text(req->conn, req->hdr, id);
	return 0;
}

int request_tx_end(struct request *req)
{
	const char *text = request_text(req);
	int rc;

	if (!text || (strcmp(text, "T") && strcmp(text, "F")))
		return -EINVAL;
	if (!req->tx)
		return -ENOENT;
	rc = tx_end(req->tx, *text == 'T');
	req->tx = NULL;
	if (!rc)
		conn_reply_ok(req->conn, req->hdr);
	return rc;
}

/* Requests about domains: the toolstack's, but for GET_DOMAIN_PATH. */
#include "xenstore/daemon/request.h"

#include <errno.h>
#include <stdio.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/number.h"

/* The payload as one domain number: 0 or -EINVAL. */
static int one_domid(const struct request *req, uint32_t *domid)
{
	const char *text = request_text(req);
	uint64_t n;

	if (!text || number_parse(text, UINT32_MAX, &n))
		return -EINVAL;
	*domid = (uint32_t)n;
	return 0;
}

/* The same for a domain that is introduced and is not domain 0. */
static int one_guest(const struct request *req, struct domain **out)
{
	uint32_t domid;
	int rc = one_domid(req, &domid);

	if (rc || !domid)
		return -EINVAL;
	*out = domain_find(req->srv, domid);
	return *out && (*out)->introduced ? 0 : -ENOENT;
}

/* The frame number is of no use: the page comes through a grant. */
int request_introduce(struct request *req)
{
	const char *text[3];
	uint64_t domid, port;
	size_t rest;
	int rc;

	if (request_texts(req, text, 3, &rest) < 3 ||
	    number_parse(text[0], DOMID_FIRST_RESERVED - 1, &domid) ||
	    number_parse(text[2], INT32_MAX, &port) || !port)
		return -EINVAL;
	rc = domain_introduce(req->srv, (uint32_t)domid, (uint32_t)port);
	if (!rc)
		conn_reply_ok(req->conn, req->hdr);
	return rc;
}

int request_release(struct request *req)
{
	struct domain *d;
	int rc = one_guest(req, &d);

	if (!rc)
		rc = domain_release(req->srv, d->domid);
	if (!rc)
		conn_reply_ok(req->conn, req->hdr);
	return rc;
}

int request_resume(struct request *req)
{
	struct domain *d;
	int rc = one_guest(req, &d);

	if (rc)
		return rc;
	d->shutdown_seen = false;
	conn_reply_ok(req->conn, req->hdr);
	return 0;
}

int request_is_introduced(struct request *req)
{
	struct domain *d;
	uint32_t domid;
	bool yes;
	int rc;

	rc = one_domid(req, &domid);
	if (rc)
		return rc;
	d = domain_find(req->srv, domid);
	yes = domid == DOMID_SELF || (d && d->introduced);
	conn_reply_text(req->conn, req->hdr, yes ? "T" : "F");
	return 0;
}

int request_domain_path(struct request *req)
{
	char path[40];
	uint32_t domid;
	int rc;

	rc = one_domid(req, &domid);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	conn_reply_text(req->conn, req->hdr, path);
	return 0;
}

int request_set_target(struct request *req)
{
	const char *text[2];
	uint64_t domid, target;
	struct domain *d, *t;

	if (request_exact_texts(req, text, 2) ||
	    number_parse(text[0], UINT32_MAX, &domid) ||
	    number_parse(text[1], UINT32_MAX, &target))
		return -EINVAL;
	d = domain_find(req->srv, (uint32_t)domid);
	t = domain_find(req->srv, (uint32_t)target);
	if (!d || !d->introduced || !t || !t->introduced)
		return -ENOENT;
	d->has_target = true;
	d->target = t->domid;
	conn_reply_ok(req->conn, req->hdr);
	return 0;
}

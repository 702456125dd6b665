/*
 * Requests about nodes.  Outside a transaction a change is told at once;
 * inside it is logged, and told by the commit.
 */
#include "xenstore/daemon/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/number.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/tree.h"

static int resolve(const struct request *req, const char *name, char *path)
{
	if (!name)
		return -EINVAL;
	return path_resolve(name, req->conn->domid,
			    req->srv->quota[QUOTA_PATH], path);
}

/*
 * Find a node to read `how` (TOUCH_*) from it.  What a transaction is told,
 * refusals included, it has read.
 */
static int find(struct request *req, const char *name, unsigned int how,
		struct node **out)
{
	char path[PATH_ROOM];
	int rc, touched = 0;

	rc = resolve(req, name, path);
	if (rc)
		return rc;
	rc = nodeop_find(&req->view, path, PERM_READ, out);
	if (req->tx)
		touched = tx_touch(req->tx, path, rc ? TOUCH_SELF : how);
	return touched ? touched : rc;
}

int request_read(struct request *req)
{
	struct node *n;
	int rc;

	rc = find(req, request_text(req), TOUCH_SELF, &n);
	if (rc)
		return rc;
	conn_reply(req->conn, req->hdr, node_value(n), n->value_len);
	return 0;
}

/* All children's names with their NULs, n->children_len bytes. */
static char *children_text(const struct node *n)
{
	struct node **child = mem_alloc((n->children_count + 1u) *
					sizeof(*child));
	char *text = mem_alloc(n->children_len + 1u), *end = text;
	size_t count = dir_list(n->children, child);

	for (size_t i = 0; i < count; i++) {
		memcpy(end, node_name(child[i]), child[i]->name_len + 1u);
		end += child[i]->name_len + 1u;
	}
	free(child);
	return text;
}

int request_directory(struct request *req)
{
	struct node *n;
	char *text;
	int rc;

	rc = find(req, request_text(req), TOUCH_CHILDREN, &n);
	if (rc)
		return rc;
	if (n->children_len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	text = children_text(n);
	conn_reply(req->conn, req->hdr, text, n->children_len);
	free(text);
	return 0;
}

/*
 * As many whole names from `offset` on as fit behind the generation; the last
 * chunk ends with an empty name.  Returns the reply's length.
 */
static size_t directory_chunk(const struct node *n, uint64_t offset,
			      char reply[XENSTORE_PAYLOAD_MAX])
{
	size_t len, room, at = offset;
	char *text;

	len = (size_t)snprintf(reply, 24, "%llu",
			       (unsigned long long)n->child_gen) + 1;
	if (offset >= n->children_len) {
		reply[len++] = '\0';
		return len;
	}
	text = children_text(n);
	room = XENSTORE_PAYLOAD_MAX - len - 1;
	while (at < n->children_len) {
		size_t name = strlen(text + at) + 1;

		if (name > room)
			break;
		memcpy(reply + len, text + at, name);
		len += name;
		at += name;
		room -= name;
	}
	if (at >= n->children_len)
		reply[len++] = '\0';
	free(text);
	return len;
}

int request_directory_part(struct request *req)
{
	char reply[XENSTORE_PAYLOAD_MAX];
	const char *text[2];
	uint64_t offset;
	struct node *n;
	int rc;

	rc = request_exact_texts(req, text, 2);
	if (rc)
		return rc;
	rc = find(req, text[0], TOUCH_CHILDREN, &n);
	if (rc)
		return rc;
	if (number_parse(text[1], UINT32_MAX, &offset))
		return -EINVAL;
	conn_reply(req->conn, req->hdr, reply,
		   directory_chunk(n, offset, reply));
	return 0;
}

int request_get_perms(struct request *req)
{
	char reply[XENSTORE_PAYLOAD_MAX];
	struct node *n;
	size_t len = 0;
	int rc;

	rc = find(req, request_text(req), TOUCH_SELF, &n);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < n->perms->count; i++) {
		if (len + PERM_TEXT_MAX > sizeof(reply))
			return -E2BIG;
		len += perm_format(&n->perms->entry[i], reply + len) + 1;
	}
	conn_reply(req->conn, req->hdr, reply, len);
	return 0;
}

/* A change as the client asked for it. */
struct wish {
	enum tx_op_kind kind;
	const void *value;
	size_t len;
	struct perms *perms;
};

static int apply(struct request *req, const struct wish *w, const char *path,
		 struct change *change)
{
	const struct view *v = &req->view;

	switch (w->kind) {
	case TX_WRITE:
		return nodeop_write(v, path, w->value, w->len, change);
	case TX_MKDIR:
		return nodeop_mkdir(v, path, change);
	case TX_RM:
		return nodeop_rm(v, path, change);
	case TX_SET_PERMS:
		return nodeop_set_perms(v, path, w->perms, change);
	}
	return -EINVAL;
}

/* In a transaction: note a refusal as read, log a success. */
static int record(struct request *req, const struct wish *w, const char *path,
		  int rc)
{
	int touched = tx_touch(req->tx, path, rc ? TOUCH_SELF : TOUCH_WRITE);

	if (touched || rc)
		return touched ? touched : rc;
	return tx_log(req->tx, w->kind, path, w->value, w->len, w->perms);
}

static int change_node(struct request *req, const char *name,
		       const struct wish *w)
{
	struct change change = { 0 };
	char path[PATH_ROOM];
	int rc;

	rc = resolve(req, name, path);
	if (rc)
		return rc;
	rc = apply(req, w, path, &change);
	if (req->tx)
		rc = record(req, w, path, rc);
	else if (!rc)
		watch_fire(req->srv, &change);
	change_done(&change);
	if (!rc)
		conn_reply_ok(req->conn, req->hdr);
	return rc;
}

/* Everything behind the path's NUL is the value. */
int request_write(struct request *req)
{
	struct wish w = { .kind = TX_WRITE };
	const char *name;
	size_t rest;

	if (!request_texts(req, &name, 1, &rest))
		return -EINVAL;
	w.value = req->data + rest;
	w.len = req->len - rest;
	return change_node(req, name, &w);
}

int request_mkdir(struct request *req)
{
	struct wish w = { .kind = TX_MKDIR };

	return change_node(req, request_text(req), &w);
}

int request_rm(struct request *req)
{
	struct wish w = { .kind = TX_RM };

	return change_node(req, request_text(req), &w);
}

/*
 * The entries behind the path.  An entry that names a domain which is not
 * there is kept for show, and names nobody.
 */
static int parse_perms(struct request *req, size_t at, struct perms **out)
{
	struct perms *p;
	unsigned int count = 0;

	for (size_t i = at; i < req->len; i++)
		count += !req->data[i];
	if (!count || req->data[req->len - 1])
		return -EINVAL;
	if (!req->view.who.privileged &&
	    count > req->srv->quota[QUOTA_PERMISSIONS]) {
		domain_refused(req->srv, req->conn->domid, QUOTA_PERMISSIONS,
			       count);
		return -ENOSPC;
	}
	p = perms_new(count);
	for (unsigned int i = 0; i < count; i++) {
		const char *text = req->data + at;
		struct domain *d;

		if (perm_parse(text, &p->entry[i])) {
			perms_put(p);
			return -EINVAL;
		}
		d = domain_get(req->srv, p->entry[i].domid);
		p->entry[i].incarnation = d ? d->incarnation : 0;
		at += strlen(text) + 1;
	}
	*out = p;
	return 0;
}

static int set_special(struct request *req, const char *name,
		       struct perms *perms)
{
	int which = special_number(name);
	struct perms **slot;
	unsigned int need = PERM_WRITE | PERM_OWNER;

	if (which < 0)
		return -EINVAL;
	slot = &req->srv->special_perms[which];
	/* To others these lists are not there; so the stock daemon says it. */
	if ((perms_of(*slot, &req->view.who) & need) != need)
		return -ENOENT;
	perms_put(*slot);
	*slot = perms_get(perms);
	conn_reply_ok(req->conn, req->hdr);
	return 0;
}

int request_set_perms(struct request *req)
{
	struct wish w = { .kind = TX_SET_PERMS };
	const char *name;
	size_t rest;
	int rc;

	if (!request_texts(req, &name, 1, &rest))
		return -EINVAL;
	rc = parse_perms(req, rest, &w.perms);
	if (rc)
		return rc;
	if (path_is_special(name))
		rc = set_special(req, name, w.perms);
	else
		rc = change_node(req, name, &w);
	perms_put(w.perms);
	return rc;
}

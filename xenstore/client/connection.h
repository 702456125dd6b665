/*
 * The client's connection: what store.c builds its operations of.
 *
 * One request is on its way at a time, or one batch of them, whose replies
 * come in the same order.  Each read brings what there is, and messages are
 * taken out of that; events go to a queue.  An eventfd that is readable while
 * that queue or what was read holds something stands in one epoll set with
 * the connection: the set's descriptor is what store_fd() gives out.
 */
#ifndef XENSTORE_CLIENT_CONNECTION_H
#define XENSTORE_CLIENT_CONNECTION_H

#include <string.h>
#include <sys/queue.h>

#include "xenstore/client/store.h"
#include "xenstore/wire.h"

/* Parts that the payload of one request may be made of. */
#define PARTS_MAX 20

struct event {
	STAILQ_ENTRY(event) link;
	const char *token;		/* inside text */
	char text[];			/* path NUL token NUL */
};

/* What one read may bring: many short messages, one of any length at least. */
#define IN_ROOM	(2 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX))

/* Requests of one batch, and the bytes of them, that are sent at once. */
#define BATCH_MAX	128
#define BATCH_ROOM	(32u << 10)

struct batch {
	bool on;
	int rc;				/* the first refusal */
	unsigned int count;
	uint32_t type[BATCH_MAX];
	char **value[BATCH_MAX];	/* where a reply goes; NULL: nowhere */
	size_t len;
	char *bytes;			/* BATCH_ROOM */
};

struct store {
	int fd;				/* socket or device */
	bool by_socket;
	struct batch batch;
	int poll_fd, queue_fd;		/* epoll set, eventfd of the queue */
	int broken;			/* 0, or why nothing works any more */
	uint32_t last_request;
	STAILQ_HEAD(, event) events;
	struct event *current;		/* handed out last */

	/* The message that arrived last: header, then payload and a NUL. */
	struct xsd_sockmsg hdr;
	char payload[XENSTORE_PAYLOAD_MAX + 1];

	/* What was read and is not taken yet: [in_at, in_len). */
	size_t in_at, in_len;
	char in[IN_ROOM];
};

/* One part of a request's payload. */
struct part {
	const void *data;
	size_t len;
};

/* A text with its NUL. */
static inline struct part store_text_part(const char *text)
{
	return (struct part){ text, strlen(text) + 1 };
}

/* Nothing works any more, for this reason, which it returns. */
int store_broke(struct store *s, int rc);

/*
 * Send a request of `count` parts and wait for its reply, which is then in
 * s->payload, s->hdr.len bytes and a NUL, until the next call.
 */
int store_call(struct store *s, uint32_t type, store_tx tx,
	       const struct part *part, unsigned int count);
int store_call_text(struct store *s, uint32_t type, store_tx tx,
		    const char *text);

/* As part of the batch that is on: the reply comes later, into *value. */
int store_batch_add(struct store *s, uint32_t type, store_tx tx,
		    const struct part *part, unsigned int count, char **value);

/* The reply as memory of the caller's, with a NUL behind it. */
int store_take_reply(const struct store *s, char **out);

/* Forget the events of a watch that were not handed out yet. */
void store_drop_events(struct store *s, const char *path, const char *token);

#endif

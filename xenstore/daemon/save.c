/* The whole state of a server as bytes, and back: see save.h. */
#include "xenstore/daemon/save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/graph.h"
#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/ring.h"
#include "xenstore/daemon/tree.h"

#define FORMAT		1u
#define NO_WATCH	UINT32_MAX

/* --- domains -------------------------------------------------------------- */

struct saved_domain {
	uint64_t incarnation, memory;
	uint32_t domid, target;
	uint32_t nodes, watches, transactions, refused;
	uint8_t introduced, shutdown_seen, has_target, padding[5];
};

static void save_domains(struct saver *s, const struct server *srv)
{
	const struct domain *d;

	TAILQ_FOREACH(d, &srv->known_domains, link) {
		struct saved_domain out = {
			.incarnation = d->incarnation, .memory = d->memory,
			.domid = d->domid, .target = d->target,
			.nodes = d->nodes, .watches = d->watches,
			.transactions = d->transactions,
			.refused = d->refused, .introduced = d->introduced,
			.shutdown_seen = d->shutdown_seen,
			.has_target = d->has_target,
		};

		save_u32(s, 1);
		save_bytes(s, &out, sizeof(out));
	}
	save_u32(s, 0);
}

static void load_domains(struct loader *l, struct server *srv)
{
	while (load_u32(l)) {
		struct saved_domain in;
		struct domain *d;

		memcpy(&in, load_bytes(l, sizeof(in)), sizeof(in));
		if (l->failed || in.domid >= DOMID_FIRST_RESERVED ||
		    srv->domains[in.domid]) {
			l->failed = true;
			return;
		}
		d = mem_zalloc(sizeof(*d));
		d->srv = srv;
		d->domid = in.domid;
		d->incarnation = in.incarnation;
		d->introduced = in.introduced;
		d->shutdown_seen = in.shutdown_seen;
		d->has_target = in.has_target;
		d->target = in.target;
		d->nodes = in.nodes;
		d->watches = in.watches;
		d->transactions = in.transactions;
		d->memory = in.memory;
		d->refused = in.refused;
		srv->domains[d->domid] = d;
		TAILQ_INSERT_TAIL(&srv->known_domains, d, link);
	}
}

/* --- transactions --------------------------------------------------------- */

static void save_tx(struct saver *s, const struct tx *tx)
{
	const struct tx_op *op;

	save_u32(s, tx->id);
	save_u64(s, tx->charged);
	save_u32(s, tx->doomed);
	save_node(s, tx->base);
	save_node(s, tx->root);
	save_u32(s, (uint32_t)tx->deltas.count);
	for (size_t i = 0; i < tx->deltas.count; i++) {
		save_u32(s, tx->deltas.entry[i].domid);
		save_u64(s, (uint64_t)tx->deltas.entry[i].nodes);
		save_u64(s, (uint64_t)tx->deltas.entry[i].memory);
	}
	save_u32(s, (uint32_t)tx->touched.count);
	for (size_t i = 0; i < tx->touched.count; i++) {
		save_u32(s, tx->touched.entry[i].flags);
		save_text(s, tx->touched.entry[i].path);
	}
	STAILQ_FOREACH(op, &tx->log, link) {
		save_u32(s, 1);
		save_u32(s, op->kind);
		save_text(s, op->path);
		save_u32(s, (uint32_t)op->len);
		save_bytes(s, op->value, op->len);
		save_perms(s, op->perms);
	}
	save_u32(s, 0);
}

static void load_tx(struct loader *l, struct conn *c)
{
	struct tx *tx = tx_restore(c, load_u32(l));
	uint32_t count;

	tx->charged = load_u64(l);
	tx->doomed = load_u32(l);
	tx->base = load_node(l);
	tx->root = load_node(l);
	for (count = load_u32(l); count && !l->failed; count--) {
		struct delta *d = deltas_get(&tx->deltas, load_u32(l));

		d->nodes = (int64_t)load_u64(l);
		d->memory = (int64_t)load_u64(l);
	}
	for (count = load_u32(l); count && !l->failed; count--) {
		unsigned int flags = load_u32(l);

		pathset_add(&tx->touched, load_text(l))->flags = flags;
	}
	while (load_u32(l)) {
		enum tx_op_kind kind = load_u32(l);
		const char *path = load_text(l);
		size_t len = load_u32(l);
		const void *value = load_bytes(l, len);
		struct perms *perms = load_perms(l);

		if (!l->failed)
			tx_append(tx, kind, path, value, len, perms);
		perms_put(perms);
	}
}

/* --- connections ---------------------------------------------------------- */

static uint32_t watch_index(const struct conn *c, const struct watch *wanted)
{
	const struct watch *w;
	uint32_t i = 0;

	TAILQ_FOREACH(w, &c->watches, in_conn) {
		if (w == wanted)
			return i;
		i++;
	}
	return NO_WATCH;
}

static struct watch *watch_at(const struct conn *c, uint32_t index)
{
	struct watch *w;

	if (index == NO_WATCH)
		return NULL;
	TAILQ_FOREACH(w, &c->watches, in_conn) {
		if (!index--)
			break;
	}
	return w;
}

static void save_conn(struct saver *s, const struct conn *c)
{
	const struct outmsg *m;
	const struct watch *w;
	const struct tx *tx;

	save_u64(s, c->key);
	save_u32(s, c->domid);
	save_u32(s, c->privileged);
	if (c->key & KEY_RING)
		ring_save(s, c);
	save_u32(s, c->last_tx);
	save_u32(s, (uint32_t)c->in_len);
	save_bytes(s, c->in, c->in_len);
	TAILQ_FOREACH(w, &c->watches, in_conn) {
		save_u32(s, 1);
		save_text(s, watch_path(w));
		save_text(s, w->token);
		save_u64(s, w->strip);
		save_u64(s, w->seq);
	}
	save_u32(s, 0);
	TAILQ_FOREACH(m, &c->out, link) {
		save_u32(s, 1);
		save_u32(s, m->event);
		save_u32(s, m->watch ? watch_index(c, m->watch) : NO_WATCH);
		save_u32(s, (uint32_t)m->sent);
		save_u32(s, (uint32_t)m->len);
		save_bytes(s, m->data, m->len);
	}
	save_u32(s, 0);
	TAILQ_FOREACH(tx, &c->txs, link) {
		save_u32(s, 1);
		save_tx(s, tx);
	}
	save_u32(s, 0);
}

/* The header inside is not aligned where it lies. */
static void load_message(struct loader *l, struct conn *c)
{
	struct {
		struct xsd_sockmsg hdr;
		char data[XENSTORE_PAYLOAD_MAX];
	} msg;
	bool event = load_u32(l);
	uint32_t watch = load_u32(l);
	size_t sent = load_u32(l), len = load_u32(l);

	if (len < sizeof(msg.hdr) || len > sizeof(msg) || sent >= len) {
		l->failed = true;
		return;
	}
	memcpy(&msg, load_bytes(l, sizeof(msg.hdr)), sizeof(msg.hdr));
	if (l->failed || msg.hdr.len != len - sizeof(msg.hdr) ||
	    (size_t)(l->end - l->at) < msg.hdr.len) {
		l->failed = true;
		return;
	}
	memcpy(msg.data, load_bytes(l, msg.hdr.len), msg.hdr.len);
	conn_requeue(c, &msg.hdr, event, sent, watch_at(c, watch));
}

static struct conn *load_transport(struct loader *l, struct server *srv)
{
	uint64_t key = load_u64(l);
	uint32_t domid = load_u32(l);
	uint32_t privileged = load_u32(l);
	struct domain *d = domain_find(srv, domid);
	struct conn *c;

	if (l->failed || ((key & KEY_RING) && !d)) {
		l->failed = true;
		return NULL;
	}
	c = key & KEY_RING ? ring_load(l, d) :
			     srv->setup->client_new(srv, key);
	c->domid = domid;
	c->privileged = privileged;
	return c;
}

static void load_conn(struct loader *l, struct server *srv)
{
	struct conn *c = load_transport(l, srv);
	uint32_t len;

	if (!c)
		return;
	c->last_tx = load_u32(l);
	len = load_u32(l);
	if (len && len <= (size_t)(l->end - l->at)) {
		c->in = mem_alloc(len);
		memcpy(c->in, load_bytes(l, len), len);
		c->in_len = len;
	}
	while (load_u32(l)) {
		const char *path = load_text(l), *token = load_text(l);
		uint64_t strip = load_u64(l);

		(void)watch_restore(c, path, token, strip, load_u64(l));
	}
	while (load_u32(l) && !l->failed)
		load_message(l, c);
	while (load_u32(l) && !l->failed)
		load_tx(l, c);
	conn_restored(c);
}

/* --- all of it ------------------------------------------------------------ */

int save_state(struct server *srv, save_room *get_room, void *arg)
{
	struct conn *c;
	struct saver s;
	bool failed;

	saver_init(&s, get_room, arg);
	save_u32(&s, FORMAT);
	save_u64(&s, hash_seed);
	save_u64(&s, hash_factor);
	save_u64(&s, srv->last_gen);
	save_u64(&s, srv->last_incarnation);
	save_u64(&s, srv->last_client);
	save_u32(&s, QUOTA_KINDS);
	save_bytes(&s, srv->quota, sizeof(srv->quota));
	save_u32(&s, srv->trace);
	save_u32(&s, srv->keep_orphans);
	save_u32(&s, srv->full);
	save_text(&s, srv->log_file);
	save_text(&s, srv->update);
	save_domains(&s, srv);
	for (unsigned int i = 0; i < SPECIALS; i++)
		save_perms(&s, srv->special_perms[i]);
	save_node(&s, srv->root);
	TAILQ_FOREACH(c, &srv->conns, in_all) {
		save_u32(&s, 1);
		save_conn(&s, c);
	}
	save_u32(&s, 0);
	failed = s.failed;
	saver_free(&s);
	return failed ? -ENOSPC : 0;
}

/* Loading charged what it made on top of the charges that it loaded. */
static void restore_charges(struct server *srv, const char *at, size_t len)
{
	struct server *other = mem_zalloc(sizeof(*other));
	struct loader l;
	struct domain *d;

	TAILQ_INIT(&other->known_domains);
	loader_init(&l, at, len);
	load_domains(&l, other);
	while ((d = TAILQ_FIRST(&other->known_domains))) {
		struct domain *own = domain_find(srv, d->domid);

		own->nodes = d->nodes;
		own->watches = d->watches;
		own->transactions = d->transactions;
		own->memory = d->memory;
		own->refused = d->refused;
		TAILQ_REMOVE(&other->known_domains, d, link);
		free(d);
	}
	free(other);
}

static void load_server(struct loader *l, struct server *srv)
{
	const char *domains;
	uint32_t kinds;

	hash_seed = load_u64(l);
	hash_factor = load_u64(l);
	srv->last_gen = load_u64(l);
	srv->last_incarnation = load_u64(l);
	srv->last_client = load_u64(l);
	/* An older program knew fewer: the rest are as they come. */
	kinds = load_u32(l);
	if (kinds > QUOTA_KINDS) {
		l->failed = true;
		return;
	}
	memcpy(srv->quota, load_bytes(l, kinds * sizeof(srv->quota[0])),
	       kinds * sizeof(srv->quota[0]));
	srv->trace = load_u32(l);
	srv->keep_orphans = load_u32(l);
	srv->full = load_u32(l);
	strncpy(srv->log_file, load_text(l), sizeof(srv->log_file) - 1);
	strncpy(srv->update, load_text(l), sizeof(srv->update) - 1);
	domains = l->at;
	load_domains(l, srv);
	for (unsigned int i = 0; i < SPECIALS; i++)
		srv->special_perms[i] = load_perms(l);
	srv->root = load_node(l);
	while (load_u32(l) && !l->failed)
		load_conn(l, srv);
	if (!l->failed)
		restore_charges(srv, domains, (size_t)(l->end - domains));
}

struct server *load_state(const struct server_setup *setup, const void *state,
			  size_t len)
{
	struct server *srv = NULL;
	struct loader l;

	loader_init(&l, state, len);
	if (load_u32(&l) == FORMAT) {
		srv = server_empty(setup);
		log_mute(true);
		load_server(&l, srv);
		log_mute(false);
	}
	/* What was half built of bytes that lie is left: we end. */
	if (l.failed)
		srv = NULL;
	loader_free(&l);
	return srv;
}

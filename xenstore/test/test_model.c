/*
 * Random requests from several connections, inside and outside transactions,
 * against a plain model that keeps every node in an array and copies all of
 * it for a transaction.  Every answer must be the model's: values, lists in
 * their order, errors, and which commits conflict.
 *
 * STEPS and SEED in the environment make it longer or different.
 */
#include "xenstore/test/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tree of fixed places: 0 is /m, 3n+1 to 3n+3 are the children of n. */
#define PLACES	40
#define FANOUT	3
#define OPS_MAX	200
#define CONNS	3

struct place {
	bool exists;
	unsigned int value;		/* 0: empty */
	uint64_t version, child_version, born;
};

struct op {
	enum { WRITE, MAKE, REMOVE } kind;
	unsigned int place, value;
};

/* A transaction of the model. */
struct mtx {
	uint32_t id;			/* 0: none is open */
	struct place base[PLACES], own[PLACES];
	unsigned int read[PLACES];	/* 1: itself, 2: its children */
	struct op op[OPS_MAX];
	unsigned int ops;
};

struct model {
	struct harness *h;
	struct place live[PLACES];
	uint64_t clock;
	struct mtx tx[CONNS];
	unsigned int conflicts, commits;
};

static unsigned int parent_of(unsigned int p)
{
	return (p - 1) / FANOUT;
}

static void path_of(unsigned int p, char *path)
{
	if (!p) {
		strcpy(path, "/m");
		return;
	}
	path_of(parent_of(p), path);
	sprintf(path + strlen(path), "/%u", p);
}

static bool parent_exists(const struct place *t, unsigned int p)
{
	return !p || t[parent_of(p)].exists;
}

/* --- what the model does -------------------------------------------------- */

static void m_create(struct model *m, struct place *t, unsigned int p)
{
	if (t[p].exists)
		return;
	if (p)
		m_create(m, t, parent_of(p));
	t[p] = (struct place){ .exists = true };
	t[p].version = t[p].child_version = t[p].born = ++m->clock;
	if (p)
		t[parent_of(p)].child_version = m->clock;
}

static void m_remove(struct place *t, unsigned int p)
{
	t[p].exists = false;
	for (unsigned int c = FANOUT * p + 1; c <= FANOUT * p + FANOUT; c++) {
		if (c < PLACES)
			m_remove(t, c);
	}
}

/* One change; false if it is refused with ENOENT. */
static bool m_change(struct model *m, struct place *t, const struct op *op)
{
	unsigned int p = op->place;

	if (op->kind == REMOVE) {
		if (!t[p].exists)
			return parent_exists(t, p);
		m_remove(t, p);
		if (p)
			t[parent_of(p)].child_version = ++m->clock;
		return true;
	}
	m_create(m, t, p);
	if (op->kind == WRITE) {
		t[p].value = op->value;
		t[p].version = ++m->clock;
	}
	return true;
}

static void m_list(const struct place *t, unsigned int p, char *out)
{
	uint64_t last = 0;

	*out = '\0';
	for (;;) {
		unsigned int next = 0;

		for (unsigned int c = FANOUT * p + 1;
		     c <= FANOUT * p + FANOUT && c < PLACES; c++) {
			if (t[c].exists && t[c].born > last &&
			    (!next || t[c].born < t[next].born))
				next = c;
		}
		if (!next)
			return;
		last = t[next].born;
		sprintf(out + strlen(out), "%u|", next);
	}
}

static bool m_conflict(const struct model *m, const struct mtx *tx)
{
	for (unsigned int p = 0; p < PLACES; p++) {
		const struct place *a = &tx->base[p], *b = &m->live[p];

		if (!tx->read[p] || (!a->exists && !b->exists))
			continue;
		if (a->exists != b->exists)
			return true;
		if ((tx->read[p] & 1) && a->version != b->version)
			return true;
		if ((tx->read[p] & 2) && a->child_version != b->child_version)
			return true;
	}
	return false;
}

/* --- one random step ------------------------------------------------------ */

static struct place *tree_of(struct model *m, unsigned int who)
{
	return m->tx[who].id ? m->tx[who].own : m->live;
}

static void do_read(struct model *m, unsigned int who, unsigned int p)
{
	const struct place *t = &tree_of(m, who)[p];
	char request[200], want[32] = "!ENOENT";

	path_of(p, request);
	strcat(request, "|");
	if (t->exists && t->value)
		sprintf(want, "%u", t->value);
	else if (t->exists)
		want[0] = '\0';
	m->tx[who].read[p] |= 1;
	expect(m->h, who, XS_READ, m->tx[who].id, request, want);
}

static void do_list(struct model *m, unsigned int who, unsigned int p)
{
	const struct place *t = tree_of(m, who);
	char request[200], want[64] = "!ENOENT";

	path_of(p, request);
	strcat(request, "|");
	if (t[p].exists)
		m_list(t, p, want);
	m->tx[who].read[p] |= t[p].exists ? 2 : 1;
	expect(m->h, who, XS_DIRECTORY, m->tx[who].id, request, want);
}

static void do_change(struct model *m, unsigned int who, struct op op)
{
	static const uint32_t types[] = { XS_WRITE, XS_MKDIR, XS_RM };
	struct mtx *tx = &m->tx[who];
	char request[200];
	bool ok;

	if (tx->id && tx->ops == OPS_MAX)
		return;
	path_of(op.place, request);
	strcat(request, "|");
	if (op.kind == WRITE)
		sprintf(request + strlen(request), "%u", op.value);
	ok = m_change(m, tree_of(m, who), &op);
	if (tx->id && ok)
		tx->op[tx->ops++] = op;
	else
		tx->read[op.place] |= 1;
	expect(m->h, who, types[op.kind], tx->id, request,
	       ok ? "OK|" : "!ENOENT");
}

static void do_begin(struct model *m, unsigned int who)
{
	struct mtx *tx = &m->tx[who];

	memset(tx, 0, sizeof(*tx));
	memcpy(tx->base, m->live, sizeof(tx->base));
	memcpy(tx->own, m->live, sizeof(tx->own));
	tx->id = start_tx(m->h, who);
}

static void do_end(struct model *m, unsigned int who, bool commit)
{
	struct mtx *tx = &m->tx[who];
	struct place before[PLACES];
	const char *want = "OK|";

	memcpy(before, m->live, sizeof(before));
	if (commit && m_conflict(m, tx))
		want = "!EAGAIN";
	for (unsigned int i = 0; commit && *want != '!' && i < tx->ops; i++) {
		if (!m_change(m, m->live, &tx->op[i]))
			want = "!EAGAIN";
	}
	if (*want == '!')
		memcpy(m->live, before, sizeof(before));
	m->conflicts += *want == '!';
	m->commits += commit && *want != '!';
	expect(m->h, who, XS_TRANSACTION_END, tx->id, commit ? "T|" : "F|",
	       want);
	tx->id = 0;
}

static void one_step(struct model *m)
{
	unsigned int who = (unsigned int)random() % CONNS;
	unsigned int p = (unsigned int)random() % PLACES;
	struct op op = { .place = p,
			 .value = 1 + (unsigned int)random() % 1000000 };

	switch (random() % 12) {
	case 0:
	case 1:
	case 2:
		do_read(m, who, p);
		break;
	case 3:
		do_list(m, who, p);
		break;
	case 4:
	case 5:
	case 6:
		op.kind = WRITE;
		do_change(m, who, op);
		break;
	case 7:
		op.kind = MAKE;
		do_change(m, who, op);
		break;
	case 8:
		op.kind = REMOVE;
		do_change(m, who, op);
		break;
	default:
		if (m->tx[who].id)
			do_end(m, who, random() % 4);
		else
			do_begin(m, who);
	}
	if (!m->tx[who].id)
		memset(m->tx[who].read, 0, sizeof(m->tx[who].read));
}

static unsigned int number_from(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void random_requests(void **state)
{
	unsigned int steps = number_from("STEPS", 60000);
	unsigned int seed = number_from("SEED", 1);
	struct model *m = calloc(1, sizeof(*m));

	(void)state;
	assert_non_null(m);
	srandom(seed);
	m->h = harness_new();
	for (unsigned int who = 0; who < CONNS; who++) {
		conn_end(m->h->wire[who].conn, -EPIPE);
		wire_open(m->h, &m->h->wire[who], 0, true);
	}
	for (unsigned int i = 0; i < steps; i++) {
		one_step(m);
		if (i % 1000 == 0)
			assert_sound(m->h);
	}
	/* What is there in the end, node by node. */
	for (unsigned int who = 0; who < CONNS; who++) {
		if (m->tx[who].id)
			do_end(m, who, false);
	}
	for (unsigned int p = 0; p < PLACES; p++) {
		do_read(m, 0, p);
		do_list(m, 0, p);
	}
	print_message("# seed %u: %u steps, %u commits, %u conflicts\n", seed,
		      steps, m->commits, m->conflicts);
	assert_true(steps < 10000 || (m->commits > 100 && m->conflicts > 100));
	assert_sound(m->h);
	harness_free(m->h);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_requests),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A client's rounds: see rounds.h. */
#include "xenstore/test/rounds.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PLACES		40	/* nodes that one client writes in turn */
#define PATIENCE_MS	60000

static bool complain(const struct rounds *r, const char *what, long value)
{
	printf("# client %s, round %lu: %s (%ld)\n", r->name, r->count, what,
	       value);
	fflush(stdout);
	return false;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void waited(struct rounds *r, uint64_t since)
{
	uint64_t took = now_us() - since;

	if (took > r->longest_us)
		r->longest_us = took;
}

bool rounds_begin(struct rounds *r, const char *name)
{
	struct store_event ev;
	char path[64];

	*r = (struct rounds){ .name = name, .s = store_open() };
	snprintf(path, sizeof(path), "/c/%s", name);
	return r->s && !store_watch(r->s, path, "t") &&
	       store_next_event(r->s, PATIENCE_MS, &ev) == 1;
}

static int add_one(struct store *s, store_tx tx, void *arg)
{
	uint64_t n;
	int rc = store_read_u64(s, tx, arg, &n);

	return rc ? rc : store_writef(s, tx, arg, "%llu",
				      (unsigned long long)n + 1);
}

bool rounds_do(struct rounds *r)
{
	unsigned long n = ++r->count;
	uint64_t value, start = now_us();
	struct store_event ev;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/c/%s/%lu", r->name, n % PLACES);
	rc = store_writef(r->s, STORE_NO_TX, path, "%lu", n);
	waited(r, start);
	if (rc)
		return complain(r, "write", rc);
	rc = store_next_event(r->s, PATIENCE_MS, &ev);
	if (rc != 1 || strcmp(ev.path, path))
		return complain(r, rc == 1 ? ev.path : "no event", rc);
	start = now_us();
	rc = store_read_u64(r->s, STORE_NO_TX, path, &value);
	waited(r, start);
	if (rc || value != n)
		return complain(r, "read", rc ? rc : (long)value);
	rc = store_transaction(r->s, add_one, "/sum");
	return rc ? complain(r, "transaction", rc) : true;
}

/* What a store must hold after so many rounds, node by node. */
static bool as_modelled(struct rounds *r)
{
	unsigned long first = r->count < PLACES ? 1 : r->count - PLACES + 1;

	for (unsigned long n = first; n <= r->count; n++) {
		uint64_t value = 0;
		char path[64];
		int rc;

		snprintf(path, sizeof(path), "/c/%s/%lu", r->name, n % PLACES);
		rc = store_read_u64(r->s, STORE_NO_TX, path, &value);
		if (rc || value != n)
			return complain(r, path, rc ? rc : (long)value);
	}
	return true;
}

bool rounds_end(struct rounds *r)
{
	struct store_event ev;
	char path[64];
	int rc;

	if (!as_modelled(r))
		return false;
	snprintf(path, sizeof(path), "/c/%s", r->name);
	rc = store_writef(r->s, STORE_NO_TX, path, "%lu", r->count);
	if (!rc)
		rc = store_next_event(r->s, PATIENCE_MS, &ev) == 1 ? 0 : -1;
	/* And then no event more. */
	if (!rc)
		rc = store_next_event(r->s, 0, &ev);
	store_close(r->s);
	return rc ? complain(r, "the end", rc) : true;
}

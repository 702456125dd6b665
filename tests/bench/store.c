/*
 * What one client of the store pays for an operation, through the daemon's
 * socket: prints "@@ cost NAME TICKS N" as tests/bench/linux.c does. The rest
 * of the store is what the domains of tests/bench/scale.sh have made of it;
 * the argument tells their number, and ends each name.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "guest-pv/include/marks.h"
#include "xenstore/client/store.h"

#define ROUNDS 3
#define TIMES 100
#define FOLDER "/bench"

static struct store *s;

static void must(int rc)
{
	if (rc < 0) {
		fprintf(stderr, "store: error %d\n", -rc);
		exit(1);
	}
}

static void op_read(void)
{
	char *value;

	must(store_read(s, STORE_NO_TX, FOLDER "/1", &value, NULL));
	free(value);
}

static void op_write(void)
{
	must(store_write_str(s, STORE_NO_TX, FOLDER "/1", "some words"));
}

static void op_directory(void)
{
	unsigned int count;
	char **names;

	must(store_directory(s, STORE_NO_TX, FOLDER, &names, &count));
	free(names);
}

/* Read, change, write back. */
static void op_transaction(void)
{
	uint64_t number;
	store_tx tx;

	must(store_transaction_start(s, &tx));
	must(store_read_u64(s, tx, FOLDER "/number", &number));
	must(store_writef(s, tx, FOLDER "/number", "%llu",
			  (unsigned long long)number + 1));
	must(store_transaction_end(s, tx, true));
}

static uint64_t round_of(void (*op)(void))
{
	uint64_t start = __rdtsc();

	for (unsigned int i = 0; i < TIMES; i++)
		op();
	return __rdtsc() - start;
}

static void measure(const char *name, const char *domains, void (*op)(void))
{
	uint64_t best = UINT64_MAX, took;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		took = round_of(op);
		if (took < best)
			best = took;
	}
	mark_begin();
	round_of(op);
	mark_end();
	printf("@@ cost %s_%s %.1f %d\n", name, domains,
	       (double)best / TIMES, TIMES);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	s = store_open();
	if (!s) {
		perror("store");
		return 1;
	}
	for (int i = 0; i < 10; i++) {
		char path[32];

		snprintf(path, sizeof(path), FOLDER "/%d", i);
		must(store_write_str(s, STORE_NO_TX, path, "some words"));
	}
	must(store_write_str(s, STORE_NO_TX, FOLDER "/number", "1"));
	measure("store_read", argv[1], op_read);
	measure("store_write", argv[1], op_write);
	measure("store_directory", argv[1], op_directory);
	measure("store_transaction", argv[1], op_transaction);
	must(store_rm(s, STORE_NO_TX, FOLDER));
	store_close(s);
	return 0;
}

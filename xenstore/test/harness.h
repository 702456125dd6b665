/*
 * A server inside the test program: a hypervisor of arrays, and connections
 * whose bytes lie in memory.
 */
#ifndef XENSTORE_TEST_HARNESS_H
#define XENSTORE_TEST_HARNESS_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/server.h"
#include "xenstore/test/steps.h"

#define FAKE_DOMAINS 16

/* The hypervisor: a domain's own port is its number plus 100. */
struct fake_hv {
	bool exists[FAKE_DOMAINS];
	struct hv_domain state[FAKE_DOMAINS];
	struct xenstore_domain_interface page[FAKE_DOMAINS];
	bool mapped[FAKE_DOMAINS];
	uint32_t bound[FAKE_DOMAINS];	/* remote port, 0: none */
	unsigned int notified[FAKE_DOMAINS];
};

/* A memory connection. */
struct wire {
	struct conn *conn;		/* NULL once it ended */
	int reason;			/* why */
	size_t in_len, in_at;
	size_t piece;			/* most bytes per read; 0: no limit */
	size_t out_len, out_at;
	size_t room;			/* bytes still taken from the daemon */
	char in[1 << 16];
	char out[1 << 18];
};

struct harness {
	struct fake_hv hv;
	struct server_setup setup;
	struct server *srv;
	uint64_t last_key;
	struct wire wire[WHO_MAX];	/* as steps_domain.c says */
	struct steps_io io;
};

extern const struct hv_ops fake_hv_ops;

/* Domains 1 to 3 exist; a server; the four connections. */
struct harness *harness_new(void);
void harness_free(struct harness *h);

/* One more connection. */
void wire_open(struct harness *h, struct wire *w, uint32_t domid,
	       bool privileged);

/* The same under a key of the test's choice, 1 for the first of wire[]. */
void wire_open_as(struct harness *h, struct wire *w, uint32_t domid,
		  bool privileged, uint64_t key);
extern const struct transport_ops wire_ops;

/* Let bytes arrive, and the server do all there is to do. */
void wire_feed(struct harness *h, struct wire *w, const void *data,
	       size_t len);
void harness_settle(struct harness *h);

/* Send one request with | for NUL. */
void wire_send(struct harness *h, struct wire *w, uint32_t type, uint32_t tx,
	       const char *request);

/* The next message: true, or false if there is no whole one. */
bool wire_next(struct wire *w, struct xsd_sockmsg *hdr, char *data);

/* One request and its answer, compared; events are skipped. */
void expect(struct harness *h, unsigned int who, uint32_t type, uint32_t tx,
	    const char *request, const char *want);

/* Start a transaction; its number. */
uint32_t start_tx(struct harness *h, unsigned int who);

/* All of a server's state, as save_state() writes it; free(data). */
struct buffer {
	char *data;
	size_t len, room;
};
struct buffer state_of(struct server *srv);

/* The invariants of check.h, or a failed test. */
void assert_sound(struct harness *h);

#endif

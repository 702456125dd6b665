/*
 * Scripts of requests and the answers they must get: the language in which
 * the protocol's rules are written down as tables, and its interpreter.
 *
 * In texts '|' stands for the NUL byte.  An expected answer that begins with
 * '!' is an error's name; "$3" takes what comes as transaction number 3; "*"
 * takes anything.
 */
#ifndef XENSTORE_TEST_STEPS_H
#define XENSTORE_TEST_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "xenstore/wire.h"

/* Step types beside XS_*. */
#define STEP_EVENT	1000	/* that connection's next event is `want` */
#define STEP_QUIET	1001	/* it has no event waiting */
#define STEP_SYNC	1002	/* drop the events it has */

/* Type bit: the first message after the request is the event `want`. */
#define STEP_FIRST	0x10000

#define TX_UNKNOWN	9	/* a number that no transaction has */

struct step {
	const char *title;	/* set: a new case begins here */
	unsigned int who;	/* which connection */
	unsigned int type, tx;
	const char *request;
	const char *want;
};

#define CASE(text)		{ .title = (text) }
#define DO(who, op, req, want)	{ NULL, who, XS_##op, 0, req, want }
#define IN(tx, who, op, req, want) { NULL, who, XS_##op, tx, req, want }
#define EVENT(who, want)	{ NULL, who, STEP_EVENT, 0, NULL, want }
#define FIRST(who, op, req, want) \
	{ NULL, who, STEP_FIRST | XS_##op, 0, req, want }
#define QUIET(who)		{ NULL, who, STEP_QUIET, 0, NULL, NULL }
#define SYNC(who)		{ NULL, who, STEP_SYNC, 0, NULL, NULL }

/* The four connections that scripts know. */
#define WHO_MAX 4

/*
 * How a script reaches a daemon.  message() sends one message on connection
 * `who`; next() waits for the next one that comes there: 1, or 0 if the
 * connection ended (or, in-process, if nothing is there).
 */
struct steps_io {
	void *arg;
	void (*message)(void *arg, unsigned int who,
			const struct xsd_sockmsg *hdr, const char *data);
	int (*next)(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
		    char *data);
};

/*
 * Run one case, from the step behind its title on; returns true if all went
 * as written, else `why` says what did not.  *used is the number of steps up
 * to the next title.
 */
bool steps_run(const struct step *step, size_t count,
	       const struct steps_io *io, size_t *used,
	       char *why, size_t why_size);

/* The tables.  Those of sockets need privileged connections only. */
extern const struct step socket_steps[], domain_steps[];
extern const size_t socket_step_count, domain_step_count;

#endif

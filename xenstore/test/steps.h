/*
 * Scripts of requests and the answers they must get: the language in which
 * the protocol's rules are written down as tables, and its interpreter.
 *
 * A case is a rule; its title says which, behind the name of the interface's
 * chapter.  In texts '|' stands for the NUL byte, '#' for the number of the
 * repetition, '^3' for the port of the store that domain 3 offers.  An
 * expected answer that begins with '!' is an error's name; "$3" takes what
 * comes as transaction number 3; "*" takes any success, "!" any error, "?"
 * anything.
 *
 * Where the stock daemon of 4.17 answers otherwise, a step says both answers,
 * and its case why.
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
#define STEP_SEND	1003	/* a READ whose answer is not waited for */
#define STEP_ANSWER	1004	/* the answer to the oldest one sent */
#define STEP_LONG	1005	/* a header that promises 4097 bytes */
#define STEP_ENDED	1006	/* the connection is ended by the daemon */
#define STEP_PARTS	1007	/* DIRECTORY_PART to the end: `want` names */
#define STEP_SHUTDOWN	1008	/* domain `who` shuts down */
#define STEP_DESTROY	1009	/* domain `who` is destroyed */

/* Type bit: the first message after the request is the event `want`. */
#define STEP_FIRST	0x10000

#define TX_UNKNOWN	9	/* a number that no transaction has */

struct step {
	const char *title;	/* set: a new case begins here */
	unsigned int who;	/* which connection */
	unsigned int type, tx;
	const char *request;
	const char *want;
	const char *stock;	/* the stock daemon's answer; of a case: why */
	unsigned int times;	/* more than one: with '#' counting from 0 */
};

#define CASE(text)		{ .title = (text) }
#define CASE_DIFFERS(text, why)	{ .title = (text), .stock = (why) }
/* Not asked of the stock daemon, and why. */
#define CASE_OURS(text, why)	{ .title = (text), .stock = (why), .want = "" }
#define DO(who, op, req, want)	{ NULL, who, XS_##op, 0, req, want, NULL, 1 }
#define IN(tx, who, op, req, want) \
	{ NULL, who, XS_##op, tx, req, want, NULL, 1 }
#define MANY(n, who, op, req, want) \
	{ NULL, who, XS_##op, 0, req, want, NULL, n }
#define IN_MANY(n, tx, who, op, req, want) \
	{ NULL, who, XS_##op, tx, req, want, NULL, n }
/* Ours, then the stock daemon's. */
#define DIFF(who, op, req, want, stock) \
	{ NULL, who, XS_##op, 0, req, want, stock, 1 }
#define IN_DIFF(tx, who, op, req, want, stock) \
	{ NULL, who, XS_##op, tx, req, want, stock, 1 }
#define FIRST(who, op, req, want) \
	{ NULL, who, STEP_FIRST | XS_##op, 0, req, want, NULL, 1 }
#define OTHER(who, type, req, want) { NULL, who, type, 0, req, want, NULL, 1 }
#define EVENT(who, want)	OTHER(who, STEP_EVENT, NULL, want)
#define QUIET(who)		OTHER(who, STEP_QUIET, NULL, NULL)
#define SYNC(who)		OTHER(who, STEP_SYNC, NULL, NULL)

/* The four connections that scripts know. */
#define WHO_MAX 4

/*
 * How a script reaches a daemon.  message() sends one message on connection
 * `who`; next() waits for the next one that comes there: 1, or 0 if the
 * connection ended (or, in-process, if nothing is there).  port() is what a
 * domain offers to the store, domain() has one shut down or destroyed.
 */
struct steps_io {
	void *arg;
	void (*message)(void *arg, unsigned int who,
			const struct xsd_sockmsg *hdr, const char *data);
	int (*next)(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
		    char *data);
	unsigned int (*port)(void *arg, unsigned int domid);
	void (*domain)(void *arg, unsigned int domid, bool destroy);
	bool stock;		/* the daemon is the stock one */
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

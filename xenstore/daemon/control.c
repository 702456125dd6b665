/* CONTROL: the administrator's commands, one table. */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/daemon/check.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/number.h"
#include "xenstore/daemon/rate.h"
#include "xenstore/daemon/request.h"

#define WORDS_MAX 8

/* The reply under construction; what does not fit is cut off. */
struct text {
	char buf[XENSTORE_PAYLOAD_MAX];
	size_t len;
};

static void say(struct text *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct text *out, const char *fmt, ...)
{
	size_t room = sizeof(out->buf) - out->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out->buf + out->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		out->len += (size_t)n < room ? (size_t)n : room - 1;
}

typedef int control_handler(struct request *req, const char **word,
			    unsigned int words, struct text *out);

static int control_check(struct request *req, const char **word,
			 unsigned int words, struct text *out)
{
	char fault[256];

	(void)word;
	(void)words;
	if (check_store(req->srv, fault, sizeof(fault)))
		say(out, "OK");
	else
		say(out, "%s", fault);
	return 0;
}

static int control_log(struct request *req, const char **word,
		       unsigned int words, struct text *out)
{
	if (words != 1)
		return -EINVAL;
	if (!strcmp(word[0], "on"))
		req->srv->trace = true;
	else if (!strcmp(word[0], "off"))
		req->srv->trace = false;
	else
		return -EINVAL;
	say(out, "OK");
	return 0;
}

static int control_logfile(struct request *req, const char **word,
			   unsigned int words, struct text *out)
{
	struct server *srv = req->srv;
	int32_t rc;

	if (words != 1 || strlen(word[0]) >= sizeof(srv->log_file))
		return -EINVAL;
	if (!journal_result(srv->journal, &rc, sizeof(rc))) {
		rc = log_open(word[0], false);
		(void)journal_add(srv->journal, JOURNAL_RESULT, 0, &rc,
				  sizeof(rc));
	}
	if (rc)
		return rc;
	strcpy(srv->log_file, word[0]);
	say(out, "OK");
	return 0;
}

static void quota_of_domain(const struct domain *d, uint32_t rate,
			    struct text *out)
{
	const uint32_t *limit = d->srv->quota;

	say(out, "domain %u:\n", d->domid);
	say(out, "nodes        %10u of %u\n", d->nodes, limit[QUOTA_NODES]);
	say(out, "watches      %10u of %u\n", d->watches,
	    limit[QUOTA_WATCHES]);
	say(out, "transactions %10u of %u\n", d->transactions,
	    limit[QUOTA_TRANSACTIONS]);
	say(out, "memory       %10llu of %u\n",
	    (unsigned long long)d->memory, limit[QUOTA_MEMORY]);
	say(out, "write-rate   %10u of %u\n", rate,
	    limit[QUOTA_WRITE_RATE]);
}

/* The same answer again, should half of it be out at a restart. */
static uint32_t ask_rate(struct domain *d)
{
	uint32_t rate;

	if (journal_result(d->srv->journal, &rate, sizeof(rate)))
		return rate;
	rate = rate_now(d);
	(void)journal_add(d->srv->journal, JOURNAL_RESULT, d->domid, &rate,
			  sizeof(rate));
	return rate;
}

/* quota: all limits; quota N: domain N's use; quota set NAME VALUE. */
static int control_quota(struct request *req, const char **word,
			 unsigned int words, struct text *out)
{
	uint32_t *limit = req->srv->quota;
	struct domain *d;
	uint64_t domid;
	int rc;

	if (!words) {
		for (unsigned int i = 0; i < QUOTA_KINDS; i++)
			say(out, "%-17s %8u %s\n", quota_infos[i].name,
			    limit[i], quota_infos[i].meaning);
		return 0;
	}
	if (words == 3 && !strcmp(word[0], "set")) {
		rc = quota_set(limit, word[1], word[2]);
		if (!rc)
			say(out, "OK");
		return rc;
	}
	if (words != 1 || number_parse(word[0], UINT32_MAX, &domid))
		return -EINVAL;
	d = domain_find(req->srv, (uint32_t)domid);
	if (!d)
		return -ENOENT;
	quota_of_domain(d, ask_rate(d), out);
	return 0;
}

static int control_memreport(struct request *req, const char **word,
			     unsigned int words, struct text *out)
{
	struct server *srv = req->srv;
	struct conn *c;
	struct {
		uint64_t used, got, requests, conflicts, connections, journal;
	} now;

	(void)word;
	(void)words;
	/* The same answer again, should half of it be out at a restart. */
	if (!journal_result(srv->journal, &now, sizeof(now))) {
		struct mallinfo2 m = mallinfo2();

		now.used = m.uordblks;
		now.got = m.arena + m.hblkhd;
		now.requests = srv->requests;
		now.conflicts = srv->tx_conflicts;
		now.connections = 0;
		TAILQ_FOREACH(c, &srv->conns, in_all)
			now.connections++;
		now.journal = journal_end(srv->journal);
		(void)journal_add(srv->journal, JOURNAL_RESULT, 0, &now,
				  sizeof(now));
	}
	say(out, "allocated %llu\nfrom-system %llu\nrequests %llu\n"
	    "conflicts %llu\nconnections %llu\njournal %llu\n",
	    (unsigned long long)now.used, (unsigned long long)now.got,
	    (unsigned long long)now.requests,
	    (unsigned long long)now.conflicts,
	    (unsigned long long)now.connections,
	    (unsigned long long)now.journal);
	return 0;
}

static int control_print(struct request *req, const char **word,
			 unsigned int words, struct text *out)
{
	(void)req;
	if (words != 1)
		return -EINVAL;
	log_line("control", "text=\"%s\"", word[0]);
	say(out, "OK");
	return 0;
}

/* May that program be started?  As it was when this was first asked. */
static int32_t ask_program(struct server *srv, const char *path)
{
	int32_t rc;

	if (journal_result(srv->journal, &rc, sizeof(rc)))
		return rc;
	rc = access(path, X_OK) ? -errno : 0;
	(void)journal_add(srv->journal, JOURNAL_RESULT, 0, &rc, sizeof(rc));
	return rc;
}

/*
 * As xenstore-control asks for it: the program, then the start, to which a
 * time limit and "by force" may be added.  Neither is of use here: nothing
 * that is open holds an update up.
 */
static int control_update(struct request *req, const char **word,
			  unsigned int words, struct text *out)
{
	struct server *srv = req->srv;
	int rc;

	if (words == 2 && !strcmp(word[0], "-f")) {
		if (word[1][0] != '/' ||
		    strlen(word[1]) >= sizeof(srv->update))
			return -EINVAL;
		rc = ask_program(srv, word[1]);
		if (rc)
			return rc;
		strcpy(srv->update, word[1]);
	} else if (words == 1 && !strcmp(word[0], "-a")) {
		srv->update[0] = '\0';
	} else if (words && !strcmp(word[0], "-s") && srv->update[0]) {
		srv->update_now = true;
	} else {
		return -EINVAL;
	}
	say(out, "OK");
	return 0;
}

static control_handler control_help;

static const struct command {
	const char *name;
	control_handler *handler;
	const char *usage;
} commands[] = {
	{ "help", control_help, "" },
	{ "check", control_check, "" },
	{ "live-update", control_update, "-f <program> | -s | -a" },
	{ "log", control_log, "on|off" },
	{ "logfile", control_logfile, "<file>" },
	{ "memreport", control_memreport, "" },
	{ "print", control_print, "<text>" },
	{ "quota", control_quota, "[<domid>|set <name> <value>]" },
};

static int control_help(struct request *req, const char **word,
			unsigned int words, struct text *out)
{
	(void)req;
	(void)word;
	(void)words;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		say(out, "%-11s %s\n", commands[i].name, commands[i].usage);
	return 0;
}

int request_control(struct request *req)
{
	const char *word[WORDS_MAX];
	struct text out = { .len = 0 };
	unsigned int words;
	size_t rest;
	int rc;

	words = request_texts(req, word, WORDS_MAX, &rest);
	if (!words || rest != req->len)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word[0]))
			continue;
		rc = commands[i].handler(req, word + 1, words - 1, &out);
		if (rc)
			return rc;
		conn_reply(req->conn, req->hdr, out.buf, out.len + 1);
		return 0;
	}
	return -EINVAL;
}

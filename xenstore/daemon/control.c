/* CONTROL: the administrator's commands, one table. */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/check.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/number.h"
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
	int rc;

	(void)req;
	if (words != 1)
		return -EINVAL;
	rc = log_open(word[0], false);
	if (!rc)
		say(out, "OK");
	return rc;
}

static void quota_of_domain(const struct domain *d, struct text *out)
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
	quota_of_domain(d, out);
	return 0;
}

static int control_memreport(struct request *req, const char **word,
			     unsigned int words, struct text *out)
{
	struct mallinfo2 m = mallinfo2();
	struct server *srv = req->srv;
	struct domain *d;

	(void)word;
	(void)words;
	say(out, "allocated %zu bytes, from the system %zu\n", m.uordblks,
	    m.arena + m.hblkhd);
	say(out, "requests %llu, transactions that conflicted %llu\n",
	    (unsigned long long)srv->requests,
	    (unsigned long long)srv->tx_conflicts);
	TAILQ_FOREACH(d, &srv->known_domains, link)
		say(out, "domain %u: nodes %u, watches %u, transactions %u, "
		    "bytes %llu\n", d->domid, d->nodes, d->watches,
		    d->transactions, (unsigned long long)d->memory);
	return 0;
}

static int control_print(struct request *req, const char **word,
			 unsigned int words, struct text *out)
{
	(void)req;
	if (words != 1)
		return -EINVAL;
	log_line("control: %s", word[0]);
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
		say(out, "%-10s %s\n", commands[i].name, commands[i].usage);
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

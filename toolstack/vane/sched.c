/*
 * What vane sched-credit, sched-credit2 and sched-bvt have in common: shares of
 * CPU time, of domains and of CPU pools. One handler for all: they differ in
 * what a pool has, and bvt's domains have warps.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *scheduler;		/* credit, credit2, bvt */
	const char *domain, *pool;	/* NULL: none named */
	bool of_pool;			/* -s */
	long weight, cap;		/* -1: not given */
	long warp, warp_limit, unwarp;
	long tslice, ratelimit, delay;
	yajl_gen json;
};

static bool changes_domain(const struct request *r)
{
	return r->weight >= 0 || r->cap >= 0 || r->warp >= 0 ||
	       r->warp_limit >= 0 || r->unwarp >= 0;
}

static bool is_bvt(const struct request *r)
{
	return !strcmp(r->scheduler, "bvt");
}

static bool changes_pool(const struct request *r)
{
	return r->tslice >= 0 || r->ratelimit >= 0 || r->delay >= 0;
}

/* --- one domain ---------------------------------------------------------- */

static void domain_row(const struct request *r, const char *name,
		       uint32_t domid, const struct vane_sched *s)
{
	yajl_gen g = r->json;

	if (!g) {
		printf("%-33s %4u %6u %4u", name ? name : "(null)", domid,
		       s->weight, s->cap);
		if (is_bvt(r))
			printf(" %9u %9u %9u", s->warp_us, s->warp_limit_us,
			       s->unwarp_us);
		putchar('\n');
		return;
	}
	yajl_gen_map_open(g);
	json_number(g, "domid", domid);
	json_text(g, "name", name);
	json_number(g, "weight", s->weight);
	json_number(g, "cap", s->cap);
	if (is_bvt(r)) {
		json_number(g, "warp_us", s->warp_us);
		json_number(g, "warp_limit_us", s->warp_limit_us);
		json_number(g, "unwarp_us", s->unwarp_us);
	}
	yajl_gen_map_close(g);
}

static void domain_header(const struct request *r)
{
	if (!r->json)
		printf("%-33s %4s %6s %4s%s\n", "Name", "ID", "Weight", "Cap",
		       is_bvt(r) ? "  Warp(us) Limit(us) Unwarp(us)" : "");
}

static void change(unsigned int *value, long to)
{
	if (to >= 0)
		*value = to;
}

static int one_domain(struct vane *v, const struct request *r)
{
	struct vane_sched s;
	uint32_t domid;
	char *name = NULL;
	int rc = vane_domain_find(v, r->domain, &domid);

	if (!rc)
		rc = vane_sched_get(v, domid, &s);
	if (!rc && strcmp(s.scheduler, r->scheduler)) {
		rc = -EINVAL;
		complain(EINVAL, "domain %s is in a pool with the scheduler %s "
			 "(vane sched-%s)", r->domain, s.scheduler,
			 s.scheduler);
	}
	if (rc && r->json)
		json_error(r->json, rc, r->domain);
	if (rc)
		return rc;
	if (changes_domain(r)) {
		change(&s.weight, r->weight);
		change(&s.cap, r->cap);
		change(&s.warp_us, r->warp);
		change(&s.warp_limit_us, r->warp_limit);
		change(&s.unwarp_us, r->unwarp);
		return vane_sched_set(v, domid, &s);
	}
	(void)vane_domain_name(v, domid, &name);
	domain_header(r);
	domain_row(r, name, domid, &s);
	free(name);
	return 0;
}

/* --- pools --------------------------------------------------------------- */

static void pool_line(const struct vane_pool *p,
		      const struct vane_pool_sched *s)
{
	if (!strcmp(p->scheduler, "credit2"))
		printf("Cpupool %s: ratelimit=%uus\n", p->name,
		       s->ratelimit_us);
	else if (!strcmp(p->scheduler, "bvt"))
		printf("Cpupool %s: allowance=%ums ratelimit=%uus\n", p->name,
		       s->tslice_ms, s->ratelimit_us);
	else
		printf("Cpupool %s: tslice=%ums ratelimit=%uus "
		       "migration-delay=%uus\n", p->name, s->tslice_ms,
		       s->ratelimit_us, s->migration_delay_us);
}

static void json_pool(yajl_gen g, const struct vane_pool *p,
		      const struct vane_pool_sched *s)
{
	yajl_gen_map_open(g);
	json_text(g, "pool", p->name);
	json_text(g, "scheduler", p->scheduler);
	if (!strcmp(p->scheduler, "bvt"))
		json_number(g, "allowance_ms", s->tslice_ms);
	if (!strcmp(p->scheduler, "credit")) {
		json_number(g, "tslice_ms", s->tslice_ms);
		json_number(g, "migration_delay_us", s->migration_delay_us);
	}
	json_number(g, "ratelimit_us", s->ratelimit_us);
	json_key(g, "domains");
	yajl_gen_array_open(g);
}

static int pool_domains(struct vane *v, const struct request *r,
			const struct vane_pool *p)
{
	struct vane_domain *list;
	unsigned int count;
	int rc = vane_domains(v, &list, &count), first = 0;

	if (rc)
		return rc;
	domain_header(r);
	for (unsigned int i = 0; i < count; i++) {
		struct vane_sched s;

		if (list[i].pool != p->id || list[i].dying)
			continue;
		rc = vane_sched_get(v, list[i].domid, &s);
		first = first ? first : rc;
		if (!rc)
			domain_row(r, list[i].name, list[i].domid, &s);
		else if (r->json)
			json_error(r->json, rc, list[i].name);
	}
	vane_domains_free(list, count);
	return first;
}

static int change_pool(struct vane *v, const struct request *r,
		       const struct vane_pool *p, struct vane_pool_sched *s)
{
	change(&s->tslice_ms, r->tslice);
	change(&s->ratelimit_us, r->ratelimit);
	change(&s->migration_delay_us, r->delay);
	return vane_pool_sched_set(v, p, s);
}

static int one_pool(struct vane *v, const struct request *r,
		    const struct vane_pool *p)
{
	struct vane_pool_sched s;
	int rc;

	if (strcmp(p->scheduler, r->scheduler))
		return 0;		/* another scheduler's: nothing */
	rc = vane_pool_sched_get(v, p, &s);
	if (rc)
		return rc;
	if (changes_pool(r))
		return change_pool(v, r, p, &s);
	if (r->json)
		json_pool(r->json, p, &s);
	else
		pool_line(p, &s);
	if (!r->of_pool)
		rc = pool_domains(v, r, p);
	if (r->json) {
		yajl_gen_array_close(r->json);
		yajl_gen_map_close(r->json);
	}
	return rc;
}

static int pools(struct vane *v, const struct request *r)
{
	struct vane_pool *list, one;
	unsigned int count;
	int rc;

	/* -s without a pool means the first one. */
	if (r->pool || r->of_pool) {
		rc = vane_pool_find(v, r->pool ? r->pool : "0", &one);
		return rc ? rc : one_pool(v, r, &one);
	}
	rc = vane_pools(v, &list, &count);
	if (rc)
		return rc;
	for (unsigned int i = 0; !rc && i < count; i++)
		rc = one_pool(v, r, &list[i]);
	free(list);
	return rc;
}

/* --- options ------------------------------------------------------------- */

static int take(struct request *r, int opt)
{
	unsigned int n = 0;
	long *to = opt == 'w' ? &r->weight : opt == 'c' ? &r->cap :
		opt == 't' ? &r->tslice : opt == 'r' ? &r->ratelimit :
		opt == 'm' ? &r->delay : opt == 'W' ? &r->warp :
		opt == 'L' ? &r->warp_limit : opt == 'U' ? &r->unwarp : NULL;

	if (to) {
		if (read_number("parameter", optarg, 0, 1000000000, &n))
			return -1;
		*to = n;
	} else if (opt == 'd') {
		r->domain = optarg;
	} else if (opt == 'p') {
		r->pool = optarg;
	} else if (opt == 's') {
		r->of_pool = true;
	} else {
		return -1;
	}
	return 0;
}

int sched_run(const struct command *c, int argc, char **argv,
	      const char *letters)
{
	static const struct option longs[] = {
		{ "domain", required_argument, NULL, 'd' },
		{ "weight", required_argument, NULL, 'w' },
		{ "cap", required_argument, NULL, 'c' },
		{ "schedparam", no_argument, NULL, 's' },
		{ "tslice_ms", required_argument, NULL, 't' },
		{ "ratelimit_us", required_argument, NULL, 'r' },
		{ "migration_delay_us", required_argument, NULL, 'm' },
		{ "warp_us", required_argument, NULL, 'W' },
		{ "warp_limit_us", required_argument, NULL, 'L' },
		{ "unwarp_us", required_argument, NULL, 'U' },
		{ "cpupool", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct request r = {
		.scheduler = c->name + strlen("sched-"),
		.weight = -1, .cap = -1, .tslice = -1, .ratelimit = -1,
		.delay = -1, .warp = -1, .warp_limit = -1, .unwarp = -1,
	};
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, letters, longs)) >= 0)
		if (!strchr(letters, opt) || take(&r, opt))
			return usage(c);
	if (optind != argc || (r.domain && (r.pool || r.of_pool)) ||
	    (changes_domain(&r) && !r.domain) ||
	    (changes_pool(&r) && !r.of_pool))
		return usage(c);
	v = connect_or_exit();
	if (json_asked) {
		r.json = json_begin();
		json_open(r.json, r.domain ? "domains" : "pools");
	}
	rc = r.domain ? one_domain(v, &r) : pools(v, &r);
	if (json_asked)
		json_close(r.json);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

/* Domains as the store knows them: see domain.h. */
#include "xenstore/daemon/domain.h"

#include <errno.h>
#include <stdlib.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/nodeop.h"
#include "xenstore/daemon/ring.h"

struct domain *domain_find(struct server *srv, uint32_t domid)
{
	return domid < DOMID_FIRST_RESERVED ? srv->domains[domid] : NULL;
}

/* What the hypervisor says of a domain, or said when this first happened. */
static int ask_state(struct server *srv, uint32_t domid,
		     struct hv_domain *out)
{
	struct {
		int32_t rc;
		uint8_t dying, shutdown;
	} said = { 0 };

	if (!journal_result(srv->journal, &said, sizeof(said))) {
		said.rc = srv->hv->domain_state(srv->hv_arg, domid, out);
		said.dying = out->dying;
		said.shutdown = out->shutdown;
		(void)journal_add(srv->journal, JOURNAL_RESULT, domid, &said,
				  sizeof(said));
	}
	out->dying = said.dying;
	out->shutdown = said.shutdown;
	return said.rc;
}

struct domain *domain_get(struct server *srv, uint32_t domid)
{
	struct domain *d = domain_find(srv, domid);
	struct hv_domain state = { 0 };

	if (d || domid >= DOMID_FIRST_RESERVED)
		return d;
	/* Domain 0 is where we are. */
	if (domid && (ask_state(srv, domid, &state) || state.dying))
		return NULL;
	d = mem_zalloc(sizeof(*d));
	d->srv = srv;
	d->domid = domid;
	d->incarnation = ++srv->last_incarnation;
	d->introduced = !domid;
	rate_begin(d);
	srv->domains[domid] = d;
	TAILQ_INSERT_TAIL(&srv->known_domains, d, link);
	return d;
}

bool domain_alive(struct server *srv, uint32_t domid, uint64_t incarnation)
{
	struct domain *d = domain_find(srv, domid);

	return d && incarnation && d->incarnation == incarnation;
}

void domain_caller(struct server *srv, uint32_t domid, bool privileged,
		   struct caller *out)
{
	struct domain *d = domain_find(srv, domid);
	struct domain *target;

	*out = (struct caller){ .domid = domid, .privileged = privileged };
	if (!d)
		return;
	out->incarnation = d->incarnation;
	target = d->has_target ? domain_find(srv, d->target) : NULL;
	if (!target)
		return;
	out->has_target = true;
	out->target = d->target;
	out->target_incarnation = target->incarnation;
}

void domain_charge(struct domain *d, int64_t bytes)
{
	uint32_t soft = d->srv->quota[QUOTA_MEMORY_SOFT];

	d->memory += (uint64_t)bytes;
	if (d->domid && bytes > 0 && d->memory > soft)
		domain_refused(d->srv, d->domid, QUOTA_MEMORY_SOFT, d->memory);
}

void domain_refused(struct server *srv, uint32_t domid, enum quota_kind kind,
		    uint64_t value)
{
	struct domain *d = domain_find(srv, domid);

	if (!d || (d->refused & (1u << kind)))
		return;
	d->refused |= 1u << kind;
	log_line("quota", "domain=%u quota=%s value=%llu limit=%u", domid,
		 quota_infos[kind].name, (unsigned long long)value,
		 srv->quota[kind]);
}

/* Nobody may still aim at a domain that went. */
static void untarget(struct server *srv, uint32_t domid)
{
	struct domain *d;

	TAILQ_FOREACH(d, &srv->known_domains, link) {
		if (d->has_target && d->target == domid)
			d->has_target = false;
	}
}

static void domain_forget(struct domain *d)
{
	struct server *srv = d->srv;

	if (d->ring)
		conn_end(d->ring, -EPIPE);
	if (d->nodes)
		nodeop_remove_owned(srv, d->domid, d->incarnation);
	untarget(srv, d->domid);
	srv->domains[d->domid] = NULL;
	TAILQ_REMOVE(&srv->known_domains, d, link);
	free(d);
}

int domain_introduce(struct server *srv, uint32_t domid, uint32_t port)
{
	struct domain *d = domain_get(srv, domid);
	bool fresh;
	int rc = 0;

	if (!d)
		return -EINVAL;
	fresh = !d->introduced;
	if (d->ring)
		rc = ring_rebind(d, port);
	else if (srv->hv->ring_map)
		rc = ring_attach(srv, d, port, domid != 0);
	if (rc) {
		log_line("no-ring", "domain=%u error=%d", domid, -rc);
		return rc;
	}
	d->introduced = true;
	if (fresh)
		watch_fire_special(srv, SPECIAL_INTRODUCE);
	return 0;
}

int domain_release(struct server *srv, uint32_t domid)
{
	struct domain *d = domain_find(srv, domid);

	if (!d || !d->introduced)
		return -ENOENT;
	domain_forget(d);
	watch_fire_special(srv, SPECIAL_RELEASE);
	return 0;
}

void domain_scan(struct server *srv)
{
	struct domain *d, *next;
	bool tell = false;

	srv->lasting = true;
	for (d = TAILQ_FIRST(&srv->known_domains); d; d = next) {
		struct hv_domain state = { 0 };
		bool gone;
		int rc;

		next = TAILQ_NEXT(d, link);
		if (!d->domid)
			continue;
		rc = ask_state(srv, d->domid, &state);
		gone = rc == -ENOENT || state.dying;
		if (d->introduced && (gone || (state.shutdown &&
					       !d->shutdown_seen)))
			tell = true;
		d->shutdown_seen |= state.shutdown;
		if (gone)
			domain_forget(d);
	}
	if (tell)
		watch_fire_special(srv, SPECIAL_RELEASE);
}

void domain_news(struct server *srv)
{
	/* Without room for the record: the next event looks again. */
	if (!journal_add(srv->journal, JOURNAL_SCAN, 0, NULL, 0))
		domain_scan(srv);
}

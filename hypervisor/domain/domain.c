/*
 * Domains: creation, look-up, pausing. Their vCPUs: vcpu.c.
 *
 * A domain is found through a table by its id, which is read without a lock. A
 * pointer found there is good until the CPU's next preemption point, since the
 * reaper frees a domain only after it has seen every CPU pass one
 * (sched_quiesce()); a reference makes it good for longer.
 *
 * The first reference is the domain's life. The reaper drops it when the
 * domain is dead and all its memory is back, and frees it after the last one.
 */
#include "domain.h"

#define IDS_PER_PAGE (PAGE_SIZE / sizeof(struct domain *))
#define FIRST_ID 1
#define LAST_ID (DOMID_FIRST_RESERVED - 1)

struct domain *dom0;

static struct vcpu *idle_vcpus[MAX_CPUS];
static struct domain idle = {
	.id = DOMID_IDLE,
	.refs = 1,
	.state = DOM_ALIVE,
	.max_vcpus = MAX_CPUS,
	.vcpu = idle_vcpus,
	.shutdown_code = -1,
	.sched.weight = 256,
};
struct domain *idle_domain = &idle;

/* Changes of the table, whose readers take no lock. */
static struct spinlock table_lock = SPINLOCK(RANK_DOMAIN_LIST);
/* Pages of slots, made on first use, never freed; slots may be NULL. */
static struct domain **table[DIV_ROUND_UP(DOMID_FIRST_RESERVED,
					  IDS_PER_PAGE)];
static uint16_t last_id;

static struct domain **slot_of(uint16_t id)
{
	struct domain **page;

	if (id >= DOMID_FIRST_RESERVED)
		return NULL;
	page = load_acquire(&table[id / IDS_PER_PAGE]);
	return page ? &page[id % IDS_PER_PAGE] : NULL;
}

static bool get_unless_gone(struct domain *d)
{
	uint32_t refs = READ_ONCE(d->refs);

	while (refs)
		if (atomic_cmpxchg(&d->refs, &refs, refs + 1))
			return true;
	return false;
}

struct domain *domain_get(uint16_t domid)
{
	struct domain **slot, *d = current->domain;

	if (domid == DOMID_SELF || domid == d->id) {
		(void)atomic_add(&d->refs, 1); /* it runs: it has some */
		return d;
	}
	slot = slot_of(domid);
	d = slot ? load_acquire(slot) : NULL;
	return d && get_unless_gone(d) ? d : NULL;
}

void domain_put(struct domain *d)
{
	if (atomic_sub(&d->refs, 1) == 1)
		reaper_kick();
}

bool domain_use(struct domain *d)
{
	(void)atomic_add(&d->users, 1); /* counted before state is read */
	if (!domain_is_dying(d))
		return true;
	domain_unuse(d);
	return false;
}

void domain_unuse(struct domain *d)
{
	if (atomic_sub(&d->users, 1) == 1 && domain_is_dying(d))
		reaper_kick();
}

struct domain *domain_scan(uint16_t id)
{
	struct domain **slot, *d;

	for (; id < DOMID_FIRST_RESERVED; id++) {
		slot = slot_of(id);
		d = slot ? load_acquire(slot) : NULL;
		if (d)
			return d;
		if (!slot)
			id |= IDS_PER_PAGE - 1;
	}
	return NULL;
}

struct domain *domain_get_from(uint16_t id)
{
	struct domain *d = domain_scan(id);

	while (d && !get_unless_gone(d))
		d = domain_scan(d->id + 1);
	return d;
}

struct domain *domain_next(struct domain *prev)
{
	struct domain *d = domain_get_from(prev ? prev->id + 1 : 0);

	if (prev)
		domain_put(prev);
	return d;
}

/* table_lock held. */
static int enter(struct domain *d, uint16_t id)
{
	struct domain ***page = &table[id / IDS_PER_PAGE], **slot;

	if (!*page)
		store_release(page, (struct domain **)
			      hv_alloc_pages(0, FRAME_ZERO));
	slot = slot_of(id);
	if (!slot)
		return -ENOMEM;
	if (*slot)
		return -EEXIST;
	d->id = id;
	store_release(slot, d);
	return 0;
}

/* Gives d the id that is asked for, or the next free one. */
static int domain_enter(struct domain *d, uint16_t wanted)
{
	unsigned int tries;
	int rc;

	spin_guard(&table_lock);
	if (wanted <= LAST_ID)
		return enter(d, wanted);
	if (wanted != DOMID_INVALID)
		return -EINVAL;
	for (tries = FIRST_ID; tries <= LAST_ID; tries++) {
		last_id = last_id >= LAST_ID ? FIRST_ID : last_id + 1;
		rc = enter(d, last_id);
		if (rc != -EEXIST)
			return rc;
	}
	return -ENOMEM;
}

void domain_forget(struct domain *d)
{
	spin_guard(&table_lock);
	*slot_of(d->id) = NULL;
}

static struct domain *domain_alloc(const struct domain_config *c)
{
	struct domain *d = hv_alloc(sizeof(*d));

	if (!d)
		return NULL;
	d->vcpu = hv_alloc(c->max_vcpus * sizeof(*d->vcpu));
	if (!d->vcpu) {
		hv_free(d);
		return NULL;
	}
	d->state = DOM_UNFINISHED;
	d->privileged = c->privileged;
	d->refs = 1;
	d->max_vcpus = c->max_vcpus;
	d->shutdown_code = -1;
	d->pause_count = d->controller_pauses = 1;
	d->ssidref = c->ssidref;
	d->pv.io_all = c->privileged;
	memcpy(d->handle, c->handle, sizeof(d->handle));
	spin_init(&d->lock, RANK_DOMAIN);
	spin_init(&d->pages_lock, RANK_PAGES);
	sched_init_domain(d);
	return d;
}

/* The 32 vCPUs that live in this page start with their events masked. */
static int make_shared(struct domain *d)
{
	struct shared_info *s = hv_alloc_pages(0, FRAME_ZERO);
	unsigned int i;

	if (!s)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(s->vcpu_info); i++)
		s->vcpu_info[i].evtchn_upcall_mask = 1;
	frame_share(s, d);
	d->shared = s;
	time_update_wallclock(d);
	return 0;
}

void domain_free(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		vcpu_free(v);
	hv_free(d->vcpu);
	grant_free_domain(d);
	hv_free(d);
}

/*
 * While it is being made a domain is in the table, since frames name their
 * owner by id, and looks like one that is dying: nobody gives it anything.
 */
int domain_create(const struct domain_config *c, struct domain **out)
{
	struct domain *d;
	int rc;

	if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS)
		return -EINVAL;
	d = domain_alloc(c);
	if (!d)
		return -ENOMEM;
	rc = pool_join(d, c->pool);
	if (rc) {
		domain_free(d);
		return rc;
	}
	rc = domain_enter(d, c->domid);
	if (rc) {
		pool_leave(d);
		domain_free(d);
		return rc;
	}
	rc = make_shared(d);
	if (!rc)
		rc = event_init_domain(d, c->max_evtchn_port);
	if (!rc)
		rc = grant_init_domain(d, c->max_grant_frames,
				       c->max_maptrack_frames);
	if (rc) {
		event_destroy_domain(d);
		grant_destroy_domain(d);
		if (d->shared)
			frame_unshare(d->shared);
		d->shared = NULL;
		domain_put(d); /* the reaper frees it: it may have been seen */
		return rc;
	}
	store_release(&d->state, DOM_BUILDING);
	*out = d;
	return 0;
}

void domain_stop_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		vcpu_stop(v);
}

void domain_unpark_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		vcpu_unpark(v);
}

/* Counts; does not wait. */
static void domain_pause(struct domain *d)
{
	(void)atomic_add(&d->pause_count, 1);
	domain_stop_vcpus(d);
}

/*
 * A vCPU that parks counts in d->sched.parks after it has set parked: whoever
 * read the count before he saw it not parked is woken.
 */
void domain_wait_stopped(struct domain *d)
{
	struct vcpu *v;
	uint64_t seen;

	assert(d != current->domain);
	for_each_vcpu(d, v) {
		for (;;) {
			seen = load_acquire(&d->sched.parks);
			if (READ_ONCE(v->sched.parked) ||
			    !vcpu_must_stop(v))
				break;
			wait_for_change(&d->sched.parks, seen);
		}
		/* An instant, on another CPU. */
		while (READ_ONCE(v->sched.parked) && !vcpu_is_stopped(v))
			preempt_yield();
	}
}

void domain_pause_sync(struct domain *d)
{
	domain_pause(d);
	domain_wait_stopped(d);
}

void domain_resume(struct domain *d)
{
	if (atomic_sub(&d->pause_count, 1) != 1)
		return;
	domain_unpark_vcpus(d);
	/* Another pauser, whose pause this ended, need not wait any more. */
	(void)atomic_add(&d->sched.parks, 1);
	wake_waiters(&d->sched.parks);
}

void domain_controller_pause(struct domain *d)
{
	spin_lock(&d->lock);
	d->controller_pauses++;
	spin_unlock(&d->lock);
	domain_pause(d);
}

int domain_unpause(struct domain *d)
{
	bool paused;

	spin_lock(&d->lock);
	paused = d->controller_pauses > 0;
	d->controller_pauses -= paused;
	if (d->state == DOM_BUILDING)
		store_release(&d->state, DOM_ALIVE);
	spin_unlock(&d->lock);
	if (!paused)
		return -EINVAL;
	domain_resume(d);
	return 0;
}

void domain_kill(struct domain *d)
{
	spin_guard(&d->lock);
	if (d->state >= DOM_DYING)
		return;
	store_release(&d->state, DOM_DYING);
	domain_stop_vcpus(d);
	reaper_kick();
}

/*
 * Events in queues (the FIFO ABI). A domain shows us pages of event words, one
 * word for each port, and every vCPU a control block: a bit and a head for
 * each of 16 priorities. A port that is pending and not masked hangs in one
 * queue: LINKED is set, and the word of the one before it names it.
 *
 *   guest   takes from the head; clears LINKED, and follows the link it found
 *   we      append at the tail, which only we know: our tail's word still being
 *           LINKED means that the queue is not empty and the link will be seen
 *
 * A port that moves to another queue (priority, vCPU) must not stay the tail of
 * its old one: its word will be LINKED again, and a link set in it would pull
 * the old queue into the new one.
 *
 * The words are the guest's. We read them only for LINKED, MASKED and PENDING,
 * never follow a link, and try a bounded number of times: a guest that fights
 * for a word spoils its own queues.
 */
#include "frame.h"
#include "lib.h"
#include "port.h"
#include "printk.h"
#include "sched.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_PAGES (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define LINK_TRIES 100

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED (1u << EVTCHN_FIFO_MASKED)
#define LINKED (1u << EVTCHN_FIFO_LINKED)
#define LINK_MASK ((uint32_t)EVTCHN_FIFO_LINK_MASK)

struct event_fifo {
	struct spinlock lock; /* tails, queue_*, early, adding pages */
	uint32_t pages;       /* published after page[]; only grows */
	event_word_t *page[FIFO_PAGES]; /* typed writable, referenced */
};

static event_word_t *word_of(const struct event_fifo *f, uint32_t port)
{
	if (port / WORDS_PER_PAGE >= load_acquire(&f->pages))
		return NULL;
	return &f->page[port / WORDS_PER_PAGE][port % WORDS_PER_PAGE];
}

/* Makes @port follow the port whose word this is; false: it has been taken. */
static bool set_link(struct domain *d, event_word_t *word, uint32_t port)
{
	event_word_t w = READ_ONCE(*word);
	unsigned int i;

	for (i = 0; i < LINK_TRIES; i++) {
		if (!(w & LINKED))
			return false;
		if (atomic_cmpxchg(word, &w, (w & ~LINK_MASK) | port))
			return true;
	}
	domain_log(d, LOG_WARNING, "fights for event word of port %u", port);
	return false;
}

/* The port is no longer the tail of the queue where it was before. */
static void leave_queue(struct domain *d, uint32_t port,
			const struct evtchn *ev)
{
	uint32_t *old = &d->vcpu[ev->queue_vcpu]->event.tail[ev->queue_priority];

	if (*old == port)
		*old = 0;
}

/*
 * Appends @port, pending and not masked, to its queue, unless it hangs in one;
 * true when the vCPU must be told of the queue. FIFO's lock held.
 */
static bool append(struct domain *d, struct event_fifo *f, uint32_t port,
		   struct evtchn *ev, event_word_t *word)
{
	unsigned int vcpu = READ_ONCE(ev->vcpu);
	unsigned int prio = READ_ONCE(ev->priority);
	struct event_vcpu *q = &d->vcpu[vcpu]->event;
	uint32_t tail;
	bool behind;

	if (!q->block)
		return false; /* no control block: it stays pending */
	if (atomic_or(word, LINKED) & LINKED)
		return false;

	leave_queue(d, port, ev);
	ev->queue_vcpu = vcpu;
	ev->queue_priority = prio;
	tail = q->tail[prio];
	q->tail[prio] = port;
	behind = tail && set_link(d, word_of(f, tail), port);
	if (behind)
		return false; /* the queue was not empty: it is known */

	/* head before the bit that announces it */
	store_release(&q->block->head[prio], port);
	return !(atomic_or(&q->block->ready, 1u << prio) & 1u << prio);
}

bool fifo_raise(struct domain *d, uint32_t port, struct evtchn *ev)
{
	struct event_fifo *f = d->event.fifo;
	event_word_t *word = word_of(f, port);

	if (!word) {
		spin_guard(&f->lock);
		word = word_of(f, port);
		if (!word)
			ev->early = true;
	}
	if (!word || atomic_or(word, PENDING) & (MASKED | LINKED))
		return false; /* nothing to tell, and no lock to take */
	spin_guard(&f->lock);
	return append(d, f, port, ev, word);
}

bool fifo_unmask(struct domain *d, uint32_t port, struct evtchn *ev)
{
	struct event_fifo *f = d->event.fifo;
	event_word_t *word = word_of(f, port);

	if (!word || !(atomic_and(word, ~MASKED) & PENDING))
		return false;
	spin_guard(&f->lock);
	return append(d, f, port, ev, word);
}

void fifo_forget(struct domain *d, uint32_t port, struct evtchn *ev)
{
	struct event_fifo *f = d->event.fifo;
	event_word_t *word;

	spin_guard(&f->lock);
	ev->early = false;
	word = word_of(f, port);
	if (word)
		(void)atomic_and(word, ~PENDING);
}

bool fifo_is_pending(struct domain *d, uint32_t port)
{
	event_word_t *word = word_of(d->event.fifo, port);

	return word && READ_ONCE(*word) & PENDING;
}

/* event_lock held. From here on the domain's words are FIFO words. */
static int switch_to_fifo(struct domain *d)
{
	struct event_fifo *f;

	if (d->event.fifo)
		return 0;
	f = hv_alloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	spin_init(&f->lock, RANK_EVENT_FIFO);
	store_release(&d->event.fifo, f);
	return 0;
}

long event_init_control(struct evtchn_init_control *a)
{
	struct domain *d = current->domain;
	struct vcpu *v = domain_vcpu(d, a->vcpu);
	struct frame *f;
	int rc;

	if (!v)
		return -ENOENT;
	if (a->offset > PAGE_SIZE - sizeof(*v->event.block) || a->offset % 8)
		return -EINVAL;
	rc = frame_get_as(d, MFN(a->control_gfn), TYPE_WRITABLE, &f);
	if (rc)
		return rc;

	spin_lock(&event_lock);
	rc = v->event.block ? -EINVAL : switch_to_fifo(d);
	if (!rc)
		store_release(&v->event.block,
			      (void *)((char *)frame_virt(f) + a->offset));
	spin_unlock(&event_lock);
	if (rc)
		frame_put_as(f);
	a->link_bits = EVTCHN_FIFO_LINK_BITS;
	return rc;
}

/* Events that came before their words; event_lock held. */
static void raise_early(struct domain *d, struct event_fifo *f,
			uint32_t first)
{
	struct evtchn *ev;
	uint32_t port;
	bool early;

	for (port = first; port < first + WORDS_PER_PAGE; port++) {
		ev = port_find(d, port);
		if (!ev)
			return;
		spin_lock(&f->lock);
		early = ev->early;
		ev->early = false;
		spin_unlock(&f->lock);
		if (early && port_is_open(ev))
			port_raise(d, port, ev);
	}
}

long event_expand_array(struct evtchn_expand_array *a)
{
	struct domain *d = current->domain;
	struct event_fifo *fifo;
	struct frame *f;
	uint32_t n;
	int rc;

	rc = frame_get_as(d, MFN(a->array_gfn), TYPE_WRITABLE, &f);
	if (rc)
		return rc;

	spin_lock(&event_lock);
	fifo = d->event.fifo;
	rc = !fifo ? -EOPNOTSUPP : fifo->pages == FIFO_PAGES ? -ENOSPC : 0;
	if (!rc) {
		spin_lock(&fifo->lock);
		n = fifo->pages;
		fifo->page[n] = frame_virt(f);
		store_release(&fifo->pages, n + 1);
		spin_unlock(&fifo->lock);
		raise_early(d, fifo, n * WORDS_PER_PAGE);
	}
	spin_unlock(&event_lock);
	if (rc)
		frame_put_as(f);
	return rc;
}

long event_set_priority(struct evtchn_set_priority *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev = port_find(d, a->port);

	if (!ev || a->priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	if (!d->event.fifo)
		return -ENOSYS;
	if (!port_is_open(ev))
		return -EINVAL;
	WRITE_ONCE(ev->priority, (uint8_t)a->priority);
	return 0;
}

void fifo_destroy(struct domain *d)
{
	struct event_fifo *f = d->event.fifo;
	struct vcpu *v;
	unsigned int i;

	if (!f)
		return;
	for_each_vcpu(d, v) {
		if (v->event.block)
			frame_put_as(virt_frame(v->event.block));
		v->event.block = NULL;
		memset(v->event.tail, 0, sizeof(v->event.tail));
	}
	for (i = 0; i < f->pages; i++)
		frame_put_as(virt_frame(f->page[i]));
	d->event.fifo = NULL;
	hv_free(f);
}

/* See net.h. */
#include "frontend-drivers/net/net.h"

#include <xen/grant_table.h>
#include <xen/event_channel.h>
#include <xen/io/netif.h>

#include "frontend-drivers/os.h"

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

/* --- pages ---------------------------------------------------------------- */

static int page_get(const struct net *n, struct net_page *p, bool readonly)
{
	int rc;

	p->page = os_page_alloc();
	if (!p->page)
		return -XEN_ENOMEM;
	rc = os_grant(n->device.backend, p->page, readonly);
	if (rc < 0) {
		os_page_free(p->page);
		p->page = NULL;
		return rc;
	}
	p->ref = (uint32_t)rc;
	return 0;
}

static int page_put(struct net_page *p)
{
	int rc = p->page ? os_grant_end(p->ref) : 0;

	if (p->page && !rc)
		os_page_free(p->page);
	p->page = NULL;
	return rc;
}

static int get_all(struct net *n)
{
	int rc = page_get(n, &n->tx_ring, false);

	if (!rc)
		rc = page_get(n, &n->rx_ring, false);
	for (unsigned int i = 0; !rc && i < NET_SLOTS; i++) {
		rc = page_get(n, &n->out[i], true);
		if (!rc)
			rc = page_get(n, &n->in[i], false);
	}
	return rc;
}

static int put_all(struct net *n)
{
	int rc = page_put(&n->tx_ring);

	rc |= page_put(&n->rx_ring);
	for (unsigned int i = 0; i < NET_SLOTS; i++) {
		rc |= page_put(&n->out[i]);
		rc |= page_put(&n->in[i]);
	}
	if (n->port)
		os_event_close(n->port);
	if (n->rx_port)
		os_event_close(n->rx_port);
	return rc ? -XEN_EBUSY : 0;
}

/* --- connecting ----------------------------------------------------------- */

/* What of the wish is offered, and makes sense together. */
static unsigned int agree(const struct device *d, unsigned int wish)
{
	static const struct {
		unsigned int feature;
		const char *name;
	} offers[] = {
		{ NET_SG, "feature-sg" }, { NET_GSO, "feature-gso-tcpv4" },
		{ NET_GSO, "feature-gso-tcpv6" },
		{ NET_SPLIT, "feature-split-event-channels" },
		{ NET_GROUPS, "feature-multicast-control" },
	};

	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++)
		if (!device_number(d, offers[i].name, 0))
			wish &= ~offers[i].feature;
	if ((wish & (NET_SG | NET_CSUM)) != (NET_SG | NET_CSUM))
		wish &= ~NET_GSO;
	return wish;
}

static int tell_ports(const struct net *n, uint32_t tx)
{
	int rc;

	if (!n->rx_port)
		return device_tell(&n->device, tx, "event-channel", n->port);
	rc = device_tell(&n->device, tx, "event-channel-tx", n->port);
	return rc ? rc : device_tell(&n->device, tx, "event-channel-rx",
				     n->rx_port);
}

static int tell(void *arg, uint32_t tx)
{
	static const struct {
		const char *name;
		unsigned int feature;
		bool without;           /* it says that the feature is not */
	} keys[] = {
		{ "feature-rx-notify", NET_NOTIFY, false },
		{ "feature-no-csum-offload", NET_CSUM, true },
		{ "feature-ipv6-csum-offload", NET_CSUM, false },
		{ "feature-sg", NET_SG, false },
		{ "feature-gso-tcpv4", NET_GSO, false },
		{ "feature-gso-tcpv6", NET_GSO, false },
		{ "request-multicast-control", NET_GROUPS, false },
	};
	const struct net *n = arg;
	const struct device *d = &n->device;
	int rc;

	rc = device_tell(d, tx, "tx-ring-ref", n->tx_ring.ref);
	if (!rc)
		rc = device_tell(d, tx, "rx-ring-ref", n->rx_ring.ref);
	if (!rc)
		rc = tell_ports(n, tx);
	if (!rc)
		rc = device_tell(d, tx, "request-rx-copy", 1);
	for (size_t i = 0; !rc && i < sizeof(keys) / sizeof(*keys); i++)
		rc = device_tell(d, tx, keys[i].name,
				 !(n->features & keys[i].feature) ==
				 keys[i].without);
	return rc ? rc : device_tell(d, tx, "state", XenbusStateConnected);
}

/* "00:16:3e:..." of our half. */
static int read_mac(struct net *n)
{
	char text[24];
	int rc = device_own_text(&n->device, "mac", text, sizeof(text));

	if (rc != 3 * NET_MAC - 1)
		return rc < 0 ? rc : -XEN_EINVAL;
	for (unsigned int i = 0; i < 2 * NET_MAC; i++) {
		char c = (char)(text[i / 2 * 3 + i % 2] | 0x20);
		unsigned int digit = c >= 'a' ? c - 'a' + 10u : c & 15u;

		n->mac[i / 2] = (uint8_t)(n->mac[i / 2] << 4 | (digit & 15));
	}
	return 0;
}

static void offer(struct net *n, uint16_t i)
{
	struct netif_rx_request q = { .id = i, .gref = n->in[i].ref };

	n->posted[n->rx.req_prod % NET_RING] = (uint8_t)i;
	front_ring_put(&n->rx, &q, sizeof(q));
}

static int open_port(const struct net *n, uint32_t *port)
{
	int rc = os_event_open(n->device.backend);

	if (rc < 0)
		return rc;
	*port = (uint32_t)rc;
	return 0;
}

static int set_up(struct net *n)
{
	int rc = get_all(n);

	if (!rc)
		rc = open_port(n, &n->port);
	if (!rc && n->features & NET_SPLIT)
		rc = open_port(n, &n->rx_port);
	if (rc)
		return rc;
	front_ring_init(&n->tx, n->tx_ring.page, OS_PAGE,
			sizeof(struct netif_tx_request));
	front_ring_init(&n->rx, n->rx_ring.page, OS_PAGE,
			sizeof(struct netif_rx_request));
	for (uint16_t i = 0; i < NET_SLOTS; i++)
		offer(n, i);
	(void)front_ring_push(&n->rx);
	return 0;
}

static int connect(struct net *n, unsigned int features, uint64_t until)
{
	int rc = device_set_state(&n->device, XenbusStateInitialising);

	if (!rc)
		rc = read_mac(n);
	if (!rc)
		rc = device_await(&n->device, 1u << XenbusStateInitWait,
				  until);
	if (rc != XenbusStateInitWait)
		return rc < 0 ? rc : -XEN_ENODEV;
	n->features = agree(&n->device, features);
	rc = set_up(n);
	if (!rc)
		rc = device_publish(tell, n);
	if (!rc)
		rc = device_await(&n->device, 1u << XenbusStateConnected |
				  DEVICE_ENDED, until);
	if (rc != XenbusStateConnected)
		return rc < 0 ? rc : -XEN_ENODEV;
	os_event_send(n->rx_port ? n->rx_port : n->port);
	return 0;
}

int net_open(struct net *n, unsigned long id, unsigned int features,
	     uint64_t until)
{
	int rc;

	memset(n, 0, sizeof(*n));
	rc = device_find(&n->device, "vif", id);
	if (rc)
		return rc;
	rc = connect(n, features, until);
	if (!rc)
		return 0;
	/* The other side must have seen it before anybody opens again. */
	(void)device_set_state(&n->device, XenbusStateClosed);
	(void)device_await(&n->device, DEVICE_CLOSED, until);
	(void)put_all(n);
	device_forget(&n->device);
	return rc;
}

int net_close(struct net *n, uint64_t until)
{
	int rc = device_close(&n->device, until);

	if (!rc)
		rc = put_all(n);
	device_forget(&n->device);
	return rc;
}

/* --- sending -------------------------------------------------------------- */

/* Takes back what was sent. */
static int reap(struct net *n)
{
	struct netif_tx_response rsp;
	int rc;

	while ((rc = front_ring_take(&n->tx, &rsp, sizeof(rsp))) > 0) {
		if (rsp.status == NETIF_RSP_NULL)
			continue;       /* of extra information: no page */
		if (rsp.id >= NET_SLOTS || !n->out[rsp.id].busy) {
			n->tx.broken = true;
			return -XEN_EILSEQ;
		}
		n->out[rsp.id].busy = false;
		n->lost += rsp.status != NETIF_RSP_OKAY;
	}
	return rc;
}

static unsigned int pages_of(size_t len)
{
	return (unsigned int)((len + OS_PAGE - 1) / OS_PAGE);
}

/* Pages that are free, if there are so many, and slots for all. */
static bool room(const struct net *n, unsigned int pages)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < NET_SLOTS; i++)
		found += !n->out[i].busy;
	return found >= pages && front_ring_free(&n->tx) > pages;
}

static void put_extra(struct net *n, const struct netif_extra_info *x)
{
	struct netif_tx_request slot = { 0 };

	memcpy(&slot, x, sizeof(*x));
	front_ring_put(&n->tx, &slot, sizeof(slot));
}

static void put_gso(struct net *n, const struct net_extra *x)
{
	struct netif_extra_info info = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

	info.u.gso.size = x->gso_size;
	info.u.gso.type = x->gso_type;
	put_extra(n, &info);
}

/* Copies the next page of a frame out and puts its slot. */
static void put_part(struct net *n, const char *from, size_t len, size_t told,
		     uint16_t flags)
{
	struct netif_tx_request q = { .size = (uint16_t)told, .flags = flags };

	while (n->out[q.id].busy)
		q.id++;
	memcpy(n->out[q.id].page, from, len);
	n->out[q.id].busy = true;
	q.gref = n->out[q.id].ref;
	front_ring_put(&n->tx, &q, sizeof(q));
}

static uint16_t first_flags(const struct net_extra *x)
{
	uint16_t flags = 0;

	if (x && x->csum_blank)
		flags |= NETTXF_csum_blank | NETTXF_data_validated;
	if (x && x->gso_type)
		flags |= NETTXF_extra_info;
	return flags;
}

static void push_tx(struct net *n)
{
	if (front_ring_push(&n->tx))
		os_event_send(n->port);
}

int net_send(struct net *n, const void *frame, size_t len,
	     const struct net_extra *x)
{
	size_t max = n->features & NET_SG ? NET_FRAME_BIG : NET_FRAME;
	const char *at = frame, *end = at + len;
	uint16_t flags = first_flags(x);
	int rc = reap(n);

	if (rc < 0)
		return rc;
	if (len < NET_FRAME_MIN || len > max)
		return -XEN_EINVAL;
	if (!room(n, pages_of(len)))
		return -XEN_EAGAIN;
	while (at < end) {
		size_t left = (size_t)(end - at);
		size_t part = left < OS_PAGE ? left : OS_PAGE;
		bool first = at == frame;

		if (part < left)
			flags |= NETTXF_more_data;
		/* The first one tells the whole frame's size. */
		put_part(n, at, part, first ? len : part, flags);
		if (flags & NETTXF_extra_info)
			put_gso(n, x);
		at += part;
		flags = 0;
	}
	push_tx(n);
	return 0;
}

int net_group(struct net *n, const uint8_t address[NET_MAC], bool add)
{
	struct netif_extra_info x = {
		.type = add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD :
			      XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
	};
	int rc = reap(n);

	if (rc < 0)
		return rc;
	if (!room(n, 1))
		return -XEN_EAGAIN;
	memcpy(x.u.mcast.addr, address, NET_MAC);
	put_part(n, (const char *)address, 0, 0, NETTXF_extra_info);
	put_extra(n, &x);
	push_tx(n);
	return 0;
}

/* --- receiving -------------------------------------------------------------- */

/* A frame that is being put together. */
struct arrival {
	char *to;
	size_t size, len;
	bool good;              /* all of it came, and had room */
	struct net_extra extra;
};

/* The next response and the page that it is about. 1, 0, or an error. */
static int take(struct net *n, struct netif_rx_response *rsp, uint16_t *page)
{
	uint32_t place = n->rx.rsp_cons % NET_RING;
	int rc = front_ring_take(&n->rx, rsp, sizeof(*rsp));

	*page = n->posted[place];
	return rc;
}

/* The same, in the middle of a frame: all of it comes together. */
static int take_more(struct net *n, struct netif_rx_response *rsp,
		     uint16_t *page)
{
	int rc = take(n, rsp, page);

	if (!rc)
		n->rx.broken = true;
	return rc ? rc : -XEN_EILSEQ;
}

static int take_extras(struct net *n, struct arrival *a)
{
	struct netif_rx_response rsp;
	struct netif_extra_info x;
	uint16_t page;
	int rc;

	do {
		rc = take_more(n, &rsp, &page);
		if (rc < 0)
			return rc;
		offer(n, page);
		memcpy(&x, &rsp, sizeof(x));
		if (x.type == XEN_NETIF_EXTRA_TYPE_GSO) {
			a->extra.gso_type = x.u.gso.type;
			a->extra.gso_size = x.u.gso.size;
		}
	} while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return 0;
}

static void take_data(struct net *n, const struct netif_rx_response *rsp,
		      uint16_t page, struct arrival *a)
{
	size_t len = rsp->status > 0 ? (size_t)rsp->status : 0;

	if (!len || rsp->offset >= OS_PAGE || len > OS_PAGE - rsp->offset ||
	    len > a->size - a->len)
		a->good = false;
	if (a->good) {
		memcpy(a->to + a->len, (char *)n->in[page].page + rsp->offset,
		       len);
		a->len += len;
	}
	offer(n, page);
}

/* A whole frame. 1, 0 when there is none, or an error. */
static int assemble(struct net *n, struct arrival *a)
{
	struct netif_rx_response rsp;
	uint16_t page;
	int rc = take(n, &rsp, &page);

	if (rc <= 0)
		return rc;
	a->extra.csum_blank = rsp.flags & NETRXF_csum_blank;
	for (;;) {
		uint16_t flags = rsp.flags;

		take_data(n, &rsp, page, a);
		if (flags & NETRXF_extra_info)
			rc = take_extras(n, a);
		if (rc < 0 || !(flags & NETRXF_more_data))
			return rc < 0 ? rc : 1;
		rc = take_more(n, &rsp, &page);
		if (rc < 0)
			return rc;
	}
}

int net_receive(struct net *n, void *frame, size_t size, struct net_extra *x)
{
	for (;;) {
		struct arrival a = { .to = frame, .size = size, .good = true };
		int rc = assemble(n, &a);

		if (rc <= 0)
			return rc;
		if (front_ring_push(&n->rx))
			os_event_send(n->rx_port ? n->rx_port : n->port);
		if (x)
			*x = a.extra;
		if (a.good)
			return (int)a.len;
		n->lost++;
	}
}

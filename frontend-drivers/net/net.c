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
	if (n->has_port)
		os_event_close(n->port);
	return rc ? -XEN_EBUSY : 0;
}

/* --- connecting ----------------------------------------------------------- */

static int tell(void *arg, uint32_t tx)
{
	static const struct {
		const char *name;
		unsigned long value;
	} features[] = {
		{ "request-rx-copy", 1 }, { "feature-rx-notify", 1 },
		{ "feature-no-csum-offload", 1 },
		{ "feature-ipv6-csum-offload", 0 }, { "feature-sg", 0 },
		{ "feature-gso-tcpv4", 0 }, { "feature-gso-tcpv6", 0 },
	};
	const struct net *n = arg;
	const struct device *d = &n->device;
	int rc;

	rc = device_tell(d, tx, "tx-ring-ref", n->tx_ring.ref);
	if (!rc)
		rc = device_tell(d, tx, "rx-ring-ref", n->rx_ring.ref);
	if (!rc)
		rc = device_tell(d, tx, "event-channel", n->port);
	for (size_t i = 0; !rc && i < sizeof(features) / sizeof(*features);
	     i++)
		rc = device_tell(d, tx, features[i].name, features[i].value);
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

	front_ring_put(&n->rx, &q, sizeof(q));
}

static int set_up(struct net *n)
{
	int rc = get_all(n);

	if (!rc)
		rc = os_event_open(n->device.backend);
	if (rc < 0)
		return rc;
	n->port = (uint32_t)rc;
	n->has_port = true;
	front_ring_init(&n->tx, n->tx_ring.page, OS_PAGE,
			sizeof(struct netif_tx_request));
	front_ring_init(&n->rx, n->rx_ring.page, OS_PAGE,
			sizeof(struct netif_rx_request));
	for (uint16_t i = 0; i < NET_SLOTS; i++)
		offer(n, i);
	(void)front_ring_push(&n->rx);
	return 0;
}

int net_open(struct net *n, unsigned long id, uint64_t until)
{
	int rc;

	memset(n, 0, sizeof(*n));
	rc = device_find(&n->device, "vif", id);
	if (rc)
		return rc;
	rc = device_set_state(&n->device, XenbusStateInitialising);
	if (!rc)
		rc = read_mac(n);
	if (!rc)
		rc = device_await(&n->device, 1u << XenbusStateInitWait,
				  until);
	if (rc == XenbusStateInitWait) {
		rc = set_up(n);
		if (!rc)
			rc = device_publish(tell, n);
		if (!rc)
			rc = device_await(&n->device,
					  1u << XenbusStateConnected |
					  DEVICE_ENDED, until);
		if (rc == XenbusStateConnected) {
			os_event_send(n->port);
			return 0;
		}
	}
	(void)device_set_state(&n->device, XenbusStateClosed);
	(void)put_all(n);
	device_forget(&n->device);
	return rc < 0 ? rc : -XEN_ENODEV;
}

int net_close(struct net *n, uint64_t until)
{
	int rc = device_close(&n->device, until);

	if (!rc)
		rc = put_all(n);
	device_forget(&n->device);
	return rc;
}

/* --- frames --------------------------------------------------------------- */

/* Takes back what was sent. */
static int reap(struct net *n)
{
	struct netif_tx_response rsp;
	int rc;

	while ((rc = front_ring_take(&n->tx, &rsp, sizeof(rsp))) > 0) {
		if (rsp.id >= NET_SLOTS || !n->out[rsp.id].busy) {
			n->tx.broken = true;
			return -XEN_EILSEQ;
		}
		n->out[rsp.id].busy = false;
		n->lost += rsp.status != NETIF_RSP_OKAY;
	}
	return rc;
}

int net_send(struct net *n, const void *frame, size_t len)
{
	struct netif_tx_request q = { .size = (uint16_t)len };
	int rc = reap(n);

	if (rc < 0)
		return rc;
	if (len < NET_FRAME_MIN || len > NET_FRAME)
		return -XEN_EINVAL;
	while (q.id < NET_SLOTS && n->out[q.id].busy)
		q.id++;
	if (q.id == NET_SLOTS || !front_ring_free(&n->tx))
		return -XEN_EAGAIN;
	memcpy(n->out[q.id].page, frame, len);
	n->out[q.id].busy = true;
	q.gref = n->out[q.id].ref;
	front_ring_put(&n->tx, &q, sizeof(q));
	if (front_ring_push(&n->tx))
		os_event_send(n->port);
	return 0;
}

int net_receive(struct net *n, void *frame, size_t size)
{
	struct netif_rx_response rsp;
	int rc;

	while ((rc = front_ring_take(&n->rx, &rsp, sizeof(rsp))) > 0) {
		bool whole = rsp.status > 0 && rsp.offset < OS_PAGE &&
			     rsp.status <= (int)(OS_PAGE - rsp.offset) &&
			     (size_t)rsp.status <= size &&
			     !(rsp.flags & NETRXF_more_data);

		if (rsp.id >= NET_SLOTS) {
			n->rx.broken = true;
			return -XEN_EILSEQ;
		}
		if (whole)
			memcpy(frame, (char *)n->in[rsp.id].page + rsp.offset,
			       (size_t)rsp.status);
		offer(n, rsp.id);
		if (front_ring_push(&n->rx))
			os_event_send(n->port);
		if (whole)
			return rsp.status;
		n->lost++;
	}
	return rc;
}

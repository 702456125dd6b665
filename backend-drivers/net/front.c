/* See front.h. */
#include "backend-drivers/net/front.h"

#include <errno.h>
#include <stdio.h>

#include "backend-drivers/base/log.h"

static int must_have(struct device *d, const char *key, uint64_t min,
		     uint64_t max, uint32_t *number)
{
	uint64_t value;
	int rc = device_front_number(d, key, min, max, &value);

	if (rc) {
		device_log(d, "%s is missing or out of range", key);
		return rc;
	}
	*number = (uint32_t)value;
	return 0;
}

/* A number that may be left out, but not be nonsense; 0 then. */
static int may_have(struct device *d, const char *key, uint64_t min,
		    uint64_t max, uint32_t *number)
{
	uint64_t value;

	*number = 0;
	return device_front_number(d, key, min, max, &value) == -ENOENT ? 0 :
	       must_have(d, key, min, max, number);
}

/* A feature that the front end may leave out. */
static bool has(struct device *d, const char *key)
{
	uint64_t value;

	return !device_front_number(d, key, 0, UINT32_MAX, &value) && value;
}

/* A key of one queue: those of several stand in folders of their own. */
struct queue_key {
	char text[48];
};

static struct queue_key queue_key(const struct vif_setup *s, unsigned int i,
				  const char *key)
{
	struct queue_key k;

	if (s->queues > 1)
		snprintf(k.text, sizeof(k.text), "queue-%u/%s", i, key);
	else
		snprintf(k.text, sizeof(k.text), "%s", key);
	return k;
}

static int read_queue(struct device *d, struct vif_setup *s, unsigned int i)
{
	struct queue_setup *q = &s->queue[i];
	int rc;

	if ((rc = must_have(d, queue_key(s, i, "tx-ring-ref").text, 0,
			    UINT32_MAX, &q->tx_ref)) ||
	    (rc = must_have(d, queue_key(s, i, "rx-ring-ref").text, 0,
			    UINT32_MAX, &q->rx_ref)) ||
	    (rc = may_have(d, queue_key(s, i, "event-channel-tx").text, 1,
			   UINT32_MAX, &q->tx_port)))
		return rc;
	if (!q->tx_port)
		return must_have(d, queue_key(s, i, "event-channel").text, 1,
				 UINT32_MAX, &q->tx_port);
	return must_have(d, queue_key(s, i, "event-channel-rx").text, 1,
			 UINT32_MAX, &q->rx_port);
}

static int read_queues(struct device *d, struct vif_setup *s)
{
	uint32_t queues;
	int rc = may_have(d, "multi-queue-num-queues", 1, VIF_QUEUES, &queues);

	if (rc)
		return rc;
	s->queues = queues ? queues : 1;
	for (unsigned int i = 0; !rc && i < s->queues; i++)
		rc = read_queue(d, s, i);
	return rc;
}

static int read_control(struct device *d, struct vif_setup *s)
{
	int rc = may_have(d, "event-channel-ctrl", 1, UINT32_MAX,
			  &s->control_port);

	if (rc || !s->control_port)
		return rc;
	return must_have(d, "ctrl-ring-ref", 0, UINT32_MAX, &s->control_ref);
}

int front_read(struct device *d, struct vif_setup *s)
{
	struct offload_features *f = &s->features;
	uint32_t one;
	int rc;

	if ((rc = must_have(d, "request-rx-copy", 1, 1, &one)) ||
	    (rc = read_queues(d, s)) || (rc = read_control(d, s)))
		return rc;
	s->rx_notify = has(d, "feature-rx-notify");
	s->groups = has(d, "request-multicast-control");
	f->sg = has(d, "feature-sg");
	f->csum4 = !has(d, "feature-no-csum-offload");
	f->csum6 = has(d, "feature-ipv6-csum-offload");
	/* Segments are cut behind checksums, and do not fit one page. */
	f->gso4 = has(d, "feature-gso-tcpv4") && f->sg && f->csum4;
	f->gso6 = has(d, "feature-gso-tcpv6") && f->sg && f->csum6;
	return 0;
}

/*
 * The end of a domain. Order: it stops running, its devices let go, the
 * hypervisor kills it, its nodes go. The daemons hold grants of its console
 * and store pages; the store's notice of its death makes them let go, and
 * only then is the last page free.
 */
#include "toolstack/libvane/destroy.h"

#include <errno.h>
#include <string.h>

#include "toolstack/libvane/config_next.h"
#include "toolstack/libvane/device.h"
#include "toolstack/libvane/entries.h"
#include "toolstack/libvane/wait.h"

#define GONE_MS		10000
/*
 * The last page is freed without a notice to us, as a rule within 20 ms: look
 * each millisecond, and when it takes longer, ever less often.
 */
#define LOOK_FIRST_MS	1
#define LOOK_LAST_MS	64
#define SOON_MS		30

static int wait_gone(struct vane *v, struct store *s, uint32_t domid)
{
	int64_t start = wait_now_ms();
	int look = LOOK_FIRST_MS, rc;
	bool released = false;

	for (;;) {
		struct xen_domctl_getdomaininfo info;
		struct store_event ev;

		if (hv_domain_info(v, domid, &info) == -ESRCH)
			return 0;
		/*
		 * Not before it is seen dying: the notice makes the other
		 * daemons look, and it comes once. -ENOENT: was not
		 * introduced, or the store has noticed by itself.
		 */
		if (!released && info.flags & XEN_DOMINF_dying) {
			(void)store_release(s, domid);
			released = true;
		}
		if (wait_now_ms() > start + GONE_MS)
			return vane_fail(v, -EBUSY, "domain %u is dead but "
					 "not gone: somebody still maps its "
					 "memory (a back end, or a program "
					 "that looks into it)", domid);
		rc = store_next_event(s, look, &ev);
		if (rc < 0)
			return vane_store_lost(v, rc);
		if (look < LOOK_LAST_MS && wait_now_ms() > start + SOON_MS)
			look *= 2;
	}
}

int domain_remove(struct vane *v, uint32_t domid, const uint8_t uuid[16])
{
	struct store *s;
	int first = vane_store(v, &s), rc;

	(void)hv_domctl_simple(v, XEN_DOMCTL_pausedomain, domid);
	if (first)
		return first;
	first = devices_remove(v, domid);
	(void)store_watch(s, "@releaseDomain", "gone");
	rc = hv_domctl_simple(v, XEN_DOMCTL_destroydomain, domid);
	if (rc < 0 && rc != -ESRCH) {
		rc = vane_fail(v, rc, "domain %u: the hypervisor does not "
			       "destroy it: %s", domid, strerror(-rc));
		first = first ? first : rc;
	}
	rc = entries_remove(v, domid, uuid);
	first = first ? first : rc;
	config_next_remove(domid);
	rc = wait_gone(v, s, domid);
	first = first ? first : rc;
	entries_forget_errors(v, domid);
	(void)store_unwatch(s, "@releaseDomain", "gone");
	return first;
}

int vane_destroy(struct vane *v, uint32_t domid)
{
	struct xen_domctl_getdomaininfo info;
	int rc;

	if (!domid)
		return vane_fail(v, -EPERM, "domain 0 is not to be destroyed");
	rc = hv_domain_info(v, domid, &info);
	if (rc)
		return vane_no_domain(v, rc, domid);
	return domain_remove(v, domid, info.handle);
}

/*
 * Running, pausing, and asking a guest to shut down. A guest takes a request
 * by emptying the node control/shutdown; that it then shuts down is its own
 * affair.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/device.h"
#include "toolstack/libvane/wait.h"
#include "xenstore/client/store.h"

#define ANSWER_MS	60000
#define LOOK_MS		1000

static int simple(struct vane *v, unsigned int cmd, uint32_t domid,
		  const char *what)
{
	int rc = hv_domctl_simple(v, cmd, domid);

	return rc < 0 ? vane_fail(v, rc, "domain %u: %s: %s", domid, what,
				  rc == -EINVAL ? "it is not in that state" :
				  strerror(-rc)) : 0;
}

int vane_pause(struct vane *v, uint32_t domid)
{
	return simple(v, XEN_DOMCTL_pausedomain, domid, "pause");
}

int vane_unpause(struct vane *v, uint32_t domid)
{
	return simple(v, XEN_DOMCTL_unpausedomain, domid, "unpause");
}

/* --- shutdown ------------------------------------------------------------ */

struct request {
	const char *path, *word;
};

static int write_request(struct store *s, store_tx tx, void *arg)
{
	const struct request *r = arg;

	return store_write_str(s, tx, r->path, r->word);
}

/* Takes a request back that nobody took; -EALREADY: somebody just did. */
static int withdraw(struct store *s, store_tx tx, void *arg)
{
	const struct request *r = arg;
	char *now;
	int rc = store_read(s, tx, r->path, &now, NULL);

	if (rc)
		return rc;
	rc = strcmp(now, r->word) ? -EALREADY :
		store_write_str(s, tx, r->path, "");
	free(now);
	return rc;
}

/* Whether the guest has taken what is in @path; gone counts as well. */
static bool taken(struct vane *v, struct store *s, uint32_t domid,
		  const char *path)
{
	struct xen_domctl_getdomaininfo info;
	char *now;
	bool empty;

	if (store_read(s, STORE_NO_TX, path, &now, NULL))
		return true;
	empty = !now[0];
	free(now);
	return empty || hv_domain_info(v, domid, &info) ||
		(info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying));
}

static int wait_taken(struct vane *v, struct store *s, uint32_t domid,
		      const struct request *r)
{
	int64_t until = wait_now_ms() + ANSWER_MS;
	struct store_event ev;
	int rc;

	while (!taken(v, s, domid, r->path)) {
		int64_t left = until - wait_now_ms();

		if (left <= 0) {
			rc = store_transaction(s, withdraw, (void *)r);
			if (rc == -EALREADY || rc == -ENOENT)
				return 0;
			return vane_fail(v, -ETIMEDOUT, "domain %u did not "
					 "take the request to %s within %d s "
					 "(`vane destroy` ends it at once)",
					 domid, r->word, ANSWER_MS / 1000);
		}
		rc = store_next_event(s, left < LOOK_MS ? left : LOOK_MS,
				      &ev);
		if (rc < 0)
			return vane_store_lost(v, rc);
	}
	return 0;
}

int vane_shutdown(struct vane *v, uint32_t domid, bool reboot)
{
	char path[STORE_PATH_MAX];
	struct request r = {
		.path = path, .word = reboot ? "reboot" : "poweroff",
	};
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
		 domid);
	rc = store_exists(s, STORE_NO_TX, path);
	if (rc <= 0)
		return vane_fail(v, rc ? rc : -EOPNOTSUPP, "domain %u does "
				 "not take requests to %s (`vane destroy` ends "
				 "it at once)", domid, r.word);
	rc = store_transaction(s, write_request, &r);
	if (rc)
		return vane_fail(v, rc, "domain %u: %s: %s", domid, path,
				 strerror(-rc));
	rc = store_watch(s, path, "taken");
	if (rc)
		return vane_fail(v, rc, "domain %u: %s: %s", domid, path,
				 strerror(-rc));
	rc = wait_taken(v, s, domid, &r);
	(void)store_unwatch(s, path, "taken");
	return rc;
}

/* @gone: its shutting down is not enough. */
static int wait_end(struct vane *v, uint32_t domid, int timeout_ms, bool gone,
		    int *reason)
{
	int64_t until = wait_now_ms() + timeout_ms;
	struct store_event ev;
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	rc = store_watch(s, "@releaseDomain", "shutdown");
	if (rc)
		return vane_store_lost(v, rc);
	for (;;) {
		struct xen_domctl_getdomaininfo info;
		int64_t left = timeout_ms < 0 ? -1 : until - wait_now_ms();

		rc = hv_domain_info(v, domid, &info);
		if (rc == -ESRCH || (!rc && info.flags & XEN_DOMINF_dying)) {
			*reason = -1;
			rc = 0;
			break;
		}
		if (!rc && !gone && info.flags & XEN_DOMINF_shutdown) {
			*reason = (info.flags >> XEN_DOMINF_shutdownshift) &
				XEN_DOMINF_shutdownmask;
			break;
		}
		if (rc)
			rc = vane_no_domain(v, rc, domid);
		else if (timeout_ms >= 0 && left <= 0)
			rc = vane_fail(v, -ETIMEDOUT, "domain %u has not shut "
				       "down within %d s", domid,
				       timeout_ms / 1000);
		else if ((rc = store_next_event(s, left, &ev)) < 0)
			rc = vane_store_lost(v, rc);
		if (rc < 0)
			break;
	}
	(void)store_unwatch(s, "@releaseDomain", "shutdown");
	return rc;
}

int vane_wait_shutdown(struct vane *v, uint32_t domid, int timeout_ms,
		       int *reason)
{
	return wait_end(v, domid, timeout_ms, false, reason);
}

int vane_wait_gone(struct vane *v, uint32_t domid, int timeout_ms)
{
	int reason;

	return wait_end(v, domid, timeout_ms, true, &reason);
}

/* --- console ------------------------------------------------------------- */

int vane_console_tty(struct vane *v, uint32_t domid, int timeout_ms,
		     char **tty)
{
	int64_t until = wait_now_ms() + timeout_ms, left;
	char path[STORE_PATH_MAX];
	struct store_event ev;
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
	rc = store_watch(s, path, "tty");
	if (rc)
		return vane_fail(v, rc, "domain %u: %s: %s", domid, path,
				 strerror(-rc));
	do {
		char *got;

		rc = store_read(s, STORE_NO_TX, path, &got, NULL);
		if (rc)
			break;
		if (got[0]) {
			*tty = got;
			break;
		}
		free(got);
		left = until - wait_now_ms();
		rc = left <= 0 ? -ETIMEDOUT : store_next_event(s, left, &ev);
	} while (rc >= 0);
	(void)store_unwatch(s, path, "tty");
	if (rc == -ETIMEDOUT || rc == -ENOENT)
		return vane_fail(v, rc, "domain %u: the console daemon shows "
				 "no terminal for it (is it running?)",
				 domid);
	return rc < 0 ? vane_store_lost(v, rc) : 0;
}

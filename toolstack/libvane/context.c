/*
 * The connection: opening and closing it, and how it talks to the user.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolstack/sys/privcmd.h"
#include "xenstore/client/store.h"

static void to_stderr(void *arg, enum vane_level level, const char *text)
{
	static const char *const prefix[] = { "error: ", "warning: ", "" };

	(void)arg;
	if (level != VANE_NOTE)
		fprintf(stderr, "vane: %s%s\n", prefix[level], text);
}

static void say_v(struct vane *v, enum vane_level level, const char *fmt,
		  va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	v->message(v->message_arg, level, text);
}

void vane_say(struct vane *v, enum vane_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_v(v, level, fmt, ap);
	va_end(ap);
}

int vane_fail(struct vane *v, int rc, const char *fmt, ...)
{
	va_list ap;

	v->error = -rc;
	va_start(ap, fmt);
	say_v(v, VANE_ERROR, fmt, ap);
	va_end(ap);
	return rc;
}

int vane_error(const struct vane *v)
{
	return v->error;
}

struct vane *vane_open(vane_message_fn *fn, void *arg)
{
	struct vane *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return NULL;
	v->message = fn ? fn : to_stderr;
	v->message_arg = arg;
	v->privcmd = privcmd_open();
	if (v->privcmd < 0) {
		rc = v->privcmd;
		vane_say(v, VANE_ERROR, "/dev/xen/privcmd: %s%s",
			 strerror(-rc), rc == -ENOENT ?
			 " (is this Dom0 of a hypervisor, with the module "
			 "xen-privcmd loaded?)" : "");
		goto out_free;
	}
	v->hc = hcbuf_alloc(PAGE_SIZE + HC_DATA_SIZE);
	if (!v->hc) {
		rc = -errno;
		vane_say(v, VANE_ERROR, "no memory for hypercalls: %s: Dom0 "
			 "has too little",
			 strerror(-rc));
		goto out_close;
	}
	v->hc_data = v->hc + PAGE_SIZE;
	return v;

out_close:
	close(v->privcmd);
out_free:
	free(v);
	errno = -rc;
	return NULL;
}

void vane_close(struct vane *v)
{
	if (!v)
		return;
	store_close(v->store);
	hcbuf_free(v->hc, PAGE_SIZE + HC_DATA_SIZE);
	close(v->privcmd);
	free(v);
}

/*
 * Dom0's kernel offers the store too, but whoever opens that before a daemon
 * runs waits for it for ever: the tools want the daemon's socket.
 */
int vane_store(struct vane *v, struct store **store)
{
	const char *path = getenv("XENSTORED_PATH");

	if (!v->store) {
		if (v->no_store)
			return -v->no_store;
		v->store = store_open_path(path ? path : STORE_SOCKET);
		if (!v->store) {
			v->no_store = errno ? errno : EIO;
			return vane_fail(v, -v->no_store, "no store daemon "
					 "answers at %s: %s (is vane-stored "
					 "running?)",
					 path ? path : STORE_SOCKET,
					 strerror(v->no_store));
		}
	}
	*store = v->store;
	return 0;
}

/* See device.h. */
#include "frontend-drivers/xenbus/device.h"

#include "frontend-drivers/os.h"
#include "frontend-drivers/text.h"

static int node(char *path, const char *folder, const char *name)
{
	return text_format(path, DEVICE_PATH, "%s/%s", folder, name) ?
	       0 : -XEN_E2BIG;
}

int device_find(struct device *d, const char *kind, unsigned long id)
{
	unsigned long domid;
	char path[DEVICE_PATH];
	int rc;

	if (!text_format(d->front, DEVICE_PATH, "device/%s/%u", kind, id))
		return -XEN_E2BIG;
	rc = node(path, d->front, "backend");
	if (!rc)
		rc = store_read(STORE_NO_TX, path, d->back, DEVICE_PATH);
	if (rc < 0)
		return rc;
	rc = node(path, d->front, "backend-id");
	if (!rc)
		rc = store_read_number(STORE_NO_TX, path, &domid);
	if (!rc)
		rc = node(path, d->back, "state");
	if (rc)
		return rc;
	d->backend = (uint16_t)domid;
	return store_watch(path);
}

void device_forget(struct device *d)
{
	char path[DEVICE_PATH];

	if (!node(path, d->back, "state"))
		(void)store_unwatch(path);
}

int device_state(const struct device *d)
{
	unsigned long state;
	char path[DEVICE_PATH];
	int rc = node(path, d->back, "state");

	if (!rc)
		rc = store_read_number(STORE_NO_TX, path, &state);
	if (rc == -XEN_ENOENT || rc == -XEN_EACCES)
		return XenbusStateClosed;
	return rc ? rc : (int)state;
}

int device_set_state(const struct device *d, enum xenbus_state state)
{
	return device_tell(d, STORE_NO_TX, "state", state);
}

int device_await(const struct device *d, unsigned int mask, uint64_t until)
{
	for (;;) {
		uint32_t seen = os_events();
		int state;

		(void)store_changes();
		state = device_state(d);
		if (state < 0 || mask >> state & 1)
			return state;
		if (os_now() >= until)
			return -XEN_ETIMEDOUT;
		os_wait(seen, until);
	}
}

int device_close(const struct device *d, uint64_t until)
{
	int rc;

	(void)device_set_state(d, XenbusStateClosing);
	(void)device_await(d, DEVICE_ENDED, until);
	(void)device_set_state(d, XenbusStateClosed);
	rc = device_await(d, DEVICE_CLOSED, until);
	return rc < 0 ? rc : 0;
}

unsigned long device_number(const struct device *d, const char *name,
			    unsigned long absent)
{
	unsigned long value;
	char path[DEVICE_PATH];

	if (node(path, d->back, name) ||
	    store_read_number(STORE_NO_TX, path, &value))
		return absent;
	return value;
}

int device_tell(const struct device *d, uint32_t tx, const char *name,
		unsigned long value)
{
	char path[DEVICE_PATH];
	int rc = node(path, d->front, name);

	return rc ? rc : store_write_number(tx, path, value);
}

int device_tell_text(const struct device *d, uint32_t tx, const char *name,
		     const char *value)
{
	char path[DEVICE_PATH];
	int rc = node(path, d->front, name);

	return rc ? rc : store_write(tx, path, value);
}

int device_own_text(const struct device *d, const char *name, char *value,
		    size_t size)
{
	char path[DEVICE_PATH];
	int rc = node(path, d->front, name);

	return rc ? rc : store_read(STORE_NO_TX, path, value, size);
}

int device_publish(int (*tell)(void *arg, uint32_t tx), void *arg)
{
	uint32_t tx;
	int rc, ended;

	do {
		rc = store_begin(&tx);
		if (rc)
			return rc;
		rc = tell(arg, tx);
		ended = store_end(tx, !rc);
	} while (!rc && ended == -XEN_EAGAIN);
	return rc ? rc : ended;
}

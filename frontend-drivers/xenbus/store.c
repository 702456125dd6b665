/* The store's client: see store.h. */
#include "frontend-drivers/xenbus/store.h"

#include <xen/io/xs_wire.h>

#include "backend-drivers/ring/shared.h"
#include "frontend-drivers/os.h"
#include "frontend-drivers/text.h"

size_t strlen(const char *s);
int memcmp(const void *a, const void *b, size_t size);

#define SIZE XENSTORE_RING_SIZE
#define TOKEN "f" /* watches are told apart by nobody */

static struct xenstore_domain_interface *ring;
static uint32_t ring_port, last_id, changes;

struct piece {
	const void *data;
	size_t len;
};

void store_init(void *page, uint32_t port)
{
	ring = page;
	ring_port = port;
	os_event_adopt(port);
}

/* --- bytes ---------------------------------------------------------------- */

/* How many may go or come at once: up to the ring's end; 0: none now. */
static int64_t stretch(uint32_t used, uint32_t from, uint32_t have, size_t want)
{
	size_t n = SIZE - from % SIZE;

	if (used > SIZE)
		return -XEN_EIO;
	if (n > have)
		n = have;
	return (int64_t)(n < want ? n : want);
}

static int put(const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		uint32_t seen = os_events(), prod = ring->req_prod;
		uint32_t used = prod - shared_load_acquire(&ring->req_cons);
		int64_t n = stretch(used, prod, SIZE - used, len);

		if (n < 0)
			return (int)n;
		if (!n) {
			os_event_send(ring_port);
			os_wait(seen, OS_NEVER);
			continue;
		}
		for (int64_t i = 0; i < n; i++)
			ring->req[(prod + i) % SIZE] = *from++;
		shared_store_release(&ring->req_prod, prod + (uint32_t)n);
		len -= (size_t)n;
	}
	return 0;
}

/* Bytes that wait now; -XEN_EIO. */
static int waiting(void)
{
	uint32_t n = shared_load_acquire(&ring->rsp_prod) - ring->rsp_cons;

	return n <= SIZE ? (int)n : -XEN_EIO;
}

/* Takes bytes, waiting for them; @data NULL: drops them. */
static int take(void *data, size_t len)
{
	char *to = data;

	while (len) {
		uint32_t seen = os_events(), cons = ring->rsp_cons;
		int have = waiting();
		int64_t n = have < 0 ? have :
			    stretch((uint32_t)have, cons, (uint32_t)have, len);

		if (n < 0)
			return (int)n;
		if (!n) {
			os_wait(seen, OS_NEVER);
			continue;
		}
		for (int64_t i = 0; to && i < n; i++)
			*to++ = ring->rsp[(cons + i) % SIZE];
		shared_store_release(&ring->rsp_cons, cons + (uint32_t)n);
		os_event_send(ring_port);
		len -= (size_t)n;
	}
	return 0;
}

/* --- messages ------------------------------------------------------------- */

static int error_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
#define XEN_ERRNO(name, value) { #name, value },
#include <xen/errno.h>
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!memcmp(name, errors[i].name, strlen(errors[i].name) + 1))
			return errors[i].number;
	return XEN_EIO;
}

/* The payload as text. What does not fit is dropped: -XEN_E2BIG. */
static int take_text(size_t len, char *text, size_t size)
{
	int rc;

	if (len >= size) {
		rc = take(NULL, len);
		return rc ? rc : -XEN_E2BIG;
	}
	rc = take(text, len);
	text[len] = '\0';
	return rc ? rc : (int)len;
}

/* Takes messages up to the answer of the last request. */
static int take_answer(char *text, size_t size)
{
	char name[16] = "";
	struct xsd_sockmsg hdr;
	int rc;

	for (;;) {
		rc = take(&hdr, sizeof(hdr));
		if (!rc && hdr.len > XENSTORE_PAYLOAD_MAX)
			rc = -XEN_EIO;
		if (rc)
			return rc;
		if (hdr.type != XS_WATCH_EVENT && hdr.req_id == last_id)
			break;
		changes += hdr.type == XS_WATCH_EVENT;
		rc = take(NULL, hdr.len);
		if (rc)
			return rc;
	}
	if (hdr.type != XS_ERROR)
		return take_text(hdr.len, text, size);
	rc = take_text(hdr.len, name, sizeof(name));
	return rc < 0 ? rc : -error_number(name);
}

static int call(uint32_t type, uint32_t tx, const struct piece *pieces,
		unsigned int count, char *text, size_t size)
{
	struct xsd_sockmsg hdr = {
		.type = type, .req_id = ++last_id, .tx_id = tx,
	};
	int rc;

	for (unsigned int i = 0; i < count; i++)
		hdr.len += (uint32_t)pieces[i].len;
	if (hdr.len > XENSTORE_PAYLOAD_MAX)
		return -XEN_E2BIG;
	rc = put(&hdr, sizeof(hdr));
	for (unsigned int i = 0; !rc && i < count; i++)
		rc = put(pieces[i].data, pieces[i].len);
	if (rc)
		return rc;
	os_event_send(ring_port);
	return take_answer(text, size);
}

static struct piece text_piece(const char *text)
{
	return (struct piece){ text, strlen(text) + 1 };
}

/* A request of a path whose answer says nothing. */
static int call_path(uint32_t type, uint32_t tx, const char *path)
{
	const struct piece piece = text_piece(path);
	char ok[8];
	int rc = call(type, tx, &piece, 1, ok, sizeof(ok));

	return rc < 0 ? rc : 0;
}

/* --- operations ----------------------------------------------------------- */

int store_read(uint32_t tx, const char *path, char *value, size_t size)
{
	const struct piece piece = text_piece(path);

	return call(XS_READ, tx, &piece, 1, value, size);
}

int store_read_number(uint32_t tx, const char *path, unsigned long *value)
{
	char text[24];
	int rc = store_read(tx, path, text, sizeof(text));

	if (rc < 0)
		return rc == -XEN_E2BIG ? -XEN_EINVAL : rc;
	return text_number(text, value) ? 0 : -XEN_EINVAL;
}

int store_write(uint32_t tx, const char *path, const char *value)
{
	const struct piece pieces[] = {
		text_piece(path), { value, strlen(value) },
	};
	char ok[8];
	int rc = call(XS_WRITE, tx, pieces, 2, ok, sizeof(ok));

	return rc < 0 ? rc : 0;
}

int store_write_number(uint32_t tx, const char *path, unsigned long value)
{
	char text[24];

	(void)text_format(text, sizeof(text), "%u", value);
	return store_write(tx, path, text);
}

int store_remove(uint32_t tx, const char *path)
{
	return call_path(XS_RM, tx, path);
}

int store_begin(uint32_t *tx)
{
	const struct piece piece = text_piece("");
	unsigned long id = 0;
	char text[24];
	int rc = call(XS_TRANSACTION_START, STORE_NO_TX, &piece, 1, text,
		      sizeof(text));

	if (rc < 0)
		return rc;
	if (!text_number(text, &id))
		return -XEN_EIO;
	*tx = (uint32_t)id;
	return 0;
}

int store_end(uint32_t tx, bool commit)
{
	return call_path(XS_TRANSACTION_END, tx, commit ? "T" : "F");
}

static int call_watch(uint32_t type, const char *path)
{
	const struct piece pieces[] = {
		text_piece(path), text_piece(TOKEN),
	};
	char ok[8];
	int rc = call(type, STORE_NO_TX, pieces, 2, ok, sizeof(ok));

	return rc < 0 ? rc : 0;
}

int store_watch(const char *path)
{
	return call_watch(XS_WATCH, path);
}

int store_unwatch(const char *path)
{
	return call_watch(XS_UNWATCH, path);
}

uint32_t store_changes(void)
{
	struct xsd_sockmsg hdr;

	/* Between requests only such messages come; each is whole soon. */
	while (waiting() > 0) {
		if (take(&hdr, sizeof(hdr)) || hdr.len > XENSTORE_PAYLOAD_MAX ||
		    take(NULL, hdr.len))
			break;
		changes += hdr.type == XS_WATCH_EVENT;
	}
	return changes;
}

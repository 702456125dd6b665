/* The store client's operations: see store.h. */
#include "xenstore/client/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/client/connection.h"

/* --- nodes ---------------------------------------------------------------- */

int store_read(struct store *s, store_tx tx, const char *path,
	       char **value, size_t *len)
{
	int rc = store_call_text(s, XS_READ, tx, path);

	if (!rc)
		rc = store_take_reply(s, value);
	if (!rc && len)
		*len = s->hdr.len;
	return rc;
}

int store_read_many(struct store *s, store_tx tx, const char *const *paths,
		    unsigned int count, char **values)
{
	int rc = store_batch_begin(s);

	for (unsigned int i = 0; i < count; i++)
		values[i] = NULL;
	for (unsigned int i = 0; !rc && i < count; i++) {
		struct part part = store_text_part(paths[i]);

		if (s->batch.on)
			rc = store_batch_add(s, XS_READ, tx, &part, 1,
					     &values[i]);
		else if (store_read(s, tx, paths[i], &values[i], NULL))
			rc = s->broken;
	}
	(void)store_batch_end(s);
	return rc ? rc : s->broken;
}

int store_read_u64(struct store *s, store_tx tx, const char *path,
		   uint64_t *number)
{
	bool hex;
	char *end;
	uint64_t n;
	int rc = store_call_text(s, XS_READ, tx, path);

	if (rc)
		return rc;
	hex = s->payload[0] == '0' && s->payload[1] == 'x';
	/* strtoull() alone would take blanks and signs. */
	if (!strchr("0123456789abcdefABCDEF", s->payload[hex ? 2 : 0]) ||
	    !s->payload[hex ? 2 : 0])
		return -EINVAL;
	errno = 0;
	n = strtoull(s->payload, &end, hex ? 16 : 10);
	if (errno || end != s->payload + s->hdr.len)
		return -EINVAL;
	*number = n;
	return 0;
}

int store_write(struct store *s, store_tx tx, const char *path,
		const void *value, size_t len)
{
	struct part part[] = { store_text_part(path), { value, len } };

	return store_call(s, XS_WRITE, tx, part, 2);
}

int store_write_str(struct store *s, store_tx tx, const char *path,
		    const char *text)
{
	return store_write(s, tx, path, text, strlen(text));
}

int store_writef(struct store *s, store_tx tx, const char *path,
		 const char *fmt, ...)
{
	char text[XENSTORE_PAYLOAD_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n >= sizeof(text))
		return -E2BIG;
	return store_write(s, tx, path, text, (size_t)n);
}

int store_mkdir(struct store *s, store_tx tx, const char *path)
{
	return store_call_text(s, XS_MKDIR, tx, path);
}

int store_rm(struct store *s, store_tx tx, const char *path)
{
	return store_call_text(s, XS_RM, tx, path);
}

int store_exists(struct store *s, store_tx tx, const char *path)
{
	int rc = store_call_text(s, XS_READ, tx, path);

	if (!rc)
		return 1;
	return rc == -ENOENT ? 0 : rc;
}

/* Names that were collected, each with its NUL. */
struct names {
	char *text;
	size_t len;
};

static int names_add(struct names *n, const char *text, size_t len)
{
	char *more = realloc(n->text, n->len + len + 1);

	if (!more)
		return -ENOMEM;
	memcpy(more + n->len, text, len);
	n->text = more;
	n->len += len;
	return 0;
}

/*
 * One part of a large directory from n->len on: 1 for the last one, 0 if more
 * follows, -EAGAIN if its generation is not *gen (empty: the first part).
 */
static int directory_part(struct store *s, store_tx tx, const char *path,
			  struct names *n, char gen[32])
{
	struct part part[2] = { store_text_part(path) };
	char offset[24];
	size_t gen_len, len;
	int rc;

	snprintf(offset, sizeof(offset), "%zu", n->len);
	part[1] = store_text_part(offset);
	rc = store_call(s, XS_DIRECTORY_PART, tx, part, 2);
	if (rc)
		return rc;
	gen_len = strnlen(s->payload, s->hdr.len) + 1;
	if (gen_len > s->hdr.len || gen_len > 32)
		return store_broke(s, -EPROTO);
	if (!gen[0])
		memcpy(gen, s->payload, gen_len);
	if (strcmp(gen, s->payload))
		return -EAGAIN;
	len = s->hdr.len - gen_len;
	/* An empty name ends the list. */
	if (len && !s->payload[gen_len + len - 1] &&
	    (len == 1 || !s->payload[gen_len + len - 2])) {
		rc = names_add(n, s->payload + gen_len, len - 1);
		return rc ? rc : 1;
	}
	if (!len)
		return store_broke(s, -EPROTO);
	return names_add(n, s->payload + gen_len, len);
}

static int directory_parts(struct store *s, store_tx tx, const char *path,
			   struct names *n)
{
	int rc;

	do {
		char gen[32] = "";

		n->len = 0;
		do {
			rc = directory_part(s, tx, path, n, gen);
		} while (!rc);
	} while (rc == -EAGAIN);
	return rc < 0 ? rc : 0;
}

/* Turn names into one allocation: pointers, NULL, then the texts. */
static int names_array(const struct names *n, char ***names,
		       unsigned int *count)
{
	unsigned int entries = 0;
	char **array, *text;

	for (size_t i = 0; i < n->len; i++)
		entries += !n->text[i];
	array = malloc((entries + 1u) * sizeof(*array) + n->len + 1);
	if (!array)
		return -ENOMEM;
	text = (char *)(array + entries + 1);
	if (n->len)
		memcpy(text, n->text, n->len);
	for (unsigned int i = 0; i < entries; i++) {
		array[i] = text;
		text += strlen(text) + 1;
	}
	array[entries] = NULL;
	*names = array;
	*count = entries;
	return 0;
}

int store_directory(struct store *s, store_tx tx, const char *path,
		    char ***names, unsigned int *count)
{
	struct names n = { 0 };
	int rc = store_call_text(s, XS_DIRECTORY, tx, path);

	if (!rc)
		rc = names_add(&n, s->payload, s->hdr.len);
	else if (rc == -E2BIG)
		rc = directory_parts(s, tx, path, &n);
	if (!rc)
		rc = names_array(&n, names, count);
	free(n.text);
	return rc;
}

static const char perm_letters[] = "nrwb";

int store_get_perms(struct store *s, store_tx tx, const char *path,
		    struct store_perm **perms, unsigned int *count)
{
	int rc = store_call_text(s, XS_GET_PERMS, tx, path);
	struct store_perm *p;
	unsigned int n = 0;

	if (rc)
		return rc;
	/* An entry takes three bytes at least. */
	p = calloc(s->hdr.len / 3 + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < s->hdr.len && n <= s->hdr.len / 3;) {
		const char *text = s->payload + i;
		const char *letter = *text ? strchr(perm_letters, *text) : NULL;

		if (!letter) {
			free(p);
			return store_broke(s, -EPROTO);
		}
		p[n].access = (unsigned int)(letter - perm_letters);
		p[n++].domid = (uint32_t)strtoul(text + 1, NULL, 10);
		i += strlen(text) + 1;
	}
	*perms = p;
	*count = n;
	return 0;
}

int store_set_perms(struct store *s, store_tx tx, const char *path,
		    const struct store_perm *perms, unsigned int count)
{
	char text[XENSTORE_PAYLOAD_MAX];
	struct part part[2] = { store_text_part(path), { text, 0 } };

	for (unsigned int i = 0; i < count; i++) {
		size_t room = sizeof(text) - part[1].len;
		int n = snprintf(text + part[1].len, room, "%c%u",
				 perm_letters[perms[i].access & 3],
				 perms[i].domid);

		if ((size_t)n >= room)
			return -E2BIG;
		part[1].len += (size_t)n + 1;
	}
	return store_call(s, XS_SET_PERMS, tx, part, 2);
}

/* --- watches -------------------------------------------------------------- */

int store_watch(struct store *s, const char *path, const char *token)
{
	struct part part[] = { store_text_part(path), store_text_part(token) };

	return store_call(s, XS_WATCH, STORE_NO_TX, part, 2);
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	struct part part[] = { store_text_part(path), store_text_part(token) };
	int rc = store_call(s, XS_UNWATCH, STORE_NO_TX, part, 2);

	if (rc)
		return rc;
	store_drop_events(s, path, token);
	return 0;
}

/* --- transactions --------------------------------------------------------- */

/* -EIO may also mean that the daemon's disk or memory is broken. */
#define EIO_RUNS 10

int store_transaction_start(struct store *s, store_tx *tx)
{
	int rc = store_call_text(s, XS_TRANSACTION_START, STORE_NO_TX, "");
	unsigned long id;

	if (rc)
		return rc;
	id = strtoul(s->payload, NULL, 10);
	if (!id || id > UINT32_MAX)
		return store_broke(s, -EPROTO);
	*tx = (store_tx)id;
	return 0;
}

int store_transaction_end(struct store *s, store_tx tx, bool commit)
{
	return store_call_text(s, XS_TRANSACTION_END, tx, commit ? "T" : "F");
}

int store_transaction(struct store *s, store_tx_body *body, void *arg)
{
	unsigned int runs = 0;
	store_tx tx;
	int rc;

	do {
		rc = store_transaction_start(s, &tx);
		if (rc)
			return rc;
		rc = body(s, tx, arg);
		if (!rc) {
			rc = store_transaction_end(s, tx, true);
			continue;
		}
		(void)store_transaction_end(s, tx, false);
		if (rc == -EIO && ++runs < EIO_RUNS)
			rc = -EAGAIN;
	} while (rc == -EAGAIN);
	return rc;
}

/* --- domains -------------------------------------------------------------- */

static int call_domid(struct store *s, uint32_t type, uint32_t domid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", domid);
	return store_call_text(s, type, STORE_NO_TX, text);
}

int store_introduce(struct store *s, uint32_t domid, uint64_t gfn,
		    uint32_t port)
{
	char text[3][24];
	struct part part[3];

	snprintf(text[0], sizeof(text[0]), "%u", domid);
	snprintf(text[1], sizeof(text[1]), "%llu", (unsigned long long)gfn);
	snprintf(text[2], sizeof(text[2]), "%u", port);
	for (unsigned int i = 0; i < 3; i++)
		part[i] = store_text_part(text[i]);
	return store_call(s, XS_INTRODUCE, STORE_NO_TX, part, 3);
}

int store_release(struct store *s, uint32_t domid)
{
	return call_domid(s, XS_RELEASE, domid);
}

int store_is_introduced(struct store *s, uint32_t domid)
{
	int rc = call_domid(s, XS_IS_DOMAIN_INTRODUCED, domid);

	return rc ? rc : s->payload[0] == 'T';
}

int store_resume(struct store *s, uint32_t domid)
{
	return call_domid(s, XS_RESUME, domid);
}

int store_set_target(struct store *s, uint32_t domid, uint32_t target)
{
	char text[2][16];
	struct part part[2];

	snprintf(text[0], sizeof(text[0]), "%u", domid);
	snprintf(text[1], sizeof(text[1]), "%u", target);
	part[0] = store_text_part(text[0]);
	part[1] = store_text_part(text[1]);
	return store_call(s, XS_SET_TARGET, STORE_NO_TX, part, 2);
}

int store_domain_path(struct store *s, uint32_t domid, char **path)
{
	int rc = call_domid(s, XS_GET_DOMAIN_PATH, domid);

	return rc ? rc : store_take_reply(s, path);
}

int store_reset_watches(struct store *s)
{
	return store_call_text(s, XS_RESET_WATCHES, STORE_NO_TX, "");
}

int store_control(struct store *s, const char *const *words,
		  unsigned int count, char **reply)
{
	struct part part[PARTS_MAX];
	int rc;

	if (count > PARTS_MAX)
		return -E2BIG;
	for (unsigned int i = 0; i < count; i++)
		part[i] = store_text_part(words[i]);
	rc = store_call(s, XS_CONTROL, STORE_NO_TX, part, count);
	return rc ? rc : store_take_reply(s, reply);
}

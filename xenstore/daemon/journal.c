/* What survives the daemon: see journal.h. */
#include "xenstore/daemon/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xenstore/daemon/memory.h"

#define FILES		2
#define MAPPED		(1ull << 32)	/* of address space for each file */
#define FIRST_SIZE	(1u << 20)
#define GROWTH		(1u << 20)
/* Kept back from new input, for records that must be written anyway. */
#define SET_ASIDE	(256u << 10)
/* A journal is long when it outgrows both this and the state before it. */
#define LONG		(2u << 20)

#define MAGIC		0x65726f7473656e61ull
#define VERSION		2u
#define NOT_DONE	UINT32_MAX

struct header {
	uint64_t magic, version;
	uint64_t sequence;	/* 0: no state; the larger one counts */
	uint64_t state_len, state_sum;
	uint64_t tail;		/* end of the last record */

	/*
	 * A transfer: of this kind, for this connection, begun when the tail
	 * was there.  Once the tail has moved it has its record.
	 */
	uint64_t io_kind, io_key, io_tail;
	struct mmsghdr io;	/* msg_len: the system's own note */

	/* The event that is being read back; where earlier daemons ended. */
	uint64_t reading, died_at, died_times;
};

struct record {
	uint32_t len;
	uint32_t check;		/* upper 24 bits; the lower 8 are the type */
	uint64_t key;
};

struct journal {
	int fd[FILES];
	char *map[FILES];
	size_t size;		/* both files', allocated */
	unsigned int active;
	struct header *hdr;	/* of the active file */
	char *base;		/* the active file */
	size_t first;		/* where its journal begins */
	size_t cursor;		/* replay stands there */
	size_t saved;		/* bytes of the state in the making */
	bool nothing;		/* nothing is kept */
	char names[FILES][256];
};

static size_t align(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* FNV over words: meant against accidents, not against malice. */
static uint64_t sum(const void *data, size_t len)
{
	const char *at = data;
	uint64_t h = 0xcbf29ce484222325ull, word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		h = (h ^ word) * 0x100000001b3ull;
		h ^= h >> 32;
	}
	while (len--)
		h = (h ^ (unsigned char)*at++) * 0x100000001b3ull;
	return h;
}

static uint32_t check_of(uint32_t len, unsigned int type, uint64_t key,
			 uint64_t at)
{
	uint64_t h = (len ^ (key << 20) ^ key >> 40 ^ at << 3) *
		     0x9e3779b97f4a7c15ull;

	return (uint32_t)(h >> 32) << 8 | type;
}

/* Keep the compiler from moving stores: a kill sees them in this order. */
static void in_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* --- files ---------------------------------------------------------------- */

/* Give both files `size` bytes: 0 or -errno, and then nothing changed. */
static int grow(struct journal *j, size_t size)
{
	size = (size + GROWTH - 1) / GROWTH * GROWTH;
	if (size > MAPPED)
		return -ENOSPC;
	for (int i = 0; i < FILES; i++) {
		int rc = posix_fallocate(j->fd[i], (off_t)j->size,
					 (off_t)(size - j->size));

		if (rc)
			return -rc;
	}
	j->size = size;
	return 0;
}

static int open_file(struct journal *j, int i, const char *folder)
{
	off_t size;

	snprintf(j->names[i], sizeof(j->names[i]), "%s/state.%d", folder, i);
	j->fd[i] = open(j->names[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd[i] < 0)
		return -errno;
	/* Whoever holds the first one holds both. */
	if (!i && flock(j->fd[i], LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	size = lseek(j->fd[i], 0, SEEK_END);
	if (size < 0)
		return -errno;
	if ((size_t)size < j->size || !i)
		j->size = (size_t)size;
	j->map[i] = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, j->fd[i], 0);
	if (j->map[i] == MAP_FAILED) {
		j->map[i] = NULL;
		return -errno;
	}
	return 0;
}

static struct header *header_of(const struct journal *j, unsigned int i)
{
	return (struct header *)j->map[i];
}

static size_t first_record(const struct header *h)
{
	return align(sizeof(*h)) + align(h->state_len);
}

static bool is_valid(const struct journal *j, unsigned int i)
{
	const struct header *h = header_of(j, i);

	return j->size >= FIRST_SIZE && h->magic == MAGIC &&
	       h->version == VERSION && h->sequence &&
	       h->state_len < j->size && h->tail <= j->size &&
	       h->tail >= first_record(h) &&
	       sum(j->map[i] + align(sizeof(*h)), h->state_len) ==
	       h->state_sum;
}

static void activate(struct journal *j, unsigned int i)
{
	j->active = i;
	j->base = j->map[i];
	j->hdr = header_of(j, i);
	j->first = first_record(j->hdr);
	j->cursor = j->first;
}

/* Did the daemon before us end while it carried out an old event? */
static void note_death(struct header *h)
{
	if (!h->reading)
		return;
	if (h->died_at != h->reading)
		h->died_times = 0;
	h->died_at = h->reading;
	h->died_times++;
	h->reading = 0;
}

static void choose(struct journal *j)
{
	bool valid[FILES] = { is_valid(j, 0), is_valid(j, 1) };
	unsigned int best = valid[1];

	if (valid[0] && valid[1])
		best = header_of(j, 1)->sequence > header_of(j, 0)->sequence;
	activate(j, best);
	note_death(j->hdr);
	if (valid[best])
		return;
	memset(j->hdr, 0, sizeof(*j->hdr));
	j->hdr->tail = j->first = j->cursor = first_record(j->hdr);
}

/* One buffer that is written again and again. */
static void keep_nothing(struct journal *j)
{
	j->nothing = true;
	j->size = FIRST_SIZE;
	j->map[0] = j->base = mem_zalloc(j->size);
	j->hdr = header_of(j, 0);
	j->hdr->tail = j->first = j->cursor = first_record(j->hdr);
}

int journal_open(const char *folder, struct journal **out)
{
	struct journal *j = mem_zalloc(sizeof(*j));
	int rc = 0;

	*out = j;
	j->fd[0] = j->fd[1] = -1;
	if (!folder) {
		keep_nothing(j);
		return 0;
	}
	for (int i = 0; i < FILES && !rc; i++)
		rc = open_file(j, i, folder);
	if (!rc && j->size < FIRST_SIZE)
		rc = grow(j, FIRST_SIZE);
	if (rc) {
		journal_close(j, false);
		*out = NULL;
		return rc;
	}
	choose(j);
	return 0;
}

void journal_close(struct journal *j, bool remove)
{
	if (!j)
		return;
	for (int i = 0; i < FILES; i++) {
		if (remove && j->names[i][0])
			unlink(j->names[i]);
		if (j->nothing)
			free(j->map[i]);
		else if (j->map[i])
			munmap(j->map[i], MAPPED);
		if (j->fd[i] >= 0)
			close(j->fd[i]);
	}
	free(j);
}

const void *journal_state(const struct journal *j, size_t *len)
{
	*len = j->hdr->state_len;
	return j->hdr->sequence ? j->base + align(sizeof(*j->hdr)) : NULL;
}

/* --- reading back --------------------------------------------------------- */

static const struct record *record_at(const struct journal *j, size_t at)
{
	const struct record *r = (const struct record *)(j->base + at);

	if (at + sizeof(*r) > j->hdr->tail ||
	    r->len > j->hdr->tail - at - sizeof(*r) ||
	    r->check != check_of(r->len, r->check & 0xff, r->key, at))
		return NULL;
	return r;
}

bool journal_replaying(const struct journal *j)
{
	return j->cursor < j->hdr->tail;
}

bool journal_next(struct journal *j, struct journal_event *ev)
{
	const struct record *r = record_at(j, j->cursor);

	if (!r) {
		/* Unreadable records end the journal where they begin. */
		if (journal_replaying(j))
			j->hdr->tail = j->cursor;
		j->hdr->reading = 0;
		return false;
	}
	j->hdr->reading = j->cursor;
	ev->deadly = j->cursor == j->hdr->died_at &&
		     j->hdr->died_times >= JOURNAL_DEADLY;
	ev->type = r->check & 0xff;
	ev->key = r->key;
	ev->data = r + 1;
	ev->len = r->len;
	j->cursor += sizeof(*r) + align(r->len);
	return true;
}

bool journal_result(struct journal *j, void *out, size_t len)
{
	const struct record *r;

	if (!journal_replaying(j))
		return false;
	r = record_at(j, j->cursor);
	if (!r || (r->check & 0xff) != JOURNAL_RESULT || r->len != len) {
		j->hdr->tail = j->cursor;
		return false;
	}
	memcpy(out, r + 1, len);
	j->cursor += sizeof(*r) + align(len);
	return true;
}

bool journal_pending(struct journal *j, struct journal_event *ev)
{
	struct header *h = j->hdr;

	if (!h->io_kind || h->io_tail != h->tail ||
	    h->io.msg_len == NOT_DONE)
		return false;
	ev->type = (enum journal_type)h->io_kind;
	ev->key = h->io_key;
	ev->data = j->base + h->tail + sizeof(struct record);
	ev->len = h->io.msg_len;
	return true;
}

/* --- writing -------------------------------------------------------------- */

static void *room(struct journal *j, size_t len, size_t kept_back)
{
	size_t end = j->hdr->tail + sizeof(struct record) + align(len);

	if (end + kept_back > j->size && (j->nothing ||
					  grow(j, end + kept_back)))
		return NULL;
	return j->base + j->hdr->tail + sizeof(struct record);
}

void *journal_room(struct journal *j, size_t len)
{
	return room(j, len, SET_ASIDE);
}

void *journal_last_room(struct journal *j, size_t len)
{
	return room(j, len, 0);
}

void journal_commit(struct journal *j, enum journal_type type, uint64_t key,
		    size_t len)
{
	struct header *h = j->hdr;
	struct record *r = (struct record *)(j->base + h->tail);

	r->len = (uint32_t)len;
	r->key = key;
	r->check = check_of(r->len, type, key, h->tail);
	in_order();
	if (!j->nothing)
		__atomic_store_n(&h->tail, h->tail + sizeof(*r) + align(len),
				 __ATOMIC_RELEASE);
	j->cursor = h->tail;
	in_order();
	h->io_kind = 0;
}

int journal_add(struct journal *j, enum journal_type type, uint64_t key,
		const void *data, size_t len)
{
	void *to = journal_last_room(j, len);

	if (!to)
		return -ENOSPC;
	if (len)
		memcpy(to, data, len);
	journal_commit(j, type, key, len);
	return 0;
}

/* The stores before the system call are done when it begins. */
static struct mmsghdr *transfer(struct journal *j, enum journal_type kind,
				uint64_t key, const struct iovec *iov,
				size_t count)
{
	struct header *h = j->hdr;

	h->io_kind = 0;
	in_order();
	h->io = (struct mmsghdr){
		.msg_hdr = { .msg_iov = (struct iovec *)iov,
			     .msg_iovlen = count },
		.msg_len = NOT_DONE,
	};
	h->io_key = key;
	h->io_tail = h->tail;
	in_order();
	h->io_kind = kind;
	return &h->io;
}

ssize_t journal_recv(struct journal *j, uint64_t key, int fd, void *to,
		     size_t len)
{
	struct iovec iov = { to, len };
	struct mmsghdr *m = transfer(j, JOURNAL_INPUT, key, &iov, 1);

	return recvmmsg(fd, m, 1, MSG_DONTWAIT, NULL) == 1 ?
	       (ssize_t)m->msg_len : -errno;
}

ssize_t journal_send(struct journal *j, uint64_t key, int fd,
		     const struct iovec *iov, size_t count)
{
	struct mmsghdr *m = transfer(j, JOURNAL_SENT, key, iov, count);

	return sendmmsg(fd, m, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ?
	       (ssize_t)m->msg_len : -errno;
}

uint64_t journal_end(const struct journal *j)
{
	return j->hdr->tail;
}

void journal_rewind(struct journal *j, uint64_t end)
{
	j->hdr->io_kind = 0;
	in_order();
	__atomic_store_n(&j->hdr->tail, end, __ATOMIC_RELEASE);
	j->cursor = end;
}

bool journal_is_long(const struct journal *j)
{
	size_t len = j->hdr->tail - j->first;

	return len > LONG && len > j->hdr->state_len;
}

/* --- saving a state ------------------------------------------------------- */

void journal_save_begin(struct journal *j)
{
	j->saved = 0;
	if (!j->nothing)
		header_of(j, !j->active)->sequence = 0;
	in_order();
}

void *journal_save_room(struct journal *j, size_t len)
{
	size_t at = align(sizeof(struct header)) + j->saved;

	if (j->nothing || (at + len + SET_ASIDE > j->size &&
			   grow(j, at + len + SET_ASIDE)))
		return NULL;
	j->saved += len;
	return j->map[!j->active] + at;
}

void journal_save_end(struct journal *j)
{
	struct header *h = header_of(j, !j->active);
	uint64_t sequence = j->hdr->sequence + 1;

	memset(h, 0, sizeof(*h));
	h->magic = MAGIC;
	h->version = VERSION;
	h->state_len = j->saved;
	h->state_sum = sum(j->map[!j->active] + align(sizeof(*h)), j->saved);
	h->tail = first_record(h);
	in_order();
	__atomic_store_n(&h->sequence, sequence, __ATOMIC_RELEASE);
	/* Neither state need stay resident: nobody reads them meanwhile. */
	(void)madvise(j->map[0], j->size, MADV_DONTNEED);
	(void)madvise(j->map[1], j->size, MADV_DONTNEED);
	activate(j, !j->active);
}

/*
 * What survives the daemon: its state on disk (a tmpfs, as a rule).
 *
 * Two mapped files take turns.  The one in use holds a saved state and,
 * behind it, the journal: every event that came from outside since, in order
 * (bytes of a client, bytes that a client took, a new connection, an answer
 * of the hypervisor).  The daemon is a function of its events, so state and
 * journal together are the daemon as it is; xenstore/README.md has the whole
 * argument.  A new state is written to the other file, which becomes valid by
 * one store at its end.
 *
 * A kill loses the process, never what it stored to a mapped file.  So a
 * record is there as soon as `tail` lies behind it, which is one aligned
 * store, and a half-written one lies behind `tail`, where nobody looks.
 *
 * The files are grown by posix_fallocate() alone, both together: a full file
 * system is an error here and never a fault at a store, and the next state
 * has its room set aside.  A journal without a folder keeps nothing.
 */
#ifndef XENSTORE_DAEMON_JOURNAL_H
#define XENSTORE_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What a record tells; `key` names the connection, if one is meant. */
enum journal_type {
	JOURNAL_INPUT = 1,	/* bytes came; none: it goes on with its rest */
	JOURNAL_SENT,		/* a uint32_t of bytes of output were taken */
	JOURNAL_ACCEPT,		/* a client connected */
	JOURNAL_END,		/* int32_t reason: the connection ended */
	JOURNAL_RESET,		/* the other side of a ring starts anew */
	JOURNAL_CLEARED,	/* a ring's page was put to its first state */
	JOURNAL_SCAN,		/* some domain died or shut down */
	JOURNAL_FULL,		/* uint32_t: is there room for more nodes? */
	JOURNAL_RESULT,		/* an answer that was asked for inside an event */
	JOURNAL_TYPES
};

struct journal_event {
	enum journal_type type;
	uint64_t key;
	const void *data;
	size_t len;
	bool deadly;		/* daemons died of it, one after the other */
};

struct journal;

/*
 * Open what lies in `folder`, or make it; NULL keeps nothing.  0 or -errno.
 * Another process must not have it open: -EBUSY.
 */
int journal_open(const char *folder, struct journal **out);

/* Close; `remove` also deletes the files. */
void journal_close(struct journal *j, bool remove);

/* The saved state, or NULL if there is none. */
const void *journal_state(const struct journal *j, size_t *len);

/* --- reading back --------------------------------------------------------- */

/*
 * The next event of the journal; false at its end, and in a new journal.  An
 * event behind which no other was asked for DEADLY times in a row is told.
 */
#define JOURNAL_DEADLY 3
bool journal_next(struct journal *j, struct journal_event *ev);

/*
 * Is the next record a JOURNAL_RESULT?  Then take it: true.  False at the end of
 * the journal: the answer is to be asked for, and recorded.
 */
bool journal_result(struct journal *j, void *out, size_t len);
bool journal_replaying(const struct journal *j);

/*
 * The transfer that was under way when the daemon died and whose outcome was
 * not recorded: JOURNAL_INPUT or JOURNAL_SENT with the bytes that the system
 * moved.  False if there is none.  To be asked behind the last event.
 */
bool journal_pending(struct journal *j, struct journal_event *ev);

/* --- writing -------------------------------------------------------------- */

/* Room at the end for `len` bytes of the next record; NULL: disk full. */
void *journal_room(struct journal *j, size_t len);

/* The same from what is set aside for going on with a full disk. */
void *journal_last_room(struct journal *j, size_t len);

/* The first `len` bytes of that room are a record from here on. */
void journal_commit(struct journal *j, enum journal_type type, uint64_t key,
		    size_t len);

/* A small record: 0, or -ENOSPC if even what is set aside is used up. */
int journal_add(struct journal *j, enum journal_type type, uint64_t key,
		const void *data, size_t len);

/*
 * Receive into journal_room(), send from `iov`, without waiting; bytes or
 * -errno.  The system itself notes the outcome in the mapped file, so that a
 * kill behind the transfer and before its record loses nothing.
 */
ssize_t journal_recv(struct journal *j, uint64_t key, int fd, void *room,
		     size_t len);
ssize_t journal_send(struct journal *j, uint64_t key, int fd,
		     const struct iovec *iov, size_t count);

/* The present end; forget all records behind an end that was. */
uint64_t journal_end(const struct journal *j);
void journal_rewind(struct journal *j, uint64_t end);

/* Is the journal so long that a new state should be saved? */
bool journal_is_long(const struct journal *j);

/* --- saving a state ------------------------------------------------------- */

/*
 * Begin a state, get room for its next bytes (NULL: disk full; abandon it by
 * doing nothing), and make it the one that counts, with an empty journal.
 */
void journal_save_begin(struct journal *j);
void *journal_save_room(struct journal *j, size_t len);
void journal_save_end(struct journal *j);

#endif

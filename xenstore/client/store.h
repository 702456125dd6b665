/*
 * The store client: a small blocking library for programs of Dom0 (the
 * toolstack, back ends, tests) and for programs inside a domain.
 *
 * A `struct store` is one connection.  It has no threads and no locks: one
 * thread at a time may use it.  A call sends one request and waits for its
 * reply; watch events that arrive meanwhile are kept and handed out by
 * store_next_event().  store_fd() is readable whenever an event waits, kept
 * ones included, so that it can simply be put into a poll or epoll set.
 *
 * Results.  Functions return 0 or a negative errno.  What they give back by
 * pointer is untouched on failure and, where it is memory, belongs to the
 * caller, who hands it to free().  The daemon's own refusals come back as
 * they were sent (-ENOENT, -EACCES, -EEXIST, -ENOSPC, -E2BIG, -EAGAIN...).
 * -EPIPE says that the connection is gone: close it; -EPROTO that the other
 * side broke the protocol: the connection is unusable from there on.
 *
 * Paths are absolute ("/local/domain/0/name") or relative to the caller's
 * home ("name"); special watches are "@introduceDomain", "@releaseDomain".
 */
#ifndef XENSTORE_CLIENT_STORE_H
#define XENSTORE_CLIENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* A transaction's number as the daemon gave it; 0 is "no transaction". */
typedef uint32_t store_tx;
#define STORE_NO_TX	((store_tx)0)

/* Rights of a domain on a node. */
#define STORE_PERM_NONE		0u
#define STORE_PERM_READ		1u
#define STORE_PERM_WRITE	2u
#define STORE_PERM_BOTH		(STORE_PERM_READ | STORE_PERM_WRITE)

/*
 * One entry of a node's permission list.  Entry 0 names the owner; its
 * access is that of every domain which no later entry names.
 */
struct store_perm {
	uint32_t domid;
	unsigned int access;		/* STORE_PERM_* */
};

/*
 * A watch event: the path that changed (relative if the watch was) and the
 * token that the watch was registered with.
 */
struct store_event {
	const char *path;
	const char *token;
};

/* --- connection --------------------------------------------------------- */

#define STORE_SOCKET	"/run/xenstored/socket"

/*
 * Connect: to the socket named by the environment's XENSTORED_PATH if that
 * is set (and to nothing else then), else to /run/xenstored/socket, else
 * through the kernel's /dev/xen/xenbus.  NULL with errno on failure.
 * Descriptors are close-on-exec.
 */
struct store *store_open(void);

/* The same for one socket or device, by path. */
struct store *store_open_path(const char *path);

/* Close and free; watches and open transactions end.  NULL is allowed. */
void store_close(struct store *s);

/*
 * A descriptor that polls readable while an event can be had, or when the
 * connection is gone.  For polling alone: never read from it, never close
 * it.  It may be readable without an event; store_next_event() decides.
 */
int store_fd(const struct store *s);

/* --- nodes -------------------------------------------------------------- */

/*
 * Read a node.  *value is allocated and always ends with a NUL that *len
 * does not count; `len` may be NULL if the value is known to be text.
 */
int store_read(struct store *s, store_tx tx, const char *path,
	       char **value, size_t *len);

/*
 * Read a node as one unsigned decimal or 0x-hexadecimal number; -EINVAL if
 * it holds anything else.
 */
int store_read_u64(struct store *s, store_tx tx, const char *path,
		   uint64_t *number);

/*
 * Write a node; missing parents are created with empty values.  -E2BIG: path
 * and value take more than one message (4096 bytes, 4080 by /dev/xen/xenbus).
 */
int store_write(struct store *s, store_tx tx, const char *path,
		const void *value, size_t len);

/* Write a text without its NUL, or one made as printf() would. */
int store_write_str(struct store *s, store_tx tx, const char *path,
		    const char *text);
int store_writef(struct store *s, store_tx tx, const char *path,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Create a node with an empty value; success if it is there already. */
int store_mkdir(struct store *s, store_tx tx, const char *path);

/*
 * Remove a node and all below it; success if only the node itself is
 * missing, -ENOENT if its parent is.
 */
int store_rm(struct store *s, store_tx tx, const char *path);

/*
 * The names of a node's children in the order of their creation.  *names is
 * one allocation: free(*names) alone.  It is NULL-terminated.  Directories
 * too large for one message are read in parts; outside a transaction the
 * result is consistent (re-read if the directory changed meanwhile).
 */
int store_directory(struct store *s, store_tx tx, const char *path,
		    char ***names, unsigned int *count);

/* 1 if the node exists and is readable, 0 if it does not exist. */
int store_exists(struct store *s, store_tx tx, const char *path);

/* *perms is one allocation of *count >= 1 entries, the owner's first. */
int store_get_perms(struct store *s, store_tx tx, const char *path,
		    struct store_perm **perms, unsigned int *count);
int store_set_perms(struct store *s, store_tx tx, const char *path,
		    const struct store_perm *perms, unsigned int count);

/*
 * Read many nodes with few waits.  values[i] is what store_read() would give
 * for paths[i], or NULL where that fails; 0, or why nothing works any more.
 */
int store_read_many(struct store *s, store_tx tx, const char *const *paths,
		    unsigned int count, char **values);

/*
 * Between these two, store_write() and its like, store_mkdir(), store_rm() and
 * store_set_perms() only collect their requests and return 0; what they would
 * have returned comes from store_batch_end(), the first refusal of them.  The
 * requests are carried out in order, and before any other call.  It saves the
 * wait for each reply, which costs more than the request.
 */
int store_batch_begin(struct store *s);
int store_batch_end(struct store *s);

/* --- watches ------------------------------------------------------------ */

/*
 * Watch a path (which need not exist) and all below it.  An event for the
 * path itself comes at once.  -EEXIST if (path, token) is watched already.
 */
int store_watch(struct store *s, const char *path, const char *token);

/* End a watch; its events that were not handed out yet are dropped. */
int store_unwatch(struct store *s, const char *path, const char *token);

/*
 * Fetch the next event: 1 and *ev, or 0 if none came within timeout_ms (0
 * does not wait, -1 waits for ever).  The texts of *ev live until the next
 * store_next_event() or store_close() of this connection; they survive all
 * other calls.
 */
int store_next_event(struct store *s, int timeout_ms, struct store_event *ev);

/* --- transactions ------------------------------------------------------- */

int store_transaction_start(struct store *s, store_tx *tx);

/*
 * Commit, or throw away.  -EAGAIN: somebody else changed what was read,
 * nothing was done, start again.  The transaction is over in every case.
 */
int store_transaction_end(struct store *s, store_tx tx, bool commit);

/*
 * Run `body` inside a transaction and commit, again and again while that
 * conflicts: body may run several times and must not count on what earlier
 * runs did.  If body returns non-zero the transaction is thrown away and
 * that value is returned; body's -EAGAIN means "conflict" and is retried.
 * So is -EIO, a few times: Debian's xenstored says it to a transaction that
 * has read a directory out of which somebody else has removed a node.
 */
typedef int store_tx_body(struct store *s, store_tx tx, void *arg);
int store_transaction(struct store *s, store_tx_body *body, void *arg);

/* --- domains (for the toolstack; -EACCES elsewhere) ---------------------- */

/* Make a domain known: its ring page's frame and its store event channel. */
int store_introduce(struct store *s, uint32_t domid, uint64_t gfn,
		    uint32_t port);
int store_release(struct store *s, uint32_t domid);

/* 1 or 0, or a negative errno. */
int store_is_introduced(struct store *s, uint32_t domid);

/* Watch for the next shutdown of a domain that was resumed. */
int store_resume(struct store *s, uint32_t domid);

/* Let `domid` act on what `target` owns (a device model's domain). */
int store_set_target(struct store *s, uint32_t domid, uint32_t target);

/* "/local/domain/N"; works for any number. */
int store_domain_path(struct store *s, uint32_t domid, char **path);

/*
 * Drop all watches and transactions of this connection.  Through the kernel's
 * /dev/xen/xenbus that is the whole domain's: never there.
 */
int store_reset_watches(struct store *s);

/* Send a control command: `count` words; *reply is its text. */
int store_control(struct store *s, const char *const *words,
		  unsigned int count, char **reply);

#endif

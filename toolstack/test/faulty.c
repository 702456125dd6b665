/*
 * Each operation of `vane create` fails once: vane, linked with a way out of
 * libvane on which one of the hypercalls, mappings, store requests and system
 * calls fails, as if the other side had refused it. After each such creation
 * everything must be as before: domains, memory, the store's nodes, loop
 * devices, network interfaces.
 *
 *	vane-faulty fail|kill|term STEP CONFIG [FROM]
 *
 * fail: the operation fails. kill: the process is killed there; what it left
 * is destroyed by number. term: it gets that signal, and the operation goes
 * on. STEP 1 tries every operation, 5 one in five, FROM the one of that
 * number. Lines of what was bad begin with #.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/libvane/internal.h"
#include "toolstack/libvane/wait.h"
#include "toolstack/sys/privcmd.h"
#include "xenstore/client/connection.h"

#define PATIENCE_MS 30000	/* frames are scrubbed by idle CPUs */

static atomic_uint *done;		/* shared with children */
static unsigned int fail_at;
static bool armed;			/* in the process that creates */
static int sig;				/* 0: the operation fails */

/* Whether the operation that begins is the one to fail. */
static bool fails(const char *what, unsigned int number)
{
	if (!armed || atomic_fetch_add(done, 1) + 1 != fail_at)
		return false;
	fprintf(stderr, "fault: %s %u\n", what, number);
	fflush(stderr);
	if (sig)
		raise(sig);
	return !sig;
}

/* WRAP(name, arguments, values, what, number, how to fail) */
#define WRAP(type, name, args, values, what, number, failure)	\
	type __real_##name args;				\
	type __wrap_##name args;				\
	type __wrap_##name args					\
	{							\
		if (fails(what, number))			\
			return failure;				\
		return __real_##name values;			\
	}

WRAP(int, hv_domctl, (struct vane *v, struct xen_domctl *op), (v, op),
     "domctl", op->cmd, -EPERM)
WRAP(int, hv_domctl_simple, (struct vane *v, unsigned int cmd, uint32_t d),
     (v, cmd, d), "domctl", cmd, -EPERM)
WRAP(int, hv_sysctl, (struct vane *v, struct xen_sysctl *op), (v, op),
     "sysctl", op->cmd, -EPERM)
WRAP(long, hv_memory_op, (struct vane *v, unsigned int cmd, void *arg,
			  size_t size), (v, cmd, arg, size),
     "memory_op", cmd, -ENOMEM)
WRAP(int, hv_domain_info, (struct vane *v, uint32_t domid,
			   struct xen_domctl_getdomaininfo *info),
     (v, domid, info), "domain info of", domid, -EPERM)
WRAP(long, hv_populate, (struct vane *v, uint32_t domid, unsigned int count,
			 unsigned int order), (v, domid, count, order),
     "populate, order", order, -ENOMEM)
WRAP(int, hv_pin_l4, (struct vane *v, uint32_t domid, uint64_t mfn),
     (v, domid, mfn), "pin", 4, -EINVAL)
WRAP(int, hv_clear_frames, (struct vane *v, uint32_t domid,
			    const uint64_t *mfns, unsigned int count),
     (v, domid, mfns, count), "clear", count, -EINVAL)
WRAP(int, hv_alloc_unbound, (struct vane *v, uint32_t domid, uint32_t remote),
     (v, domid, remote), "alloc_unbound for", remote, -ENOSPC)
WRAP(int, store_call, (struct store *s, uint32_t type, store_tx tx,
		       const struct part *part, unsigned int count),
     (s, type, tx, part, count), "store request", type, -ENOSPC)
WRAP(int, store_call_text, (struct store *s, uint32_t type, store_tx tx,
			    const char *text), (s, type, tx, text),
     "store request", type, -ENOSPC)

#define WRAP_ERRNO(type, name, args, values, what, number, failure, error) \
	WRAP(type, name, args, values, what, number, (errno = (error), failure))

WRAP_ERRNO(void *, privcmd_map_foreign,
	   (int fd, uint32_t domid, int prot, const uint64_t *mfns,
	    unsigned int count, int *errs),
	   (fd, domid, prot, mfns, count, errs),
	   "map", count, NULL, ENOMEM)
WRAP_ERRNO(void *, privcmd_map_resource,
	   (int fd, uint32_t domid, uint32_t type, uint32_t id, uint32_t idx,
	    unsigned int count, int prot),
	   (fd, domid, type, id, idx, count, prot),
	   "map resource", type, NULL, ENOMEM)
WRAP_ERRNO(int, memfd_create, (const char *name, unsigned int flags),
	   (name, flags), "memfd_create", 0, -1, ENOMEM)
WRAP_ERRNO(pid_t, fork, (void), (), "fork", 0, -1, EAGAIN)

/* --- what there is ------------------------------------------------------- */

struct state {
	uint64_t free_kib;
	unsigned int domains;
	size_t loops, links;
	char nodes[1 << 16];
	size_t len;
};

static void add_nodes(struct store *s, struct state *st, const char *path)
{
	char child[512], **names, *value;
	unsigned int count;

	if (!strcmp(path, "/tool") ||
	    !strncmp(path, "/local/domain/0/memory", 22) ||
	    store_read(s, STORE_NO_TX, path, &value, NULL))
		return;
	st->len += (size_t)snprintf(st->nodes + st->len, sizeof(st->nodes) -
				    st->len, "%s=%s\n", path, value);
	free(value);
	if (st->len > sizeof(st->nodes) - 1024 ||
	    store_directory(s, STORE_NO_TX, path, &names, &count))
		return;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(child, sizeof(child), "%s%s%s", path,
			 path[1] ? "/" : "", names[i]);
		add_nodes(s, st, child);
	}
	free(names);
}

static size_t count_paths(const char *pattern)
{
	glob_t g;
	size_t n = glob(pattern, GLOB_NOSORT, NULL, &g) ? 0 : g.gl_pathc;

	if (n)
		globfree(&g);
	return n;
}

static void look(struct vane *v, struct state *st)
{
	struct vane_domain *list;
	struct store *s;
	uint64_t total;

	memset(st, 0, sizeof(*st));
	st->loops = count_paths("/sys/block/loop*/loop/backing_file");
	st->links = count_paths("/sys/class/net/*");
	if (vane_domains(v, &list, &st->domains) || vane_store(v, &s) ||
	    vane_host_memory(v, &total, &st->free_kib))
		abort();
	vane_domains_free(list, st->domains);
	add_nodes(s, st, "/");
}

static bool same(const struct state *a, const struct state *b)
{
	return a->free_kib == b->free_kib && a->domains == b->domains &&
		a->loops == b->loops && a->links == b->links &&
		!strcmp(a->nodes, b->nodes);
}

/* Lines of @a that @b lacks. */
static void tell_lacking(const char *what, const char *a, const char *b)
{
	static char copy[sizeof(((struct state *)0)->nodes)];
	char line[600];

	strcpy(copy, a);
	for (char *at = copy, *next; (next = strchr(at, '\n')); at = next + 1) {
		*next = '\0';
		snprintf(line, sizeof(line), "%s\n", at);
		if (!strstr(b, line))
			printf("#   %s %s\n", what, at);
	}
}

/* At last everything is as before; what is not, is told. */
static bool as_before(struct vane *v, const struct state *before)
{
	static struct state now;
	int64_t until = wait_now_ms() + PATIENCE_MS;

	do {
		look(v, &now);
		if (same(before, &now))
			return true;
		usleep(20000);
	} while (wait_now_ms() < until);
	printf("# KiB %lu, then %lu; domains %u, %u; loops %zu, %zu; links "
	       "%zu, %zu; nodes %s\n", before->free_kib, now.free_kib,
	       before->domains, now.domains, before->loops, now.loops,
	       before->links, now.links, strcmp(before->nodes, now.nodes) ?
	       "differ" : "same");
	tell_lacking("gone:", before->nodes, now.nodes);
	tell_lacking("left:", now.nodes, before->nodes);
	return false;
}

static void destroy_all(struct vane *v)
{
	struct vane_domain *list;
	unsigned int count;

	if (vane_domains(v, &list, &count))
		abort();
	for (unsigned int i = 0; i < count; i++)
		if (list[i].domid)
			(void)vane_destroy(v, list[i].domid);
	vane_domains_free(list, count);
}

/* --- one creation -------------------------------------------------------- */

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static char said[4096];

static int create(const char *config, unsigned int n)
{
	char *argv[] = { (char *)"vane", (char *)"create", (char *)"-qp",
			 (char *)config, NULL };
	int out = memfd_create("said", 0), status;
	ssize_t len;
	pid_t pid;

	atomic_store(done, 0);
	/* Each kernel comes for the first time. */
	(void)unlink("/var/cache/vane/seen");
	pid = fork();
	if (!pid) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		fail_at = n;
		armed = true;
		_exit(__real_main(4, argv));
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	len = pread(out, said, sizeof(said) - 1, 0);
	said[len < 0 ? 0 : len] = '\0';
	close(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* What is wrong with how it ended; NULL: nothing. */
static const char *judge(int status)
{
	const char *rest = strchr(said, '\n');

	if (sig == SIGKILL)
		return status == 128 ? NULL : "was not killed";
	if (sig)
		return status ? NULL : "did not end by the signal";
	if (!status)
		return NULL;		/* it could do without */
	if (status != 3 && status != 1)
		return "has a strange status";
	return rest && rest[1] ? NULL : "says nothing but the fault";
}

/* 1: there are fewer operations; 0: good, -1: bad. */
static int try_one(struct vane *v, struct state *before,
		   const char *config, unsigned int n)
{
	int status = create(config, n);
	const char *fault = strstr(said, "fault: "), *wrong;
	bool clean;

	if (!status || sig == SIGKILL)
		destroy_all(v);
	if (!fault)
		return as_before(v, before) ? 1 : -1;
	wrong = judge(status);
	clean = as_before(v, before);
	if (!status && !sig)
		printf("# %u: done without %.*s\n", n,
		       (int)strcspn(fault + 7, "\n"), fault + 7);
	if (!wrong && clean)
		return 0;
	printf("# %u: status %d, %s%s\n", n, status, wrong ? wrong : "",
	       clean ? "" : ", something is left");
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		printf("#   %s\n", line);
	if (!clean) {
		destroy_all(v);
		look(v, before);	/* the next one is judged by itself */
	}
	return -1;
}

/* Stands in the place of vane's main(). */
int __wrap_main(int argc, char **argv)
{
	static struct state before;
	unsigned int step = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned int first = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
	unsigned int n, bad = 0;
	struct vane *v = vane_open(NULL, NULL);
	int rc = 0;

	if (!step || !v)
		return 2;
	sig = !strcmp(argv[1], "kill") ? SIGKILL :
		!strcmp(argv[1], "term") ? SIGTERM : 0;
	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return 2;
	(void)create(argv[3], 0);	/* what stays from the first is there */
	destroy_all(v);
	sleep(2);
	look(v, &before);
	for (n = first; rc <= 0; n += step) {
		rc = try_one(v, &before, argv[3], n);
		bad += rc < 0;
		if (n % 50 < step)
			printf("# %u operations, %u of them bad\n", n, bad);
		fflush(stdout);
	}
	printf("# up to operation %u, one in %u, %s: %u bad\n", n - step, step,
	       argv[1], bad);
	return bad || n < 20;
}

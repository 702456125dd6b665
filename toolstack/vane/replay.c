/*
 * The last output of a domain's console, also when the domain is gone: from
 * the files that the console daemon keeps (backend-drivers/console/history.h).
 */
#include "toolstack/vane/vane.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/console/history.h"

struct search {
	const char *text;		/* name, UUID or id */
	uint32_t domid;			/* of a domain that has this name now */
	bool lives;			/* there is one */
	char found[256];		/* file; "": none */
	int rank;
	struct timespec when;
};

/* A domain that lives comes before those of the past. */
static int rank_of(const struct search *q, const struct history_head *h)
{
	char id[12];

	if (q->lives)
		return h->alive && h->domid == q->domid;
	snprintf(id, sizeof(id), "%u", h->domid);
	return !strcmp(h->name, q->text) || !strcasecmp(h->uuid, q->text) ||
		!strcmp(id, q->text);
}

static void look_at(struct search *q, int dir, const char *file)
{
	struct history_head head;
	struct stat st;
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rank;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    pread(fd, &head, sizeof(head), 0) == sizeof(head) &&
	    !memcmp(head.magic, HISTORY_MAGIC, 8)) {
		head.name[sizeof(head.name) - 1] = '\0';
		head.uuid[sizeof(head.uuid) - 1] = '\0';
		rank = rank_of(q, &head);
		if (rank > q->rank || (rank && rank == q->rank &&
		    st.st_mtim.tv_sec > q->when.tv_sec)) {
			q->rank = rank;
			q->when = st.st_mtim;
			snprintf(q->found, sizeof(q->found), "%s", file);
		}
	}
	close(fd);
}

static void look(struct search *q, int dir)
{
	DIR *d = fdopendir(dup(dir));
	struct dirent *e;

	while (d && (e = readdir(d)))
		look_at(q, dir, e->d_name);
	if (d)
		closedir(d);
}

static int print_file(int dir, const char *file)
{
	char *bytes = malloc(HISTORY_SIZE);
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct history_head head;
	long n = -ENOMEM;

	if (fd < 0)
		n = -errno;
	else if (bytes)
		n = history_read(fd, &head, bytes);
	if (n < 0)
		complain(-n, HISTORY_DIR "/%s: %s", file, strerror(-n));
	else
		fwrite(bytes, 1, n, stdout);
	if (fd >= 0)
		close(fd);
	free(bytes);
	return n < 0 ? EXIT_FAILED : EXIT_OK;
}

static void mute(void *arg, enum vane_level level, const char *text)
{
	(void)arg, (void)level, (void)text;
}

int console_replay(const char *domain)
{
	struct search q = { .text = domain };
	int dir = open(HISTORY_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vane *v = vane_open(mute, NULL);
	int status = EXIT_FAILED;

	q.lives = v && !vane_domain_find(v, domain, &q.domid);
	vane_close(v);
	if (dir >= 0)
		look(&q, dir);
	if (q.found[0])
		status = print_file(dir, q.found);
	else
		complain(ESRCH, "nothing is kept of the console of \"%s\"; "
			 HISTORY_DIR " has what vane-consoled keeps", domain);
	if (dir >= 0)
		close(dir);
	return status;
}

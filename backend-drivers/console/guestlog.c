/*
 * See guestlog.h.
 */
#include "backend-drivers/console/guestlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FINE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	     "0123456789-_+."

static int open_file(struct guestlog *l)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
		     O_NOFOLLOW, 0640);
	if (l->fd < 0)
		return -errno;
	l->size = fstat(l->fd, &st) ? 0 : (size_t)st.st_size;
	return 0;
}

void guestlog_clean(char *to, size_t size, const char *name)
{
	snprintf(to, size, "%s", name);
	for (char *c = to; *c; c++)
		if (!strchr(FINE, *c))
			*c = '_';
}

int guestlog_open(struct guestlog *l, const char *dir, const char *name)
{
	char clean[80];

	guestlog_clean(clean, sizeof(clean), name);
	*l = (struct guestlog){ .fd = -1 };
	if (snprintf(l->path, sizeof(l->path), "%s/guest-%s.log", dir,
		     clean) >= (int)sizeof(l->path))
		return -ENAMETOOLONG;
	return open_file(l);
}

static void rotate(struct guestlog *l)
{
	char old[sizeof(l->path) + 2];

	snprintf(old, sizeof(old), "%s.1", l->path);
	close(l->fd);
	(void)rename(l->path, old); /* if it fails the file grows on */
	(void)open_file(l);
}

void guestlog_add(struct guestlog *l, const char *bytes, size_t len)
{
	if (l->fd >= 0 && l->size > GUESTLOG_MAX - len)
		rotate(l);
	while (l->fd >= 0 && len) {
		ssize_t n = write(l->fd, bytes, len);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
		l->size += (size_t)n;
	}
}

void guestlog_close(struct guestlog *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

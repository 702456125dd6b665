/*
 * See io.h.
 */
#include "toolstack/sys/io.h"

#include <errno.h>
#include <unistd.h>

int io_write_all(int fd, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_make_raw(int fd, struct termios *old)
{
	struct termios raw;

	if (tcgetattr(fd, old))
		return -errno;
	raw = *old;
	cfmakeraw(&raw);
	return tcsetattr(fd, TCSAFLUSH, &raw) ? -errno : 0;
}

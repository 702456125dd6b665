/*
 * See pty.h.
 */
#include "backend-drivers/console/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int set_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) ? -errno : 0;
}

int pty_open(int *master, int *slave, char *path, size_t path_size)
{
	int m, s = -1, rc;

	m = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (m < 0)
		return -errno;
	if (grantpt(m) || unlockpt(m) || ptsname_r(m, path, path_size)) {
		rc = -errno;
		goto out;
	}
	s = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	rc = s < 0 ? -errno : set_raw(s);
	if (rc)
		goto out;
	*master = m;
	*slave = s;
	return 0;
out:
	if (s >= 0)
		close(s);
	close(m);
	return rc;
}

size_t pty_unread(int slave)
{
	int n = 0;

	return !ioctl(slave, FIONREAD, &n) && n > 0 ? (size_t)n : 0;
}

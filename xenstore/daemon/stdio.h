/* The standard descriptors of a process in the background. */
#ifndef XENSTORE_DAEMON_STDIO_H
#define XENSTORE_DAEMON_STDIO_H

#include <fcntl.h>
#include <unistd.h>

static inline void stdio_to_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

#endif

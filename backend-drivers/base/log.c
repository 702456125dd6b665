/*
 * See log.h. A line leaves in one write, so that lines of several processes
 * which share a file do not mix.
 */
#include "backend-drivers/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void log_line(const char *object, const char *fmt, ...)
{
	char line[512];
	struct timespec now;
	struct tm tm;
	va_list args;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(line, sizeof(line), "%F %T", &tm);
	len += snprintf(line + len, sizeof(line) - len, ".%03ld %.60s: ",
			now.tv_nsec / 1000000, object);
	va_start(args, fmt);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	while (line[len])
		len++;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* nowhere left to say so */
}

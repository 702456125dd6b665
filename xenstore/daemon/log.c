/* The daemon's log: see log.h. */
#include "xenstore/daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static char log_path[256];
static long log_size;		/* of the file */
static bool log_syslog;
static int log_muted;
static bool log_gathers;

static char lines[64 << 10];
static size_t gathered;
static unsigned long lost;

int log_open(const char *file, bool use_syslog)
{
	int fd = STDERR_FILENO;

	if (file) {
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			  0640);
		if (fd < 0)
			return -errno;
	}
	log_flush();
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = fd;
	snprintf(log_path, sizeof(log_path), "%s", file ? file : "");
	log_size = file ? (long)lseek(fd, 0, SEEK_END) : 0;
	log_syslog = use_syslog && !file;
	if (log_syslog)
		openlog("vane-stored", LOG_PID, LOG_DAEMON);
	return 0;
}

void log_mute(bool on)
{
	log_muted += on ? 1 : -1;
}

void log_gather(void)
{
	log_gathers = true;
}

/* The file is long: it becomes FILE.1.  If that fails it grows on. */
static void turn_over(void)
{
	char old[sizeof(log_path) + 2];
	int fd;

	snprintf(old, sizeof(old), "%s.1", log_path);
	if (rename(log_path, old))
		return;
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return;
	close(log_fd);
	log_fd = fd;
	log_size = 0;
}

static void write_syslog(char *text)
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		syslog(LOG_NOTICE, "%s", line);
}

void log_flush(void)
{
	size_t len = gathered;
	unsigned long missing = lost;

	if (!len)
		return;
	lines[len] = '\0';
	gathered = 0;
	lost = 0;
	if (log_syslog)
		write_syslog(lines);
	else
		(void)!write(log_fd, lines, len);
	log_size += (long)len;
	if (log_path[0] && log_size > LOG_FILE_MAX)
		turn_over();
	if (missing)
		log_line("log", "lost=%lu", missing);
}

/* What a guest wrote must not act on somebody's terminal, or fake a line. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void log_line(const char *event, const char *fmt, ...)
{
	char text[512], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	va_list ap;
	size_t room = sizeof(lines) - 1 - gathered;
	int n;

	if (log_muted)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	strftime(stamp, sizeof(stamp), "%FT%TZ", gmtime_r(&now, &tm));
	n = snprintf(lines + gathered, room, "%s vane-stored %s%s%s\n", stamp,
		     event, *text ? " " : "", text);
	if (n < 0 || (size_t)n >= room)
		lost++;
	else
		gathered += (size_t)n;
	if (!log_gathers)
		log_flush();
}

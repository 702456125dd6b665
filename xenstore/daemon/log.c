/* The daemon's log: see log.h. */
#include "xenstore/daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

static FILE *log_file;		/* NULL: standard error */
static bool log_syslog;
static int log_muted;

int log_open(const char *file, bool use_syslog)
{
	FILE *f = NULL;

	if (file) {
		f = fopen(file, "ae");
		if (!f)
			return -errno;
		setvbuf(f, NULL, _IOLBF, 0);
	}
	if (log_file)
		fclose(log_file);
	log_file = f;
	log_syslog = use_syslog && !file;
	if (log_syslog)
		openlog("vane-stored", LOG_PID, LOG_DAEMON);
	return 0;
}

void log_mute(bool on)
{
	log_muted += on ? 1 : -1;
}

void log_line(const char *fmt, ...)
{
	char text[512], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	va_list ap;

	if (log_muted)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_syslog) {
		syslog(LOG_NOTICE, "%s", text);
		return;
	}
	strftime(stamp, sizeof(stamp), "%F %T", localtime_r(&now, &tm));
	fprintf(log_file ? log_file : stderr, "%s vane-stored: %s\n", stamp,
		text);
}

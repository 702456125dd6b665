/* See evtchn_late.h. */
#include "toolstack/sys/evtchn_late.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOKS 3			/* after the last event */
#define LOOK_NS 100000000

static void run(const struct evtchn_late *late, bool on)
{
	const struct timespec time = { .tv_nsec = on ? LOOK_NS : 0 };
	const struct itimerspec each = { time, time };

	(void)timerfd_settime(late->fd, 0, &each, NULL);
}

int evtchn_late_open(struct evtchn_late *late)
{
	*late = (struct evtchn_late){
		.fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK),
	};
	return late->fd < 0 ? -errno : 0;
}

void evtchn_late_heard(struct evtchn_late *late)
{
	if (!late->looks)
		run(late, true);
	late->looks = LOOKS;
}

void evtchn_late_look(struct evtchn_late *late)
{
	uint64_t times;

	(void)!read(late->fd, &times, sizeof(times));
	if (late->looks && !--late->looks)
		run(late, false);
}

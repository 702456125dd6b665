/*
 * See loop.h. Events are fetched in batches; whoever removes a descriptor
 * also strikes it from the batch that is being handed out, so that a
 * callback can never be called for something already freed.
 */
#include "backend-drivers/base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

#define BATCH 32

static struct {
	int epoll;
	bool stop;
	struct epoll_event batch[BATCH];
	int batch_len;
	struct loop_work *work, **work_end;	/* first in, first out */
	struct loop_work *turn;			/* this turn's share of it */
	struct loop_timer *timers;		/* the next one first */
} loop = { .epoll = -1, .work_end = &loop.work };

int loop_init(void)
{
	/* A process that was forked by one with a loop begins with its own. */
	loop.work = loop.turn = NULL;
	loop.work_end = &loop.work;
	loop.timers = NULL;
	loop.batch_len = 0;
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop.epoll < 0 ? -errno : 0;
}

static int control(int op, struct loop_fd *f)
{
	struct epoll_event ev = { .events = f->events, .data.ptr = f };

	return epoll_ctl(loop.epoll, op, f->fd, &ev) ? -errno : 0;
}

int loop_fd_add(struct loop_fd *f)
{
	int rc = control(EPOLL_CTL_ADD, f);

	f->added = !rc;
	return rc;
}

void loop_fd_set(struct loop_fd *f, uint32_t events)
{
	if (!f->added || f->events == events)
		return;
	f->events = events;
	(void)control(EPOLL_CTL_MOD, f); /* fails only for a bad descriptor */
}

void loop_fd_remove(struct loop_fd *f)
{
	if (!f->added)
		return;
	f->added = false;
	(void)control(EPOLL_CTL_DEL, f); /* as above */
	for (int i = 0; i < loop.batch_len; i++)
		if (loop.batch[i].data.ptr == f)
			loop.batch[i].data.ptr = NULL;
}

void loop_work_add(struct loop_work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	w->next = NULL;
	*loop.work_end = w;
	loop.work_end = &w->next;
}

static bool unlink_work(struct loop_work **list, struct loop_work *w)
{
	for (; *list; list = &(*list)->next) {
		if (*list != w)
			continue;
		*list = w->next;
		return true;
	}
	return false;
}

void loop_work_remove(struct loop_work *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	if (unlink_work(&loop.turn, w))
		return;
	unlink_work(&loop.work, w);
	loop.work_end = &loop.work;
	while (*loop.work_end)
		loop.work_end = &(*loop.work_end)->next;
}

uint64_t loop_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t loop_now(void)
{
	return loop_now_us() / 1000;
}

static void arm(struct loop_timer *t, uint64_t us)
{
	struct loop_timer **at = &loop.timers;

	loop_timer_remove(t);
	t->at = loop_now_us() + us;
	while (*at && (*at)->at <= t->at)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	t->armed = true;
}

void loop_timer_set(struct loop_timer *t, unsigned int ms)
{
	arm(t, (uint64_t)ms * 1000);
}

void loop_timer_set_us(struct loop_timer *t, unsigned int us)
{
	arm(t, us);
}

void loop_timer_remove(struct loop_timer *t)
{
	struct loop_timer **at = &loop.timers;

	if (!t->armed)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->armed = false;
}

static void run_work(void)
{
	loop.turn = loop.work;
	loop.work = NULL;
	loop.work_end = &loop.work;
	while (loop.turn) {
		struct loop_work *w = loop.turn;

		loop.turn = w->next;
		w->queued = false;
		w->run(w);
	}
}

static void run_timers(void)
{
	uint64_t now;

	if (!loop.timers)	/* the clock may be a system call */
		return;
	now = loop_now_us();
	while (loop.timers && loop.timers->at <= now) {
		struct loop_timer *t = loop.timers;

		loop_timer_remove(t);
		t->run(t);
	}
}

/* How long nothing is due; NULL: for ever. */
static const struct timespec *patience(struct timespec *t)
{
	uint64_t now, us = 0;

	if (!loop.work && !loop.timers)
		return NULL;
	if (!loop.work) {
		now = loop_now_us();
		us = loop.timers->at <= now ? 0 : loop.timers->at - now;
	}
	t->tv_sec = (time_t)(us / 1000000);
	t->tv_nsec = (long)(us % 1000000) * 1000;
	return t;
}

int loop_run(void)
{
	loop.stop = false;
	while (!loop.stop) {
		struct timespec t;
		int n = epoll_pwait2(loop.epoll, loop.batch, BATCH,
				     patience(&t), NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		loop.batch_len = n < 0 ? 0 : n;
		for (int i = 0; i < loop.batch_len; i++) {
			struct loop_fd *f = loop.batch[i].data.ptr;

			if (f)
				f->ready(f, loop.batch[i].events);
		}
		loop.batch_len = 0;
		run_timers();
		run_work();
	}
	return 0;
}

void loop_stop(void)
{
	loop.stop = true;
}

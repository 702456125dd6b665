/* The event loop: see loop.h. */
#include "xenstore/daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/server.h"

#define BATCH	64

static int epoll_fd = -1;
static bool stopped;
static struct loop_source *garbage;

int loop_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd < 0 ? -errno : 0;
}

int loop_add(struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, src->fd, &ev) ? -errno : 0;
}

void loop_change(struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, src->fd, &ev);
}

static void ignore(struct loop_source *src, uint32_t events)
{
	(void)src;
	(void)events;
}

/* The holder has the same socket: closing ours would not end the watch. */
void loop_remove(struct loop_source *src)
{
	loop_forget(src);
	close(src->fd);
	src->ready = ignore;
	src->next_garbage = garbage;
	garbage = src;
}

void loop_forget(struct loop_source *src)
{
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, src->fd, NULL);
}

static void free_garbage(void)
{
	struct loop_source *src;

	while ((src = garbage)) {
		garbage = src->next_garbage;
		free(src);
	}
}

void loop_stop(void)
{
	stopped = true;
}

void loop_run(struct server *srv)
{
	struct epoll_event event[BATCH];
	uint64_t last_tick = server_now();

	while (!stopped) {
		int n = epoll_wait(epoll_fd, event, BATCH,
				   server_patience(srv));

		for (int i = 0; i < n; i++) {
			struct loop_source *src = event[i].data.ptr;

			src->ready(src, event[i].events);
		}
		server_continue(srv);
		if (server_now() - last_tick >= TICK_MS) {
			server_tick(srv);
			last_tick = server_now();
		}
		server_flush(srv);
		server_settle(srv);
		log_flush();
		if (srv->update_now)
			break;
		free_garbage();
	}
}

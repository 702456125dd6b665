/*
 * The one event loop of a process: descriptors, timers, and work that wants
 * its turn. What is registered is embedded in the owner's structure and
 * belongs to the owner, who removes it before freeing it; removing is
 * allowed at any time, from within callbacks too, and for things that were
 * never added.
 *
 * Fairness: a callback does a bounded piece of work. What remains it puts
 * into the queue; every queued piece runs once per turn of the loop, and
 * descriptors are looked at between turns.
 *
 * One thread.
 */
#ifndef BACKEND_BASE_LOOP_H
#define BACKEND_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_fd {
	int fd;
	uint32_t events;			/* EPOLLIN, EPOLLOUT */
	void (*ready)(struct loop_fd *, uint32_t events);
	bool added;
};

struct loop_work {
	void (*run)(struct loop_work *);
	struct loop_work *next;
	bool queued;
};

struct loop_timer {
	void (*run)(struct loop_timer *);
	struct loop_timer *next;
	uint64_t at;				/* us of the monotonic clock */
	bool armed;
};

/** Must come first. Returns 0 or -errno. */
int loop_init(void);

/** Registers f->fd for f->events. Returns 0 or -errno. */
int loop_fd_add(struct loop_fd *f);
/** Changes what is waited for; 0 waits for errors alone. */
void loop_fd_set(struct loop_fd *f, uint32_t events);
void loop_fd_remove(struct loop_fd *f);

/** Queues @w for the next turn; no effect if it is queued already. */
void loop_work_add(struct loop_work *w);
void loop_work_remove(struct loop_work *w);

/** (Re)arms @t to run once, @ms milliseconds or @us microseconds from now. */
void loop_timer_set(struct loop_timer *t, unsigned int ms);
void loop_timer_set_us(struct loop_timer *t, unsigned int us);
void loop_timer_remove(struct loop_timer *t);

/** Milliseconds, microseconds of the monotonic clock. */
uint64_t loop_now(void);
uint64_t loop_now_us(void);

/** Runs until loop_stop(). Returns 0 or -errno. */
int loop_run(void);
void loop_stop(void);

/** The structure of type @type whose member @member is at @ptr. */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - __builtin_offsetof(type, member)))

#endif

/*
 * A CPU of the simulated machine is a thread of the host, a vCPU's stack a
 * context: they race as the real ones do.
 */
#include "threads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES (256 << 10)

struct stack {
	ucontext_t context;
	void *memory;
};

static void (*thread_fn)(unsigned int);

static void *start(void *arg)
{
	thread_fn((unsigned int)(uintptr_t)arg);
	return NULL;
}

void threads_run(unsigned int n, void (*fn)(unsigned int))
{
	pthread_t t[64];
	unsigned int i;

	thread_fn = fn;
	for (i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, start, (void *)(uintptr_t)i))
			abort();
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

void thread_end(void)
{
	pthread_exit(NULL);
}

void thread_nap(void)
{
	usleep(20);
}

void thread_yield(void)
{
	sched_yield();
}

uint64_t host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void host_limit(unsigned int seconds)
{
	alarm(seconds);
}

struct stack *stack_new(void (*fn)(void))
{
	struct stack *s = calloc(1, sizeof(*s));

	getcontext(&s->context);
	s->memory = malloc(STACK_BYTES);
	s->context.uc_stack.ss_sp = s->memory;
	s->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&s->context, fn, 0);
	return s;
}

struct stack *stack_adopt(void)
{
	return calloc(1, sizeof(struct stack));
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	free(s->memory);
	free(s);
}

void stack_switch(struct stack *from, struct stack *to)
{
	swapcontext(&from->context, &to->context);
}

/*
 * What a whole machine leaves behind (idle vCPUs, the reaper) is no leak; the
 * tests count objects and pages themselves.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0";
}

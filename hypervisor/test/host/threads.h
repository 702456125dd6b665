/* The host's threads and stacks, kept apart from the hypervisor's headers. */
#ifndef PV_TEST_THREADS_H
#define PV_TEST_THREADS_H

#include <stdint.h>

/* @n threads run fn(0) .. fn(n - 1); returns when all have ended. */
void threads_run(unsigned int n, void (*fn)(unsigned int));
void __attribute__((noreturn)) thread_end(void);
void thread_nap(void);       /* gives the host's CPU away for a moment */
void thread_yield(void);     /* lets other threads go on */
uint64_t host_ns(void);
/* Ends the program with a message when it takes longer. */
void host_limit(unsigned int seconds);

/* A stack to run on; the first switch to it calls fn, which never returns. */
struct stack;
struct stack *stack_new(void (*fn)(void));
struct stack *stack_adopt(void); /* for who runs already */
void stack_free(struct stack *s);
void stack_switch(struct stack *from, struct stack *to);

#endif

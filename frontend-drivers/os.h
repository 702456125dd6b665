/*
 * What a kernel supplies to the front ends: memory, grants, events, time and
 * a line of log. docs/porting.md goes through it; guest-pv/kernel/frontend.c
 * is an example. Besides, memcpy(), memset(), memcmp() and strlen(), as every
 * freestanding program needs them.
 *
 * The front ends never run in an event handler. An event is only counted, and
 * whoever called a front end looks at its rings again. So nothing here needs
 * a lock as long as one thread at a time is in the store or in a device.
 */
#ifndef FRONTEND_OS_H
#define FRONTEND_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Errors are negative numbers of the published ABI, -XEN_ENOENT and so on. */
#include <xen/errno.h>

#define OS_PAGE 4096u
#define OS_NEVER UINT64_MAX

/* A zeroed page, aligned and mapped; NULL: none is left. */
void *os_page_alloc(void);
void os_page_free(void *page);

/*
 * Lets a domain map or copy the page. The reference, or -XEN_ENOSPC. The
 * page stays ours to free, once the grant has ended.
 */
int os_grant(uint16_t domid, const void *page, bool readonly);
/* 0; -XEN_EBUSY: the other side still maps it, and the page must be kept. */
int os_grant_end(uint32_t ref);

/* A port that the domain may bind, whose events are counted; or an error. */
int os_event_open(uint16_t domid);
/* The same for a port that exists: the store's, the console's. */
void os_event_adopt(uint32_t port);
void os_event_send(uint32_t port);
void os_event_close(uint32_t port);

/* How many events have come so far, on all of these ports together. */
uint32_t os_events(void);
/*
 * Sleeps until os_events() differs from @seen, or until the time @until (see
 * os_now()). It may return early. @seen was read before the caller looked at
 * what it waits for, so that no event is lost in between.
 */
void os_wait(uint32_t seen, uint64_t until);

uint64_t os_now(void); /* ns since some moment, never going back */

void os_log(const char *line); /* without a newline */

#endif

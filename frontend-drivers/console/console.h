/*
 * The console's ring: <xen/io/console.h>. Its page and port are in start_info
 * (the first console) or in the store. Never waits.
 */
#ifndef FRONTEND_CONSOLE_CONSOLE_H
#define FRONTEND_CONSOLE_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

struct console {
	void *ring;
	uint32_t port;
};

/* Writes what fits: how many bytes. */
size_t console_put(const struct console *c, const char *text, size_t len);
/* What was typed: how many bytes, 0 for none. */
size_t console_get(const struct console *c, char *text, size_t size);

#endif

/* Allocation that does not fail: see memory.h for why. */
#include "xenstore/daemon/memory.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/log.h"

static void *checked(void *p, size_t size)
{
	if (!p && size) {
		log_line("out-of-memory", "bytes=%zu", size);
		log_flush();
		abort();
	}
	return p;
}

void *mem_alloc(size_t size)
{
	return checked(malloc(size), size);
}

void *mem_zalloc(size_t size)
{
	return checked(calloc(1, size), size);
}

void *mem_resize(void *old, size_t size)
{
	return checked(realloc(old, size), size);
}

char *mem_copy_text(const void *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

/*
 * What vane and vane-unwrap agree on: toolstack/unwrap/main.c.
 */
#ifndef TOOLSTACK_UNWRAP_HELPER_H
#define TOOLSTACK_UNWRAP_HELPER_H

#define UNWRAP		"/usr/lib/vane/vane-unwrap"
#define UNWRAP_HEAD	4096u	/* bytes that `vane-unwrap head` gives */

/* Descriptors of `vane-unwrap into`. */
enum { UNWRAP_FRAMES = 1, UNWRAP_PRIVCMD = 3 };

#endif

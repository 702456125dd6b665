/* What the files of `vane store` share. */
#ifndef TOOLSTACK_VANE_STORE_H
#define TOOLSTACK_VANE_STORE_H

#include <yajl/yajl_gen.h>

#include "xenstore/client/store.h"

/* Acts on its arguments; with `g`, prints into that open map. */
typedef int store_action(struct store *s, int argc, char **argv, yajl_gen g);

/* Says what failed; returns EXIT_FAILED. */
int store_failed(const char *path, int rc);

/* store_quota.c */
store_action store_quota, store_stat;

#endif

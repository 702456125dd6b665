/*
 * The store's own invariants, looked over: for CONTROL check and for tests.
 */
#ifndef XENSTORE_DAEMON_CHECK_H
#define XENSTORE_DAEMON_CHECK_H

#include "xenstore/daemon/server.h"

/* True if all holds; else `fault` says what does not. */
bool check_store(struct server *srv, char *fault, size_t size);

#endif

/*
 * The Unix socket.  Only root reaches it (mode 0600), so whoever connects is
 * privileged and counts as domain 0.
 */
#ifndef XENSTORE_DAEMON_SOCKET_H
#define XENSTORE_DAEMON_SOCKET_H

#include "xenstore/daemon/server.h"

/*
 * Listen at `path`, whose folder is made if it is missing.  -EADDRINUSE if
 * somebody answers there; a socket that nobody listens on is replaced.
 */
int socket_listen(struct server *srv, const char *path);

#endif

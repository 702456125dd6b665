/*
 * The Unix socket.  The holder (holder.h) listens and accepts; here its
 * clients become connections.  Whoever can open the socket is as privileged
 * as domain 0: its mode is 0600.
 */
#ifndef XENSTORE_DAEMON_SOCKET_H
#define XENSTORE_DAEMON_SOCKET_H

#include "xenstore/daemon/server.h"

/*
 * Make the socket at `path`, and its folder if that is missing.  A descriptor,
 * or -EADDRINUSE if another daemon serves there, or another -errno.
 */
int socket_listen(const char *path);

/* A client's connection without its socket, for struct server_setup. */
struct conn *socket_client_new(struct server *srv, uint64_t key);

/*
 * Take over from the holder at the other end of `channel` all clients there
 * are, and then those that come.  `argv` starts another holder if that one
 * ends.  0 or -errno.
 */
int socket_serve(struct server *srv, int channel, char **argv);

/* Tell the holder: started, or an end that was asked for, or an update. */
void socket_serving(const struct server *srv);
void socket_stopping(void);
void socket_update(const char *program);

#endif

/*
 * The holder: a small process beside the daemon that keeps what a killed
 * process would lose for good, the listening socket and the clients'
 * connections, and starts the daemon again.
 *
 * It accepts clients, gives each a key that counts up, and passes the
 * descriptor on; what the daemon did not get before it died is passed again to
 * the next one.  It learns of the daemon's end by the end of the channel
 * between the two.  When the holder itself is killed, the daemon starts
 * another and passes it all that it has.  The channel keeps message
 * boundaries; the holder never blocks on it, so the daemon may.
 */
#ifndef XENSTORE_DAEMON_HOLDER_H
#define XENSTORE_DAEMON_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

enum holder_kind {
	HOLD_CLIENT,	/* both ways, with a descriptor: a client */
	HOLD_LISTEN,	/* both ways, with a descriptor: the socket itself */
	HOLD_ALL,	/* both ways: that was everything there is */
	HOLD_CLOSE,	/* to the holder: this client's connection ended */
	HOLD_SERVING,	/* to the holder: started; key: the last one known */
	HOLD_UPDATE,	/* to the holder: go on with this program */
	HOLD_STOP,	/* to the holder: an end that was asked for */
};

struct holder_message {
	uint64_t key;
	uint32_t kind;
	char path[256];		/* of HOLD_UPDATE */
};

/* Send, with a descriptor unless fd is -1: 0 or -errno. */
int holder_send(int channel, const struct holder_message *m, int fd,
		bool wait);

/* Receive: 1, 0 at the end of the channel, or -errno; *fd is -1 or new. */
int holder_receive(int channel, struct holder_message *m, int *fd);

/*
 * Start this program again with the same arguments, `option` and a channel's
 * number behind them.  `program` NULL: this one.  The channel, or -errno.
 */
int holder_spawn(char **argv, const char *option, const char *program,
		 int *pid);

struct holder_setup {
	char **argv;
	int listen_fd;		/* -1: it comes over the channel */
	int channel;		/* to a daemon that runs; -1: start one */
	int parent;		/* tell it by a byte when it serves; or -1 */
	bool background;
};

/* Hold until the daemon ends as it was asked to; the exit status. */
int holder_run(const struct holder_setup *setup);

#endif

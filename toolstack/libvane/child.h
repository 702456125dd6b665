/*
 * Running another program, with a limit, and what it says.
 */
#ifndef TOOLSTACK_LIBVANE_CHILD_H
#define TOOLSTACK_LIBVANE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	const char *const *argv;	/* ended by NULL; [0] is the path */
	void (*prepare)(void *arg);	/* in the child, before; may be NULL */
	void *arg;
	int in, file;			/* its input and output; 0: see below */
	int more;			/* its descriptor 3; 0: none */
	int limit_ms;			/* -1: none */
	bool terminal;			/* its input and output are one */
	bool join;			/* with ours at its other end */
	char text[1024];		/* what it said, the last of it */
	char how[64];			/* how it failed; "": it did not */
	/* private */
	pid_t pid;
	int out, ended;
	size_t len;
};

/*
 * Runs it to its end. Its standard output and error are one, its input is
 * empty, unless it has a terminal, or c->in and c->file say otherwise.
 * c->text is one line afterwards. 0 when it ended with status 0; else
 * -EIO, -ETIMEDOUT (it and its process group have been killed) or -errno when
 * it could not be started; c->how says it in words.
 */
int child_run(struct child *c);

#endif

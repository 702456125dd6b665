/* A daemon for a test: see spawn.h. */
#include "xenstore/test/spawn.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tries of 20 ms each until the daemon serves: a slow machine's ten seconds. */
#define TRIES 500

static void run(const struct spawned *d, const char *program, bool with_xen)
{
	char pid_file[96];

	snprintf(pid_file, sizeof(pid_file), "%s/pid", d->folder);
	execl(program, program, "--foreground", "--socket", d->socket,
	      "--pid-file", pid_file, "--log-file", "/dev/null",
	      with_xen ? NULL : "--no-xen", (char *)NULL);
	_exit(127);
}

int spawn_prepare(struct spawned *d)
{
	snprintf(d->folder, sizeof(d->folder), "/tmp/store-test-XXXXXX");
	if (!mkdtemp(d->folder))
		return -1;
	snprintf(d->socket, sizeof(d->socket), "%s/socket", d->folder);
	setenv("XENSTORED_PATH", d->socket, 1);
	return 0;
}

int spawn_start(struct spawned *d, const char *program, bool with_xen)
{
	char pid_file[96];
	struct stat st;

	snprintf(pid_file, sizeof(pid_file), "%s/pid", d->folder);
	d->pid = fork();
	if (d->pid < 0)
		return -1;
	if (!d->pid)
		run(d, program, with_xen);
	/* The pid file is the last thing that start-up writes. */
	for (unsigned int i = 0; i < TRIES; i++) {
		if (!stat(pid_file, &st) && st.st_size)
			return 0;
		if (waitpid(d->pid, NULL, WNOHANG) == d->pid)
			break;
		usleep(20000);
	}
	return -1;
}

int spawn_daemon(struct spawned *d, const char *program)
{
	return spawn_prepare(d) ? -1 : spawn_start(d, program, false);
}

int spawn_end(struct spawned *d)
{
	int status;

	kill(d->pid, SIGTERM);
	if (waitpid(d->pid, &status, 0) != d->pid)
		return -1;
	rmdir(d->folder);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

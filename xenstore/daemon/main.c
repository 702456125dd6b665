/*
 * vane-stored: options, start in the order in which things must exist, and
 * the end.  A daemon in the background has its parent wait until it serves,
 * so that whoever starts it may use the store when the command returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/hv_xen.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/quota.h"
#include "xenstore/daemon/socket.h"

/* Where a daemon in the background logs, if that folder exists. */
#define LOG_FILE "/var/log/xen/vane-stored.log"

struct options {
	bool foreground;
	bool without_xen;
	bool keep_orphans;
	bool trace;
	const char *pid_file;
	const char *log_file;
	char socket[256];
	uint32_t quota[QUOTA_KINDS];
};

static const struct option long_options[] = {
	{ "foreground", no_argument, NULL, 'F' },
	{ "no-fork", no_argument, NULL, 'F' },
	{ "no-xen", no_argument, NULL, 'X' },
	{ "socket", required_argument, NULL, 's' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "log-file", required_argument, NULL, 'l' },
	{ "trace", no_argument, NULL, 't' },
	{ "quota", required_argument, NULL, 'Q' },
	{ "keep-orphans", no_argument, NULL, 'K' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *out)
{
	fputs("usage: vane-stored [options]\n"
	"  -F, -N, --foreground    stay in the foreground, log to stderr\n"
	"      --no-xen            run on a host without a hypervisor\n"
	"  -s, --socket PATH       listen there"
	" (default /run/xenstored/socket)\n"
	"  -p, --pid-file PATH     default /run/xenstore.pid\n"
	"  -l, --log-file PATH     log there (default, in the background:\n"
	"                          " LOG_FILE ", else syslog)\n"
	"      --trace             log every request\n"
	"  -Q, --quota NAME=VALUE  set a quota of unprivileged domains:\n",
	out);
	for (unsigned int i = 0; i < QUOTA_KINDS; i++)
		fprintf(out, "        %-17s %8u  %s\n", quota_infos[i].name,
			quota_infos[i].initial, quota_infos[i].meaning);
	fputs("  -K, --keep-orphans      give nodes of dead domains to domain"
	      " 0\n", out);
}

/* NAME=VALUE of --quota: 0 or -EINVAL, with a message. */
static int parse_quota(uint32_t *quota, const char *arg)
{
	const char *equals = strchr(arg, '=');
	char name[32] = "";
	int rc = -ENOENT;

	if (equals && (size_t)(equals - arg) < sizeof(name)) {
		memcpy(name, arg, (size_t)(equals - arg));
		rc = quota_set(quota, name, equals + 1);
	}
	if (rc)
		fprintf(stderr, "vane-stored: --quota %s: %s\n", arg,
			rc == -ENOENT ? "want NAME=VALUE with a known name" :
			"the value is out of range");
	return rc;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "FNs:p:l:Q:Kh", long_options,
				NULL)) != -1) {
		switch (c) {
		case 'F':
		case 'N':
			o->foreground = true;
			break;
		case 'X':
			o->without_xen = true;
			break;
		case 's':
			snprintf(o->socket, sizeof(o->socket), "%s", optarg);
			break;
		case 'p':
			o->pid_file = optarg;
			break;
		case 'l':
			o->log_file = optarg;
			break;
		case 't':
			o->trace = true;
			break;
		case 'Q':
			if (parse_quota(o->quota, optarg))
				return -EINVAL;
			break;
		case 'K':
			o->keep_orphans = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (optind == argc)
		return 0;
	usage(stderr);
	return -EINVAL;
}

/*
 * Go to the background.  The parent exits with the first byte that the child
 * writes to the pipe, or with 1 if there is none.  Returns the pipe, or -errno.
 */
static int detach(void)
{
	int pipe_fd[2];
	char status = 1;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(pipe_fd[1]);
		if (read(pipe_fd[0], &status, 1) != 1)
			status = 1;
		_exit(status);
	}
	close(pipe_fd[0]);
	setsid();
	if (chdir("/"))
		return -errno;
	return pipe_fd[1];
}

/* Serving begins: let the parent go, and let go of its terminal. */
static void detached(int pipe_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char status = 0;

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	(void)!write(pipe_fd, &status, 1);
	close(pipe_fd);
}

static int write_pid(const char *path)
{
	FILE *f = fopen(path, "we");
	int rc = 0;

	if (!f)
		return -errno;
	if (fprintf(f, "%d\n", (int)getpid()) < 0)
		rc = -errno;
	if (fclose(f) && !rc)
		rc = -errno;
	return rc;
}

static void on_signal(struct loop_source *src, uint32_t events)
{
	(void)src;
	(void)events;
	log_line("told to stop");
	loop_stop();
}

/* SIGTERM and SIGINT arrive through the event loop. */
static int take_signals(void)
{
	static struct loop_source src;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	src.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (src.fd < 0)
		return -errno;
	src.ready = on_signal;
	return loop_add(&src, EPOLLIN);
}

/* As many clients as the system allows. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int complain(const char *what, int rc)
{
	if (rc)
		log_line("%s: %s", what, strerror(-rc));
	return rc;
}

/*
 * The socket comes last: who can connect can be served.  It is taken before
 * the kernel's ring all the same, as its bind tells a second daemon off before
 * that one disturbs the first one's ring.
 */
static int start(const struct options *o, struct server **out)
{
	struct server *srv;
	int rc;

	hash_init();
	raise_limits();
	rc = complain("event loop", loop_init());
	if (!rc)
		rc = complain("signals", take_signals());
	if (!rc && !o->without_xen)
		rc = hv_xen_open();
	if (rc)
		return rc;
	srv = server_new(o->without_xen ? &hv_none : &hv_xen, NULL);
	memcpy(srv->quota, o->quota, sizeof(srv->quota));
	srv->keep_orphans = o->keep_orphans;
	srv->trace = o->trace;
	rc = complain(o->socket, socket_listen(srv, o->socket));
	if (!rc && !o->without_xen)
		rc = hv_xen_start(srv);
	if (!rc)
		rc = complain(o->pid_file, write_pid(o->pid_file));
	*out = srv;
	return rc;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("XENSTORED_RUNDIR");
	const char *path = getenv("XENSTORED_PATH");
	struct options o = { .pid_file = "/run/xenstore.pid" };
	struct server *srv;
	int parent = -1;

	quota_defaults(o.quota);
	if (path)
		snprintf(o.socket, sizeof(o.socket), "%s", path);
	else
		snprintf(o.socket, sizeof(o.socket), "%s/socket",
			 folder ? folder : "/run/xenstored");
	if (parse_options(argc, argv, &o))
		return 2;
	if (!o.foreground) {
		parent = detach();
		if (parent < 0) {
			(void)complain("going to the background", parent);
			return 1;
		}
	}
	if (o.log_file && complain(o.log_file, log_open(o.log_file, false)))
		return 1;
	if (start(&o, &srv))
		return 1;
	if (parent >= 0) {
		if (!o.log_file && log_open(LOG_FILE, false))
			(void)log_open(NULL, true);
		detached(parent);
	}
	log_line("serving at %s", o.socket);
	loop_run(srv);
	unlink(o.socket);
	server_free(srv);
	unlink(o.pid_file);
	return 0;
}

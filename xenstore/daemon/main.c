/*
 * vane-stored: options, start in the order in which things must exist, and
 * the end.  What is started by hand becomes the holder (holder.h), which
 * starts the daemon.  In the background its parent waits until that serves,
 * so that whoever starts it may use the store when the command returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/holder.h"
#include "xenstore/daemon/hv_xen.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/quota.h"
#include "xenstore/daemon/socket.h"
#include "xenstore/daemon/stdio.h"

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
	char state[256];
	int channel;		/* to the holder; -1: this is the holder */
	int hold;		/* to a daemon that lost its holder; or -1 */
	bool resume;
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
	{ "state", required_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' },
	/* Between holder and daemon: see holder_spawn(). */
	{ "channel", required_argument, NULL, 1 },
	{ "resume", required_argument, NULL, 2 },
	{ "hold", required_argument, NULL, 3 },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *out)
{
	fputs("usage: vane-stored [options]\n"
	"  -F, -N, --foreground    stay in the foreground, log to stderr\n"
	"      --no-xen            run on a host without a hypervisor\n"
	"  -s, --socket PATH       listen there"
	" (default /run/xenstored/socket)\n"
	"  -S, --state FOLDER      keep the state there, for a restart\n"
	"                          (default: where the socket is)\n"
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

	while ((c = getopt_long(argc, argv, "FNs:S:p:l:Q:Kh", long_options,
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
		case 'S':
			snprintf(o->state, sizeof(o->state), "%s", optarg);
			break;
		case 1:
		case 2:
			o->channel = atoi(optarg);
			o->resume = c == 2;
			break;
		case 3:
			o->hold = atoi(optarg);
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
	log_line("stop", "%s", "");
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

/*
 * Holder and daemon come before others on the CPU: while a daemon starts
 * again everybody may be waiting for it, and a client that the kernel wakes
 * because its request was taken would otherwise interrupt the daemon before
 * the answer is there.  A little only once it serves: a guest that floods it
 * must not take Dom0's processor.
 */
#define NICE_START	(-10)
#define NICE_SERVING	(-5)

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
		log_line("start", "what=\"%s\" error=\"%s\"", what,
			 strerror(-rc));
	return rc;
}

static const struct server_setup setups[] = {
	{ .hv = &hv_xen, .client_new = socket_client_new },
	{ .hv = &hv_none, .client_new = socket_client_new },	/* --no-xen */
};

/* What an earlier daemon left goes on; a new store begins with the options. */
static int open_store(const struct options *o, struct server **out,
		      bool *fresh)
{
	struct journal *j;
	struct server *srv;
	int rc;

	rc = complain(o->state, journal_open(o->state, &j));
	if (rc)
		return rc;
	rc = complain(o->state, server_recover(&setups[o->without_xen], j,
					       &srv, fresh));
	if (rc) {
		journal_close(j, false);
		return rc;
	}
	*out = srv;
	if (!*fresh) {
		log_line("go-on", "state=%s", o->state);
		return 0;
	}
	memcpy(srv->quota, o->quota, sizeof(srv->quota));
	srv->keep_orphans = o->keep_orphans;
	srv->trace = o->trace;
	return 0;
}

/*
 * Clients come before the rings: their connections must be there when what
 * the rings have to say fires watches.
 */
static int start(const struct options *o, char **argv, struct server **out)
{
	struct server *srv = NULL;
	bool fresh = true;
	int rc;

	hash_init();
	raise_limits();
	rc = complain("event loop", loop_init());
	if (!rc)
		rc = complain("signals", take_signals());
	if (!rc && !o->without_xen)
		rc = hv_xen_open();
	if (!rc)
		rc = open_store(o, &srv, &fresh);
	if (!rc)
		rc = complain("the holder", socket_serve(srv, o->channel,
							 argv));
	if (!rc && !o->without_xen)
		rc = hv_xen_start(srv);
	if (rc)
		return rc;
	server_flush(srv);
	if (fresh)
		rc = complain(o->state, server_save(srv));
	if (!rc)
		rc = complain(o->pid_file, write_pid(o->pid_file));
	*out = srv;
	return rc;
}

/* Where a daemon that nobody sees logs to. */
static int open_log(const struct options *o)
{
	if (o->log_file)
		return complain(o->log_file, log_open(o->log_file, false));
	if (!o->foreground && log_open(LOG_FILE, false))
		(void)log_open(NULL, true);
	return 0;
}

/* Let another program go on: returns only if that cannot be. */
static void update(struct server *srv)
{
	srv->update_now = false;
	if (server_save(srv)) {
		log_line("update", "error=\"no room for the state\"");
		return;
	}
	log_line("update", "program=%s", srv->update);
	log_flush();
	socket_update(srv->update);
	_exit(0);
}

/* The end of a daemon that was asked to end. */
static void finish(const struct options *o, struct server *srv)
{
	struct journal *j = srv->journal;

	socket_stopping();
	unlink(o->socket);
	unlink(o->pid_file);
	(void)journal_open(NULL, &srv->journal);
	journal_close(j, true);
	server_free(srv);
}

static int serve(const struct options *o, char **argv)
{
	struct server *srv;

	/* What the first start has to say is for whoever started it. */
	if ((o->resume || o->log_file || o->foreground) && open_log(o))
		return 1;
	if (start(o, argv, &srv))
		return 1;
	if (!o->resume && !o->foreground && open_log(o))
		return 1;
	if (srv->log_file[0] && log_open(srv->log_file, false))
		log_line("log", "cannot_open=%s", srv->log_file);
	socket_serving(srv);
	if (!o->foreground)
		stdio_to_null();
	log_line("serving", "socket=%s", o->socket);
	log_gather();
	(void)setpriority(PRIO_PROCESS, 0, NICE_SERVING);
	for (loop_run(srv); srv->update_now; loop_run(srv))
		update(srv);
	log_flush();
	finish(o, srv);
	return 0;
}

static int hold(const struct options *o, char **argv)
{
	struct holder_setup setup = {
		.argv = argv, .listen_fd = -1, .channel = o->hold,
		.parent = -1, .background = !o->foreground,
	};

	raise_limits();
	(void)setpriority(PRIO_PROCESS, 0, NICE_START);
	if (o->hold < 0) {
		if (!o->foreground)
			setup.parent = detach();
		if (setup.parent < 0 && !o->foreground) {
			(void)complain("going to the background",
				       setup.parent);
			return 1;
		}
		setup.listen_fd = socket_listen(o->socket);
		if (setup.listen_fd < 0) {
			(void)complain(o->socket, setup.listen_fd);
			return 1;
		}
	}
	return holder_run(&setup);
}

int main(int argc, char **argv)
{
	const char *folder = getenv("XENSTORED_RUNDIR");
	const char *path = getenv("XENSTORED_PATH");
	struct options o = {
		.pid_file = "/run/xenstore.pid", .channel = -1, .hold = -1,
	};
	char copy[sizeof(o.socket)];

	/* Started again by /proc/self/exe, it would be called "exe". */
	prctl(PR_SET_NAME, "vane-stored");
	quota_defaults(o.quota);
	if (path)
		snprintf(o.socket, sizeof(o.socket), "%s", path);
	else
		snprintf(o.socket, sizeof(o.socket), "%s/socket",
			 folder ? folder : "/run/xenstored");
	if (parse_options(argc, argv, &o))
		return 2;
	memcpy(copy, o.socket, sizeof(copy));
	if (!o.state[0])
		snprintf(o.state, sizeof(o.state), "%s", dirname(copy));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a limit is a full disk: an error */
	return o.channel >= 0 ? serve(&o, argv) : hold(&o, argv);
}

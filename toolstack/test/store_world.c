/* See store_world.h. */
#include "toolstack/test/store_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/libvane/build.h"
#include "toolstack/libvane/destroy.h"
#include "toolstack/libvane/entries.h"

char dir[] = "/tmp/vane-test-XXXXXX";
static const char *daemon_path;
static char sock[64], pid_file[64];
static pid_t daemon_pid;

/* --- the fake hypervisor ------------------------------------------------- */

struct fake fake;

int hv_domctl(struct vane *v, struct xen_domctl *op)
{
	(void)v, (void)op;
	return -ENOSYS;
}

int hv_domctl_simple(struct vane *v, unsigned int cmd, uint32_t domid)
{
	(void)v;
	assert_int_equal(domid, DOMID);
	if (cmd == XEN_DOMCTL_pausedomain)
		fake.paused++;
	if (cmd == XEN_DOMCTL_destroydomain) {
		fake.destroyed++;
		fake.exists = false;
	}
	return 0;
}

int hv_domain_info(struct vane *v, uint32_t domid,
		   struct xen_domctl_getdomaininfo *info)
{
	(void)v;
	memset(info, 0, sizeof(*info));
	if (!fake.exists || domid != DOMID)
		return -ESRCH;
	info->domain = domid;
	info->flags = fake.runs ? XEN_DOMINF_running : XEN_DOMINF_paused;
	if (fake.shutdown)
		info->flags = XEN_DOMINF_shutdown |
			fake.reason << XEN_DOMINF_shutdownshift;
	return 0;
}

int vane_domains(struct vane *v, struct vane_domain **list, unsigned int *n)
{
	(void)v, (void)list, (void)n;
	return -ENOSYS;
}

void vane_domains_free(struct vane_domain *list, unsigned int count)
{
	(void)list, (void)count;
}

/* --- the connection ------------------------------------------------------ */

char told[512];

static void tell(void *arg, enum vane_level level, const char *text)
{
	(void)arg, (void)level;
	snprintf(told, sizeof(told), "%s", text);
}

/* As context.c has them, without a hypervisor. */
int vane_fail(struct vane *v, int rc, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->message(v->message_arg, VANE_ERROR, text);
	return rc;
}

void vane_say(struct vane *v, enum vane_level level, const char *fmt, ...)
{
	(void)v, (void)level, (void)fmt;
}

int vane_store(struct vane *v, struct store **store)
{
	*store = v->store;
	return 0;
}

struct store *connect_store(void)
{
	for (int i = 0; i < 200; i++) {
		struct store *s = store_open_path(sock);

		if (s)
			return s;
		usleep(50000);		/* the daemon is starting */
	}
	return NULL;
}

int world_start(void **state)
{
	static struct vane v;

	daemon_pid = fork();
	if (!daemon_pid) {
		execl(daemon_path, daemon_path, "-F", "--no-xen", "-s", sock,
		      "-p", pid_file, NULL);
		_exit(127);
	}
	v = (struct vane) { .message = tell, .privcmd = -1 };
	v.store = connect_store();
	assert_non_null(v.store);
	/* As `vane init-host` leaves it. */
	assert_int_equal(store_write_str(v.store, 0, "/local/domain/0/name",
					 "Domain-0"), 0);
	memset(&fake, 0, sizeof(fake));
	fake.exists = true;
	told[0] = '\0';
	*state = &v;
	return 0;
}

int world_stop(void **state)
{
	struct vane *v = *state;

	store_close(v->store);
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	unlink(sock);
	return 0;
}

pid_t play(void (*act)(struct store *s))
{
	pid_t pid = fork();

	if (!pid) {
		struct store *s = connect_store();

		alarm(30);
		act(s);
		_exit(0);
	}
	return pid;
}

void end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void await(struct store *s, const char *path, const char *value)
{
	struct store_event ev;

	if (store_watch(s, path, "await"))
		_exit(1);
	for (;;) {
		char *now;

		if (!store_read(s, STORE_NO_TX, path, &now, NULL)) {
			bool same = !strcmp(now, value);

			free(now);
			if (same)
				break;
		}
		if (store_next_event(s, -1, &ev) < 0)
			_exit(1);
	}
	(void)store_unwatch(s, path, "await");
}

/* --- what is in the store ------------------------------------------------ */

char tree[TREE_BYTES];

static void dump(struct store *s, const char *path)
{
	struct store_perm *perms;
	unsigned int count, nr;
	char **names, *value, child[256];
	size_t at = strlen(tree);

	if (store_read(s, STORE_NO_TX, path, &value, NULL))
		return;
	assert_int_equal(store_get_perms(s, STORE_NO_TX, path, &perms, &nr), 0);
	at += sprintf(tree + at, "%s \"%s\" ", path, value);
	for (unsigned int i = 0; i < nr; i++)
		at += sprintf(tree + at, "%c%u", "nrwb"[perms[i].access],
			      perms[i].domid);
	strcpy(tree + at, "\n");
	free(perms);
	free(value);
	assert_int_equal(store_directory(s, STORE_NO_TX, path, &names, &count),
			 0);
	for (unsigned int i = 0; i < count; i++) {
		snprintf(child, sizeof(child), "%s%s%s", path,
			 path[1] ? "/" : "", names[i]);
		dump(s, child);
	}
	free(names);
}

void dump_all(struct store *s)
{
	tree[0] = '\0';
	dump(s, "/");
}

struct vane_disk disk = {
	.target = (char *)"/dev/vg/web", .vdev = (char *)"xvda",
	.devid = 51712, .backend = VANE_BACKEND_KERNEL,
};
struct vane_nic nic = {
	.devid = 0, .mac = { 0, 0x16, 0x3e, 0x2e, 0xba, 0x8f },
	.bridge = (char *)"xenbr0", .backend = VANE_BACKEND_OURS,
	.rate_bytes = 62500, .rate_usec = 50000,
};
struct vane_config config = {
	.name = (char *)"d1", .kernel = (char *)"/k", .ramdisk = (char *)"/r",
	.cmdline = (char *)"quiet", .memory_kib = 131072,
	.maxmem_kib = 262144, .vcpus = 1, .maxvcpus = 2, .disks = &disk,
	.nr_disks = 1, .nics = &nic, .nr_nics = 1,
};
const uint8_t uuid[16] = {
	0x77, 0x0d, 0x64, 0xa4, 0x72, 0xe4, 0x4a, 0x21,
	0x93, 0x7f, 0x99, 0x2f, 0xe2, 0x3a, 0xe6, 0x5b,
};

void enter_config(struct vane *v, const struct vane_config *c)
{
	static uint64_t p2m[16] = { [3] = 507905, [4] = 507906 };
	struct build b = {
		.config = c, .domid = DOMID, .p2m = p2m,
		.store_port = 1, .console_port = 2,
		.layout = { .store_pfn = 3, .console_pfn = 4 },
	};

	assert_int_equal(entries_reserve(v, DOMID, c->name), 0);
	assert_int_equal(entries_write(v, &b, uuid), 0);
}

void enter(struct vane *v)
{
	enter_config(v, &config);
}

int world_begin(int argc, char **argv)
{
	daemon_path = argc > 1 ? argv[1] : STORED;
	if (!mkdtemp(dir))
		return -errno;
	snprintf(sock, sizeof(sock), "%s/socket", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir); /* it removes it */
	return 0;
}

void world_end(void)
{
	rmdir(dir);
}

/*
 * A domain's life in the store: the nodes it gets, with their rights; devices
 * that come up, fail, and let go; shutdown requests; and that all of it is
 * gone in the end.
 *
 * A real store daemon runs here, without a hypervisor; what libvane asks the
 * hypervisor is answered by the fakes below. Back ends and guests are child
 * processes. The expected nodes are those that Debian's tools write for the
 * same domain (libxl 4.17), save for what their daemons add.
 *
 * argv[1]: the store daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/libvane/build.h"
#include "toolstack/libvane/destroy.h"
#include "toolstack/libvane/device.h"
#include "toolstack/libvane/entries.h"
#include "toolstack/libvane/script.h"
#include "xenstore/client/connection.h"

#define DOMID 7

static const char *daemon_path;
static char dir[] = "/tmp/vane-test-XXXXXX", sock[64], pid_file[64];
static pid_t daemon_pid;

/* --- the fake hypervisor ------------------------------------------------- */

static struct {
	bool exists, shutdown, runs;
	unsigned int reason;
	unsigned int paused, destroyed;
} fake;

/* The store is as Debian's; see __wrap_store_call_text(). */
static struct {
	bool on;
	struct store *other;		/* somebody else's connection */
	store_tx touched;		/* transaction with nodes of the dead */
} theirs;

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

static char told[512];

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

static struct store *connect_store(void)
{
	for (int i = 0; i < 200; i++) {
		struct store *s = store_open_path(sock);

		if (s)
			return s;
		usleep(50000);		/* the daemon is starting */
	}
	return NULL;
}

static int start(void **state)
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
	memset(&theirs, 0, sizeof(theirs));
	fake.exists = true;
	told[0] = '\0';
	*state = &v;
	return 0;
}

static int stop(void **state)
{
	struct vane *v = *state;

	store_close(v->store);
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	unlink(sock);
	return 0;
}

/* Runs @act in a process of its own, with its own connection. */
static pid_t play(void (*act)(struct store *s))
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

static void end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Waits until a node has a value. */
static void await(struct store *s, const char *path, const char *value)
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

static char tree[16384];

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

static void dump_all(struct store *s)
{
	tree[0] = '\0';
	dump(s, "/");
}

static struct vane_disk disk = {
	.target = (char *)"/dev/vg/web", .vdev = (char *)"xvda",
	.devid = 51712, .backend = VANE_BACKEND_KERNEL,
};
static struct vane_nic nic = {
	.devid = 0, .mac = { 0, 0x16, 0x3e, 0x2e, 0xba, 0x8f },
	.bridge = (char *)"xenbr0", .backend = VANE_BACKEND_OURS,
	.rate_bytes = 62500, .rate_usec = 50000,
};
static struct vane_config config = {
	.name = (char *)"d1", .kernel = (char *)"/k", .ramdisk = (char *)"/r",
	.cmdline = (char *)"quiet", .memory_kib = 131072,
	.maxmem_kib = 262144, .vcpus = 1, .maxvcpus = 2, .disks = &disk,
	.nr_disks = 1, .nics = &nic, .nr_nics = 1,
};
static const uint8_t uuid[16] = {
	0x77, 0x0d, 0x64, 0xa4, 0x72, 0xe4, 0x4a, 0x21,
	0x93, 0x7f, 0x99, 0x2f, 0xe2, 0x3a, 0xe6, 0x5b,
};

static void enter_config(struct vane *v, const struct vane_config *c)
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

static void enter(struct vane *v)
{
	enter_config(v, &config);
}

#define HOME "/local/domain/7"
#define VBD "/local/domain/0/backend/vbd/7/51712"
#define VIF "/local/domain/0/backend/vane-vif/7/0"
#define CON "/local/domain/0/backend/console/7/0"
#define VM "/vm/770d64a4-72e4-4a21-937f-992fe23ae65b"

/* Node, value, rights: as `xenstore-ls -p` shows them on Debian's Xen. */
static const char *const expected[] = {
	HOME " \"\" n0r7",
	HOME "/vm \"" VM "\" n0r7",
	HOME "/name \"d1\" n0r7",
	HOME "/domid \"7\" n0r7",
	HOME "/cpu/0/availability \"online\" n0r7",
	HOME "/cpu/1/availability \"offline\" n0r7",
	HOME "/memory/static-max \"262144\" n0r7",
	HOME "/memory/target \"131072\" n0r7",
	HOME "/memory/videoram \"0\" n0r7",
	HOME "/device \"\" n0r7",
	HOME "/device/suspend/event-channel \"\" n7",
	HOME "/device/vbd \"\" n0r7",
	HOME "/device/vbd/51712 \"\" n7r0",
	HOME "/device/vbd/51712/backend \"" VBD "\" n7r0",
	HOME "/device/vbd/51712/backend-id \"0\" n7r0",
	HOME "/device/vbd/51712/state \"1\" n7r0",
	HOME "/device/vbd/51712/virtual-device \"51712\" n7r0",
	HOME "/device/vbd/51712/device-type \"disk\" n7r0",
	HOME "/device/vbd/51712/trusted \"1\" n7r0",
	HOME "/device/vbd/51712/protocol \"x86_64-abi\" n7r0",
	HOME "/device/vif/0 \"\" n7r0",
	HOME "/device/vif/0/backend \"" VIF "\" n7r0",
	HOME "/device/vif/0/handle \"0\" n7r0",
	HOME "/device/vif/0/mac \"00:16:3e:2e:ba:8f\" n7r0",
	HOME "/control \"\" n0r7",
	HOME "/control/shutdown \"\" n7",
	HOME "/control/feature-poweroff \"\" n7",
	HOME "/control/feature-reboot \"\" n7",
	HOME "/control/feature-suspend \"\" n7",
	HOME "/control/sysrq \"\" n7",
	HOME "/control/platform-feature-multiprocessor-suspend \"1\" n0r7",
	HOME "/control/platform-feature-xs_reset_watches \"1\" n0r7",
	HOME "/data \"\" n7",
	HOME "/drivers \"\" n7",
	HOME "/feature \"\" n7",
	HOME "/attr \"\" n7",
	HOME "/error \"\" n7",
	HOME "/store/port \"1\" n0r7",
	HOME "/store/ring-ref \"507905\" n0r7",
	HOME "/console \"\" n0r7",
	HOME "/console/backend \"" CON "\" n0r7",
	HOME "/console/backend-id \"0\" n7r0",
	HOME "/console/limit \"1048576\" n0r7",
	HOME "/console/type \"xenconsoled\" n0r7",
	HOME "/console/output \"pty\" n0r7",
	HOME "/console/tty \"\" n0r7",
	HOME "/console/port \"2\" n0r7",
	HOME "/console/ring-ref \"507906\" n0r7",
	CON " \"\" n0r7",
	CON "/frontend \"" HOME "/console\" n0r7",
	CON "/frontend-id \"7\" n0r7",
	CON "/online \"1\" n0r7",
	CON "/state \"1\" n0r7",
	CON "/protocol \"vt100\" n0r7",
	"/local/domain/0/backend/vbd/7 \"\" n0",
	VBD " \"\" n0r7",
	VBD "/frontend \"" HOME "/device/vbd/51712\" n0r7",
	VBD "/params \"/dev/vg/web\" n0r7",
	VBD "/script \"/etc/xen/scripts/block\" n0r7",
	VBD "/frontend-id \"7\" n0r7",
	VBD "/online \"1\" n0r7",
	VBD "/removable \"0\" n0r7",
	VBD "/bootable \"1\" n0r7",
	VBD "/state \"1\" n0r7",
	VBD "/dev \"xvda\" n0r7",
	VBD "/type \"phy\" n0r7",
	VBD "/mode \"w\" n0r7",
	VBD "/device-type \"disk\" n0r7",
	VBD "/discard-enable \"1\" n0r7",
	VBD "/specification \"xen\" n0r7",
	VIF "/script \"/etc/xen/scripts/vif-bridge\" n0r7",
	VIF "/mac \"00:16:3e:2e:ba:8f\" n0r7",
	VIF "/bridge \"xenbr0\" n0r7",
	VIF "/handle \"0\" n0r7",
	VIF "/type \"vif\" n0r7",
	VIF "/rate \"62500,50000\" n0r7",
	VIF "/hotplug-status \"\" n0r7",
	VM " \"\" n0r7",
	VM "/uuid \"770d64a4-72e4-4a21-937f-992fe23ae65b\" n0r7",
	VM "/name \"d1\" n0r7",
	VM "/image/ostype \"linux\" n0r7",
	VM "/image/kernel \"/k\" n0r7",
	VM "/image/ramdisk \"/r\" n0r7",
	VM "/image/cmdline \"quiet\" n0r7",
	"/libxl/7 \"\" n0",
	"/libxl/7/device/vbd/51712/backend \"" VBD "\" n0",
	"/libxl/7/device/vbd/51712/frontend \"" HOME "/device/vbd/51712\" n0",
	"/libxl/7/device/console/0/backend \"" CON "\" n0",
	"/libxl/7/type \"pv\" n0",
	"/libxl/7/dm-version \"qemu_xen\" n0",
};

static void test_nodes(void **state)
{
	struct vane *v = *state;

	enter(v);
	dump_all(v->store);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		char line[256];

		snprintf(line, sizeof(line), "\n%s\n", expected[i]);
		if (!strstr(tree, line))
			fail_msg("missing: %s\nin:\n%s", expected[i], tree);
	}
}

/* Whatever was there of a domain, the store is as it was before. */
static void test_removed(void **state)
{
	struct vane *v = *state;
	static char before[sizeof(tree)];

	dump_all(v->store);
	strcpy(before, tree);
	/* everything, with a kernel's complaint; then only its name */
	enter(v);
	assert_int_equal(store_write_str(v->store, 0, "/local/domain/0/error/"
					 "backend/vbd/7/51712/error", "2 no"),
			 0);
	assert_int_equal(domain_remove(v, DOMID, uuid), 0);
	dump_all(v->store);
	assert_string_equal(tree, before);
	assert_int_equal(fake.paused, 1);
	assert_int_equal(fake.destroyed, 1);
	fake.exists = true;
	assert_int_equal(entries_reserve(v, DOMID, "x"), 0);
	assert_int_equal(domain_remove(v, DOMID, uuid), 0);
	dump_all(v->store);
	assert_string_equal(tree, before);
}

int __real_store_call_text(struct store *s, uint32_t type, store_tx tx,
			   const char *text);
int __wrap_store_call_text(struct store *s, uint32_t type, store_tx tx,
			   const char *text);

/*
 * What Debian's xenstored does (measured) while a domain dies, here at the
 * worst moment. It counts the nodes of each owner when a transaction ends,
 * and an owner that is gone makes that -ENOMEM. And a transaction sees what
 * others remove: removing it there again is -EIO.
 */
int __wrap_store_call_text(struct store *s, uint32_t type, store_tx tx,
			   const char *text)
{
	if (!theirs.on || tx == STORE_NO_TX)
		return __real_store_call_text(s, type, tx, text);
	if (type == XS_RM && !strcmp(text, HOME))
		theirs.touched = tx;
	if (type == XS_RM && theirs.other && !strcmp(text, "/libxl")) {
		(void)__real_store_call_text(theirs.other, type, STORE_NO_TX,
					     text);
		store_close(theirs.other);
		theirs.other = NULL;
		return -EIO;
	}
	if (type == XS_TRANSACTION_END && tx == theirs.touched) {
		(void)__real_store_call_text(s, type, tx, "F");
		return -ENOMEM;
	}
	return __real_store_call_text(s, type, tx, text);
}

/* Debian's store removes what the guest owned, others what has become empty. */
static void test_removed_by_others(void **state)
{
	struct vane *v = *state;
	static char before[sizeof(tree)];

	dump_all(v->store);
	strcpy(before, tree);
	enter(v);
	assert_int_equal(devices_remove(v, DOMID), 0);
	assert_int_equal(store_rm(v->store, 0, HOME "/control/shutdown"), 0);
	assert_int_equal(store_rm(v->store, 0, HOME "/data"), 0);
	theirs.other = connect_store();
	assert_non_null(theirs.other);
	theirs.on = true;
	assert_int_equal(domain_remove(v, DOMID, uuid), 0);
	assert_null(theirs.other);
	theirs.on = false;
	dump_all(v->store);
	assert_string_equal(tree, before);
}

/* Another domain's nodes stay. */
static void test_removed_beside(void **state)
{
	struct vane *v = *state;

	assert_int_equal(store_write_str(v->store, 0, "/libxl/8/type", "pv"),
			 0);
	assert_int_equal(store_write_str(v->store, 0, "/local/domain/0/"
					 "backend/vbd/8/51712/state", "4"), 0);
	enter(v);
	assert_int_equal(domain_remove(v, DOMID, uuid), 0);
	assert_int_equal(store_exists(v->store, 0, "/libxl/8/type"), 1);
	assert_int_equal(store_exists(v->store, 0, "/local/domain/0/backend/"
				      "vbd/8/51712/state"), 1);
	assert_int_equal(store_exists(v->store, 0, "/local/domain/0/backend/"
				      "vane-vif"), 0);
}

/* --- devices ------------------------------------------------------------- */

static void backend_connects(struct store *s)
{
	await(s, VIF "/state", "1");
	usleep(20000);
	store_write_str(s, 0, VIF "/state", "2");
	store_write_str(s, 0, VIF "/hotplug-status", "connected");
}

static void backend_fails(struct store *s)
{
	await(s, VIF "/state", "1");
	store_write_str(s, 0, VIF "/hotplug-error", "no such bridge");
	store_write_str(s, 0, VIF "/hotplug-status", "error");
}

static void backend_lets_go(struct store *s)
{
	await(s, VIF "/state", "5");
	/* The guest's side must be gone by then: that is what ends it. */
	if (store_exists(s, 0, HOME "/device/vif/0"))
		_exit(2);
	usleep(20000);
	store_write_str(s, 0, VIF "/state", "6");
}

static void test_device_up(void **state)
{
	struct vane_config one = config;
	struct vane *v = *state;
	pid_t back;

	one.nr_disks = 0;
	enter(v);
	back = play(backend_connects);
	assert_int_equal(devices_connect(v, DOMID, &one), 0);
	end(back);
	back = play(backend_lets_go);
	assert_int_equal(devices_remove(v, DOMID), 0);
	end(back);
	assert_int_equal(store_exists(v->store, 0, VIF), 0);
	assert_int_equal(store_exists(v->store, 0, HOME "/device/vif"), 0);
}

static void test_device_fails(void **state)
{
	struct vane_config one = config;
	struct vane *v = *state;
	pid_t back;

	one.nr_disks = 0;
	enter(v);
	back = play(backend_fails);
	assert_int_equal(devices_connect(v, DOMID, &one), -EIO);
	end(back);
	assert_non_null(strstr(told, "no such bridge"));
}

/* A guest that rewrites its own directory must not lead us elsewhere. */
static void test_device_lies(void **state)
{
	struct vane *v = *state;
	static const char victim[] =
		"/local/domain/0/backend/vane-vbd/8/51712";

	enter(v);
	assert_int_equal(store_write_str(v->store, 0, victim, ""), 0);
	assert_int_equal(store_write_str(v->store, 0, HOME
					 "/device/vbd/51712/backend", victim),
			 0);
	assert_int_equal(devices_remove(v, DOMID), 0);
	assert_int_equal(store_exists(v->store, 0, victim), 1);
	assert_int_equal(store_exists(v->store, 0, VBD), 0);
}

/* --- devices of a domain that lives --------------------------------------- */

/* One interface more; any interface will do for a bridge here. */
static struct vane_nic more = {
	.devid = ~0u, .mac = { 0, 0x16, 0x3e, 1, 2, 3 },
	.bridge = (char *)"lo", .backend = VANE_BACKEND_OURS,
};

static void enter_bare(struct vane *v)
{
	struct vane_config bare = config, with = config;

	bare.nr_disks = bare.nr_nics = 0;
	config = bare;
	enter(v);
	config = with;
}

/* The guest has closed, so its back end does. */
static void guest_lets_go(struct store *s)
{
	await(s, VIF "/state", "5");
	if (store_exists(s, 0, HOME "/device/vif/0") != 1)
		_exit(2);
	usleep(20000);
	store_write_str(s, 0, VIF "/state", "6");
}

static void test_attach(void **state)
{
	struct vane *v = *state;
	static char before[sizeof(tree)];
	struct vane_device *list;
	unsigned int count;
	pid_t other;

	enter_bare(v);
	dump_all(v->store);
	strcpy(before, tree);
	other = play(backend_connects);
	assert_int_equal(vane_nic_attach(v, DOMID, &more), 0);
	end(other);
	assert_int_equal(vane_devices(v, DOMID, "vif", &list, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(list->devid, 0);
	assert_int_equal(list->state, 1);
	assert_int_equal(list->port, -1);
	assert_string_equal(list->mac, "00:16:3e:01:02:03");
	assert_string_equal(list->backend, VIF);
	free(list);
	more.devid = 0;
	assert_int_equal(vane_nic_attach(v, DOMID, &more), -EEXIST);
	more.devid = ~0u;
	assert_non_null(strstr(told, "vif 0: it has one of that number"));
	other = play(guest_lets_go);
	assert_int_equal(vane_device_detach(v, DOMID, "vif", 0, false), 0);
	end(other);
	assert_int_equal(vane_device_detach(v, DOMID, "vif", 0, false),
			 -ENOENT);
	dump_all(v->store);
	assert_string_equal(tree, before);
}

static void test_attach_fails(void **state)
{
	struct vane *v = *state;
	static char before[sizeof(tree)];
	pid_t back;

	enter_bare(v);
	dump_all(v->store);
	strcpy(before, tree);
	back = play(backend_fails);
	assert_int_equal(vane_nic_attach(v, DOMID, &more), -EIO);
	end(back);
	assert_non_null(strstr(told, "no such bridge"));
	more.bridge = (char *)"nobridge0";
	assert_int_equal(vane_nic_attach(v, DOMID, &more), -ENODEV);
	more.bridge = (char *)"lo";
	dump_all(v->store);
	assert_string_equal(tree, before);
}

/* Told to close already, it waits for the guest's side to go. */
static void backend_misses_guest(struct store *s)
{
	while (store_exists(s, 0, HOME "/device/vif/0"))
		usleep(1000);
	store_write_str(s, 0, VIF "/state", "6");
}

#define FRONT_STATE HOME "/device/vif/0/state"

/* The guest looks at the device when it has come for the third time. */
static void guest_misses_two(struct store *s)
{
	for (int i = 0; i < 2; i++) {
		backend_connects(s);
		backend_misses_guest(s);
		while (store_exists(s, 0, VIF))
			usleep(1000);
	}
	backend_connects(s);
	store_write_str(s, 0, FRONT_STATE, "3");
}

/* It lets the one before go when the next one is there already. */
static void guest_closes_one(struct store *s)
{
	backend_connects(s);
	store_write_str(s, 0, FRONT_STATE, "5");
	backend_misses_guest(s);
	while (store_exists(s, 0, VIF))
		usleep(1000);
	backend_connects(s);
	store_write_str(s, 0, FRONT_STATE, "4");
}

static void attach_to(struct vane *v, void (*guest)(struct store *s),
		      int front_state)
{
	struct vane_device *list;
	unsigned int count;
	pid_t other;

	enter_bare(v);
	fake.runs = true;
	other = play(guest);
	assert_int_equal(vane_nic_attach(v, DOMID, &more), 0);
	end(other);
	assert_int_equal(vane_devices(v, DOMID, "vif", &list, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(list->state, front_state);
	free(list);
}

static void test_attach_missed(void **state)
{
	attach_to(*state, guest_misses_two, 3);
}

static void test_attach_closed(void **state)
{
	attach_to(*state, guest_closes_one, 4);
}

/* A guest that holds on keeps its device, unless it is forced. */
static void test_detach_in_use(void **state)
{
	struct vane *v = *state;
	pid_t back;

	enter_bare(v);
	back = play(backend_connects);
	assert_int_equal(vane_nic_attach(v, DOMID, &more), 0);
	end(back);
	assert_int_equal(vane_device_detach(v, DOMID, "vif", 0, false),
			 -EBUSY);
	assert_non_null(strstr(told, "the guest did not let go"));
	assert_int_equal(store_exists(v->store, 0, VIF), 1);
	assert_int_equal(store_exists(v->store, 0, HOME "/device/vif/0"), 1);
	back = play(backend_misses_guest);
	assert_int_equal(vane_device_detach(v, DOMID, "vif", 0, true), 0);
	end(back);
	assert_int_equal(store_exists(v->store, 0, VIF), 0);
	assert_int_equal(store_exists(v->store, 0, HOME "/device/vif"), 0);
}

/* --- scripts ------------------------------------------------------------- */

/* Writes a script and runs it for the disk; what it wrote is in its output. */
static int run_script(struct vane *v, const char *body, const char *action)
{
	char path[80];
	struct device d;
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	device_of_disk(&d, DOMID, &disk);
	told[0] = '\0';
	rc = script_run(v, &d, path, action);
	unlink(path);
	return rc;
}

static void test_script(void **state)
{
	struct vane *v = *state;
	/* Body, result, what the user must read. */
	static const struct {
		const char *body;
		int rc;
		const char *text;
	} rows[] = {
		{ "exit 0", 0, "" },
		{ "[ \"$1\" = add ] && [ -z \"$2\" ]", 0, "" },
		{ "[ \"$XENBUS_PATH\" = backend/vbd/7/51712 ] && "
		  "[ \"$XENBUS_TYPE\" = vbd ] && [ \"$script\" = \"$0\" ]",
		  0, "" },
		{ "echo no such volume group >&2; echo vg0; exit 5", -EIO,
		  "add failed with status 5: no such volume group;vg0" },
		{ "kill -9 $$", -EIO, "was ended by signal 9" },
		{ "echo waits; sleep 20", -ETIMEDOUT,
		  "did not end within 1 s: waits" },
		/* Who holds its output for longer does not hold us. */
		{ "sleep 20 & exit 0", 0, "" },
	};

	enter(v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run_script(v, rows[i].body, "add"),
				 rows[i].rc);
		if (!strstr(told, rows[i].text))
			fail_msg("\"%s\" is not in \"%s\"", rows[i].text,
				 told);
	}
	assert_int_equal(store_write_str(v->store, 0, VBD "/hotplug-error",
					 "is mounted"), 0);
	assert_int_equal(run_script(v, "exit 0", "add"), -EIO);
	assert_non_null(strstr(told, "failed: is mounted"));
}

/* The record says which script is to be run at the end, not the guest. */
static void test_script_at_end(void **state)
{
	static char script[80], mark[80];
	struct vane_disk scripted = disk;
	struct vane_config one = config;
	struct vane *v = *state;
	struct device d;
	FILE *f;

	snprintf(script, sizeof(script), "%s/gone", dir);
	snprintf(mark, sizeof(mark), "%s/mark", dir);
	f = fopen(script, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nif [ $1 = remove ]; then echo >%s; fi\n",
		mark);
	fclose(f);
	assert_int_equal(chmod(script, 0755), 0);
	scripted.script = script;
	one.disks = &scripted;
	one.nr_nics = 0;
	enter_config(v, &one);
	device_of_disk(&d, DOMID, &scripted);
	assert_int_equal(hotplug_disk(v, &d, &scripted), -EIO);
	assert_non_null(strstr(told, "did not write physical-device"));
	assert_int_equal(access(mark, F_OK), -1);
	assert_int_equal(devices_remove(v, DOMID), 0);
	assert_int_equal(unlink(mark), 0);
	unlink(script);
}

/* --- shutdown ------------------------------------------------------------ */

static void guest_obeys(struct store *s)
{
	await(s, HOME "/control/shutdown", "poweroff");
	usleep(20000);
	store_write_str(s, 0, HOME "/control/shutdown", "");
}

static void test_shutdown(void **state)
{
	struct vane *v = *state;
	pid_t guest;
	int reason;

	enter(v);
	guest = play(guest_obeys);
	assert_int_equal(vane_shutdown(v, DOMID, false), 0);
	end(guest);
	assert_int_equal(vane_wait_shutdown(v, DOMID, 30, &reason),
			 -ETIMEDOUT);
	fake.shutdown = true;
	fake.reason = VANE_REBOOT;
	assert_int_equal(vane_wait_shutdown(v, DOMID, -1, &reason), 0);
	assert_int_equal(reason, VANE_REBOOT);
	/* A guest that is down takes no request, and nobody waits for it. */
	assert_int_equal(vane_shutdown(v, DOMID, true), 0);
	fake.exists = false;
	assert_int_equal(vane_wait_shutdown(v, DOMID, -1, &reason), 0);
	assert_int_equal(reason, -1);
}

static void test_shutdown_deaf(void **state)
{
	struct vane *v = *state;

	assert_int_equal(vane_shutdown(v, DOMID, false), -EOPNOTSUPP);
	assert_non_null(strstr(told, "does not take requests"));
}

static void console_shows(struct store *s)
{
	usleep(20000);
	store_write_str(s, 0, HOME "/console/tty", "/dev/pts/9");
}

static void test_console(void **state)
{
	struct vane *v = *state;
	char *tty;
	pid_t daemon_;

	enter(v);
	assert_int_equal(vane_console_tty(v, DOMID, 10, &tty), -ETIMEDOUT);
	daemon_ = play(console_shows);
	assert_int_equal(vane_console_tty(v, DOMID, 10000, &tty), 0);
	assert_string_equal(tty, "/dev/pts/9");
	free(tty);
	end(daemon_);
}

#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(test_nodes),
		test(test_removed),
		test(test_removed_by_others),
		test(test_removed_beside),
		test(test_device_up),
		test(test_device_fails),
		test(test_device_lies),
		test(test_attach),
		test(test_attach_fails),
		test(test_attach_missed),
		test(test_attach_closed),
		test(test_detach_in_use),
		test(test_script),
		test(test_script_at_end),
		test(test_shutdown),
		test(test_shutdown_deaf),
		test(test_console),
	};
	int failed;

	daemon_path = argc > 1 ? argv[1] : STORED;
	if (!mkdtemp(dir))
		return 1;
	snprintf(sock, sizeof(sock), "%s/socket", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir); /* it removes it */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}

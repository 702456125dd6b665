/*
 * A domain's life in the store: the nodes it gets, with their rights; shutdown
 * requests; its console; and that all of it is gone in the end. The expected
 * nodes are those that Debian's tools write for the same domain (libxl 4.17),
 * save for what their daemons add. Devices: test_devices.c.
 *
 * argv[1]: the store daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolstack/libvane/destroy.h"
#include "toolstack/libvane/entries.h"
#include "toolstack/test/store_world.h"

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

/* The store is as Debian's; see __wrap_store_call_text(). */
static struct {
	bool on;
	struct store *other;		/* somebody else's connection */
	store_tx touched;		/* transaction with nodes of the dead */
} theirs;

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

/* --- the console ---------------------------------------------------------- */

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

#define test(f) cmocka_unit_test_setup_teardown(f, world_start, world_stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(test_nodes),
		test(test_removed),
		test(test_removed_by_others),
		test(test_removed_beside),
		test(test_shutdown),
		test(test_shutdown_deaf),
		test(test_console),
	};
	int failed;

	if (world_begin(argc, argv))
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_end();
	return failed;
}

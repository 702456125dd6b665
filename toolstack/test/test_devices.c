/*
 * Devices of a domain: they come up, fail and let go, with the domain or while
 * it lives; hotplug scripts.
 *
 * argv[1]: the store daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/script.h"
#include "toolstack/test/store_world.h"

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

#define test(f) cmocka_unit_test_setup_teardown(f, world_start, world_stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
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
	};
	int failed;

	if (world_begin(argc, argv))
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_end();
	return failed;
}

/*
 * The text of the commands that engines parse, against what xl 4.17 of Debian
 * printed on Debian's Xen: golden/NAME.txt, recorded there. The commands are
 * the real ones; the library below them is the fake of this file, which knows
 * the machines of the recordings.
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
#include <getopt.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/vane.h"
#include "xenstore/client/store.h"

#ifndef GOLDEN
#define GOLDEN "toolstack/test/golden"
#endif

/* 12:34:56 of some day. */
#define NOW (20000 * 86400 + 12 * 3600 + 34 * 60 + 56)

struct machine {
	struct vane_domain domains[3];
	unsigned int nr_domains;
	struct vane_pool pools[2];
	unsigned int nr_pools;
	struct vane_device device;
	unsigned int nr_devices;
	int64_t up;			/* seconds */
	unsigned int weight;		/* of every domain; 0: the usual */
};

/* What the library knows in this case. */
static const struct machine *machine;

#define DOM0(seconds) { .domid = 0, .name = (char *)"Domain-0", \
	.memory_kib = 1 << 20, .max_kib = 4096000, .online_vcpus = 1, \
	.max_vcpus = 1, .cpu_ns = (uint64_t)((seconds) * 1e9), .running = true }
#define GUEST(id, title, seconds, is_paused) { .domid = id, \
	.name = (char *)title, .memory_kib = 128 << 10, .online_vcpus = 1, \
	.max_vcpus = 1, .cpu_ns = (uint64_t)((seconds) * 1e9), \
	.blocked = true, .paused = is_paused }
#define POOL0(n, map) { .name = "Pool-0", .scheduler = "credit2", \
	.nr_domains = 1, .nr_cpus = n, .cpus = { map } }

/* --- the fake library ---------------------------------------------------- */

bool verbose, json_asked;
const char *program = "vane";

struct vane *connect_or_exit(void)
{
	static int here;

	return (struct vane *)&here;
}

void vane_close(struct vane *v)
{
	(void)v;
}

int usage(const struct command *c)
{
	fprintf(stderr, "usage: %s\n", c->name);
	return EXIT_USAGE;
}

int complain(int code, const char *fmt, ...)
{
	(void)code;
	fprintf(stderr, "%s\n", fmt);
	return EXIT_FAILED;
}

int next_option(int argc, char **argv, const char *letters,
		const struct option *longs)
{
	return getopt_long(argc, argv, letters, longs, NULL);
}

int read_number(const char *what, const char *text, unsigned int min,
		unsigned int max, unsigned int *number)
{
	(void)what, (void)min, (void)max;
	*number = atoi(text);
	return 0;
}

static void copy(struct vane_domain *to, const struct vane_domain *from)
{
	*to = *from;
	to->name = from->name ? strdup(from->name) : NULL;
}

int vane_domains(struct vane *v, struct vane_domain **list,
		 unsigned int *count)
{
	(void)v;
	*count = machine->nr_domains;
	*list = calloc(*count + 1, sizeof(**list));
	for (unsigned int i = 0; i < *count; i++)
		copy(&(*list)[i], &machine->domains[i]);
	return 0;
}

void vane_domains_free(struct vane_domain *list, unsigned int count)
{
	for (unsigned int i = 0; list && i < count; i++)
		free(list[i].name);
	free(list);
}

int vane_domain_find(struct vane *v, const char *text, uint32_t *domid)
{
	(void)v;
	for (unsigned int i = 0; i < machine->nr_domains; i++)
		if (!strcmp(text, machine->domains[i].name) ||
		    (text[0] >= '0' && text[0] <= '9' &&
		     machine->domains[i].domid == (unsigned int)atoi(text))) {
			*domid = machine->domains[i].domid;
			return 0;
		}
	return -ESRCH;
}

int vane_domain_get(struct vane *v, uint32_t domid, struct vane_domain **d)
{
	(void)v;
	for (unsigned int i = 0; i < machine->nr_domains; i++)
		if (machine->domains[i].domid == domid) {
			*d = calloc(1, sizeof(**d));
			copy(*d, &machine->domains[i]);
			return 0;
		}
	return -ESRCH;
}

int vane_domain_name(struct vane *v, uint32_t domid, char **name)
{
	struct vane_domain *d;
	int rc = vane_domain_get(v, domid, &d);

	if (rc)
		return rc;
	*name = d->name;
	free(d);
	return 0;
}

int vane_domain_started(struct vane *v, uint32_t domid, int64_t *since)
{
	(void)v, (void)domid;
	*since = NOW - machine->up;
	return 0;
}

int vane_host_info(struct vane *v, struct vane_host *h)
{
	static const uint32_t caps[8] = {
		0x1fcbf3fd, 0xf6d8320b, 0xec500800, 0x00000077, 0x00000005,
		0x018843a9, 0x0000020c, 0,
	};

	(void)v;
	*h = (struct vane_host) {
		.major = 4, .minor = 17, .extra = ".7",
		.capabilities = "xen-3.0-x86_64 hvm-3.0-x86_32 "
			"hvm-3.0-x86_32p hvm-3.0-x86_64 ",
		.command_line = "console=com1 com1=115200,8n1 loglvl=all "
			"guest_loglvl=all noreboot=0 dom0_mem=1G,max:1G "
			"dom0_max_vcpus=1",
		.compiler = "x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) "
			"12.2.0",
		.compiled_by = "pkg-xen-devel",
		.compile_domain = "lists.alioth.debian.org",
		.compile_date = "Wed Nov  4 16:52:28 UTC 2026",
		.build_id = "151b373fd64b321593bf987fd923cd10dabadac4",
		.virt_start = 0xffff800000000000, .page_size = 4096,
		.nr_cpus = 4, .max_cpu_id = 3, .nr_nodes = 1,
		.cores_per_socket = 4, .threads_per_core = 1,
		.cpu_khz = 2299998, .capability_bits = 0x30b,
		.total_kib = 2047 << 10, .free_kib = 1000 << 10,
		.scheduler = "credit2",
	};
	h->capability_bits = 1 << 1 | 1 << 0 | 1 << 3 | 1 << 8 | 1 << 9;
	memcpy(h->hw_cap, caps, sizeof(caps));
	return 0;
}

int vane_topology(struct vane *v, struct vane_topology *t)
{
	(void)v;
	t->nr_cpus = 4;
	t->cpus = calloc(4, sizeof(*t->cpus));
	for (unsigned int i = 0; i < 4; i++)
		t->cpus[i].core = i;
	t->nr_nodes = 1;
	t->nodes = calloc(1, sizeof(*t->nodes));
	t->nodes->size = 2047ull << 20;
	t->nodes->free = 1000ull << 20;
	t->distances = calloc(1, sizeof(*t->distances));
	t->distances[0] = 10;
	return 0;
}

void vane_topology_free(struct vane_topology *t)
{
	free(t->cpus);
	free(t->nodes);
	free(t->distances);
}

int vane_vcpu_get(struct vane *v, uint32_t domid, unsigned int vcpu,
		  struct vane_vcpu *info)
{
	(void)v, (void)domid, (void)vcpu;
	*info = (struct vane_vcpu) {
		.online = true, .running = true, .cpu_ns = 24500000000,
	};
	memset(info->hard, 0xff, sizeof(info->hard));
	memset(info->soft, 0xff, sizeof(info->soft));
	return 0;
}

int vane_pools(struct vane *v, struct vane_pool **list, unsigned int *count)
{
	(void)v;
	*count = machine->nr_pools;
	*list = calloc(*count + 1, sizeof(**list));
	memcpy(*list, machine->pools, *count * sizeof(**list));
	return 0;
}

int vane_pool_find(struct vane *v, const char *text, struct vane_pool *pool)
{
	(void)v, (void)text;
	*pool = machine->pools[0];
	return 0;
}

int vane_sched_get(struct vane *v, uint32_t domid, struct vane_sched *s)
{
	(void)v, (void)domid;
	s->weight = machine->weight ? machine->weight : 256;
	s->cap = 0;
	s->scheduler = "credit2";
	return 0;
}

int vane_pool_sched_get(struct vane *v, const struct vane_pool *pool,
			struct vane_pool_sched *s)
{
	(void)v, (void)pool;
	*s = (struct vane_pool_sched) { .ratelimit_us = 1000 };
	return 0;
}

int vane_devices(struct vane *v, uint32_t domid, const char *kind,
		 struct vane_device **list, unsigned int *count)
{
	(void)v, (void)domid, (void)kind;
	*count = machine->nr_devices;
	*list = calloc(*count + 1, sizeof(**list));
	if (*count)
		**list = machine->device;
	return 0;
}

/* Nobody counts in these cases. */
int vane_disk_counts(uint32_t domid, const struct vane_device *disk,
		     struct vane_disk_counts *counts)
{
	(void)domid, (void)disk, (void)counts;
	return -ENOENT;
}

/* Never called in these cases. */
#define NEVER(name, ...) int name(__VA_ARGS__) { fail(); return -ENOSYS; }
#define U __attribute__((unused))
/* Without a store nothing is known of kernels. */
int vane_store(struct vane *v, struct store **s)
{
	(void)v, (void)s;
	return -ENOENT;
}

NEVER(vane_sched_set, struct vane *v U, uint32_t d U,
      const struct vane_sched *s U)
NEVER(vane_pool_sched_set, struct vane *v U, const struct vane_pool *p U,
      const struct vane_pool_sched *s U)
NEVER(store_read, struct store *s U, store_tx tx U, const char *path U,
      char **value U, size_t *len U)
NEVER(vane_device_detach, struct vane *v U, uint32_t d U,
      const char *kind U, unsigned int devid U, bool force U)

/* The host is as old as its domains. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	*t = (struct timespec) {
		.tv_sec = clock == CLOCK_BOOTTIME ? machine->up : NOW,
	};
	return 0;
}

time_t time(time_t *t)
{
	if (t)
		*t = NOW;
	return NOW;
}

int uname(struct utsname *u)
{
	*u = (struct utsname) {
		.nodename = "dom0", .release = "6.1.0-57-amd64",
		.version = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 "
			"(2026-11-26)",
		.machine = "x86_64",
	};
	return 0;
}

/* --- the cases ----------------------------------------------------------- */

static const struct machine alone = {
	.domains = { DOM0(25.3) }, .nr_domains = 1,
	.pools = { POOL0(4, 0xf) }, .nr_pools = 1, .up = 24,
};
static const struct machine alone_c = {
	.domains = { DOM0(25.9) }, .nr_domains = 1,
	.pools = { POOL0(4, 0xf) }, .nr_pools = 1,
};
static const struct machine alone_n = {
	.domains = { DOM0(26.5) }, .nr_domains = 1,
};
static const struct machine alone_vcn = {
	.domains = { DOM0(26.8) }, .nr_domains = 1,
	.pools = { POOL0(4, 0xf) }, .nr_pools = 1,
};
static const struct machine alone_z = {
	.domains = { DOM0(27.1) }, .nr_domains = 1,
};
/* Of Domain-0 xl shows a KiB less than there is. */
static const struct machine with_weight = {
	.domains = { { .domid = 0, .name = (char *)"Domain-0",
		.memory_kib = 1048575, .max_kib = 4096000 } },
	.nr_domains = 1, .weight = 300,
};
static const struct machine two_pools = {
	.pools = { POOL0(3, 7), { .id = 1, .name = "p1", .nr_cpus = 1,
		.scheduler = "credit2", .cpus = { 8 } } }, .nr_pools = 2,
};
static const struct machine one_paused = {
	.domains = { DOM0(6.6), GUEST(1, "d1", 3.1, true) }, .nr_domains = 2,
};
static const struct machine one_blocked = {
	.domains = { DOM0(9.3), GUEST(3, "s1", 3.1, false) }, .nr_domains = 2,
};
static const struct machine with_disk = {
	.domains = { DOM0(1), GUEST(1, "d1", 1, false) }, .nr_domains = 2,
	.device = { .devid = 51712, .state = 4, .port = 8, .ring_ref = 8,
		.backend = "/local/domain/0/backend/vbd/1/51712" },
	.nr_devices = 1,
};
static const struct machine with_nic = {
	.domains = { DOM0(1), GUEST(2, "d2", 1, false) }, .nr_domains = 2,
	.device = { .devid = 0, .state = 4, .port = -1, .ring_ref = 520,
		.ring_ref_2 = 521, .mac = "00:16:3e:2e:ba:8f",
		.backend = "/local/domain/0/backend/vif/2/0" },
	.nr_devices = 1,
};

static const struct {
	const char *golden;
	const struct command *command;
	const char *arguments[4];
	const struct machine *machine;
} cases[] = {
	{ "list-two", &cmd_list, { NULL }, &one_blocked },
	{ "list-paused", &cmd_list, { NULL }, &one_paused },
	{ "list-c", &cmd_list, { "-c" }, &alone_c },
	{ "list-n", &cmd_list, { "-n" }, &alone_n },
	{ "list-Z", &cmd_list, { "-Z" }, &alone_z },
	{ "list-vcn", &cmd_list, { "-v", "-c", "-n" }, &alone_vcn },
	{ "list-long", &cmd_list, { "-l", "0" }, &with_weight },
	{ "claims", &cmd_claims, { NULL }, &alone },
	{ "vm-list", &cmd_vm_list, { NULL }, &alone },
	{ "uptime", &cmd_uptime, { NULL }, &alone },
	{ "vcpu-list", &cmd_vcpu_list, { NULL }, &alone },
	{ "info", &cmd_info, { NULL }, &alone },
	{ "info-n", &cmd_info, { "-n" }, &alone },
	{ "sched-credit2", &cmd_sched_credit2, { NULL }, &alone },
	{ "sched-credit2-s", &cmd_sched_credit2, { "-s" }, &alone },
	{ "sched-credit2-d", &cmd_sched_credit2, { "-d", "0" }, &alone },
	{ "cpupool-list", &cmd_cpupool_list, { NULL }, &two_pools },
	{ "cpupool-list-c", &cmd_cpupool_list, { "-c" }, &two_pools },
	{ "block-list", &cmd_block_list, { "d1" }, &with_disk },
	{ "block-list-none", &cmd_block_list, { "0" }, &alone },
	{ "network-list", &cmd_network_list, { "2" }, &with_nic },
	{ "network-list-none", &cmd_network_list, { "0" }, &alone },
};

static char *golden_text(const char *name)
{
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), GOLDEN "/%s.txt", name);
	return read_file(path, &len);
}

/* What a command prints to standard output, for free(). */
static char *printed(const struct command *c, const char *const *arguments)
{
	char *argv[6] = { (char *)c->name }, *text = calloc(1, 16384);
	int argc = 1, out = dup(STDOUT_FILENO);
	FILE *f = tmpfile();

	while (argc < 5 && arguments[argc - 1]) {
		argv[argc] = (char *)arguments[argc - 1];
		argc++;
	}
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	optind = 0;			/* the next command line */
	assert_int_equal(c->run(argc, argv), EXIT_OK);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(f);
	(void)!fread(text, 1, 16383, f);
	fclose(f);
	return text;
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *want = golden_text(cases[i].golden), *text;

		assert_non_null(want);
		machine = cases[i].machine;
		text = printed(cases[i].command, cases[i].arguments);
		if (strcmp(text, want))
			fail_msg("%s:\n%s\nis not\n%s", cases[i].golden, text,
				 want);
		free(text);
		free(want);
	}
}

/* A scheduler that no pool has: nothing, and no failure. */
static void test_other_scheduler(void **state)
{
	static const char *const none[4];
	char *text;

	(void)state;
	machine = &alone;
	text = printed(&cmd_sched_credit, none);
	assert_string_equal(text, "");
	free(text);
}

/* Days stand before the hours, from the first on. */
static void test_uptime(void **state)
{
	static const char *const none[4], *const brief[4] = { "-s" };
	static const struct {
		int64_t up;
		const char *row, *brief;
	} ages[] = {
		{ 3599, " 1  0:59:59\n", " 12:34:56 up  0:59, x (1)\n" },
		{ 86399, " 1 23:59:59\n", " 12:34:56 up 23:59, x (1)\n" },
		{ 86400, " 1 1 day,  0:00:00\n",
		  " 12:34:56 up 1 day,  0:00, x (1)\n" },
		{ 2 * 86400, " 1 2 days,  0:00:00\n",
		  " 12:34:56 up 2 days,  0:00, x (1)\n" },
		/* The clock was set back. */
		{ -5, " 1  0:00:00\n", " 12:34:56 up  0:00, x (1)\n" },
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		const struct machine m = {
			.domains = { GUEST(1, "x", 0, false) },
			.nr_domains = 1, .up = ages[i].up,
		};
		char *row, *line;

		machine = &m;
		row = printed(&cmd_uptime, none);
		line = printed(&cmd_uptime, brief);
		if (!strstr(row, ages[i].row) ||
		    strcmp(line, ages[i].brief))
			fail_msg("%lld seconds: %s%s", (long long)m.up, row,
				 line);
		free(row);
		free(line);
	}
}

/* Only the letters that xl knows, whatever a domain's state. */
static void test_states(void **state)
{
	static const char *const none[4];
	static const struct {
		struct vane_domain d;
		const char *shown;
	} states[] = {
		{ { .running = true }, " r----- " },
		{ { .blocked = true }, " -b---- " },
		{ { 0 }, " ------ " },
		{ { .paused = true }, " --p--- " },
		{ { .shutdown = true }, " ---s-- " },
		{ { .shutdown = true, .shutdown_reason = 1 }, " ---sr- " },
		{ { .shutdown = true, .shutdown_reason = 2 }, " ---ss- " },
		{ { .shutdown = true, .shutdown_reason = 3 }, " ---sc- " },
		{ { .shutdown = true, .shutdown_reason = 4 }, " ---sw- " },
		{ { .shutdown = true, .shutdown_reason = 5 }, " ---sS- " },
		{ { .dying = true, .paused = true }, " --p--d " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct machine m = { .nr_domains = 1 };
		char *text;

		m.domains[0] = states[i].d;
		m.domains[0].name = (char *)"x";
		machine = &m;
		text = printed(&cmd_list, none);
		if (!strstr(text, states[i].shown))
			fail_msg("'%s' not in %s", states[i].shown, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_other_scheduler),
		cmocka_unit_test(test_uptime),
		cmocka_unit_test(test_states),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

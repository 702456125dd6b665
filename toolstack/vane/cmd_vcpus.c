/*
 * vane uptime and vcpu-list: tables with a row for each domain or vCPU.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Runs @row for all domains or for those that the arguments name. */
static int each_row(struct vane *v, int argc, char **argv,
		    int (*row)(struct vane *v, const struct vane_domain *d))
{
	struct vane_domain *list;
	unsigned int n;
	int status = EXIT_OK;

	if (argc == 1) {
		if (vane_domains(v, &list, &n))
			return EXIT_FAILED;
		for (unsigned int i = 0; i < n; i++)
			status |= row(v, &list[i]);
		vane_domains_free(list, n);
		return status;
	}
	for (int i = 1; i < argc; i++) {
		uint32_t domid;

		if (vane_domain_find(v, argv[i], &domid) ||
		    vane_domain_get(v, domid, &list)) {
			status = EXIT_FAILED;
			continue;
		}
		status |= row(v, list);
		vane_domains_free(list, 1);
	}
	return status;
}

static int64_t host_uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

static int uptime_row(struct vane *v, const struct vane_domain *d)
{
	int64_t since, up = 0;
	char days[32] = "";

	if (!d->domid)
		up = host_uptime();
	else if (!vane_domain_started(v, d->domid, &since))
		up = time(NULL) - since;
	if (up < 0)
		up = 0;
	if (up >= 2 * 86400)
		snprintf(days, sizeof(days), "%lld days, ",
			 (long long)up / 86400);
	else if (up >= 86400)
		snprintf(days, sizeof(days), "1 day, ");
	printf("%-33s %4u %s%2d:%02d:%02d\n", d->name ? d->name : "(null)",
	       d->domid, days, (int)(up / 3600 % 24), (int)(up / 60 % 60),
	       (int)(up % 60));
	return EXIT_OK;
}

static int run_uptime(int argc, char **argv)
{
	struct vane *v;
	int status;

	if (argc > 1 && argv[1][0] == '-')
		return usage(&cmd_uptime);
	v = connect_or_exit();
	printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
	status = each_row(v, argc, argv, uptime_row);
	vane_close(v);
	return status;
}

const struct command cmd_uptime = {
	.name = "uptime", .arguments = "[DOMAIN...]",
	.summary = "Print for how long domains have been running.",
	.run = run_uptime,
};

/* CPUs of the host, for "all". */
static unsigned int host_cpus;

static bool bit(const uint8_t *map, unsigned int i)
{
	return map[i / 8] >> i % 8 & 1;
}

/* "all", "none" or "0,2-3", of the CPUs that the host has. */
static void print_map(const uint8_t *map)
{
	unsigned int set = 0, i = 0;
	const char *comma = "";

	for (unsigned int j = 0; j < host_cpus; j++)
		set += bit(map, j);
	if (set == host_cpus || !set) {
		fputs(set ? "all" : "none", stdout);
		return;
	}
	while (i < host_cpus) {
		unsigned int from = i;

		while (i < host_cpus && bit(map, i))
			i++;
		if (i == from) {
			i++;
			continue;
		}
		printf(i - from > 1 ? "%s%u-%u" : "%s%u", comma, from, i - 1);
		comma = ",";
	}
}

static int vcpu_rows(struct vane *v, const struct vane_domain *d)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		struct vane_vcpu c;

		if (vane_vcpu_get(v, d->domid, i, &c))
			continue;
		printf("%-32s %5u %5u ", d->name ? d->name : "(null)",
		       d->domid, i);
		if (c.online)
			printf("%5u %3c%c- ", c.cpu, c.running ? 'r' : '-',
			       c.blocked ? 'b' : '-');
		else
			printf("%5c %3c%cp ", '-', '-', '-');
		printf("%9.1f  ", c.cpu_ns / 1e9);
		print_map(c.hard);
		fputs(" / ", stdout);
		print_map(c.soft);
		putchar('\n');
	}
	return EXIT_OK;
}

static int run_vcpu_list(int argc, char **argv)
{
	struct vane_host host;
	struct vane *v;
	int status = EXIT_FAILED;

	if (argc > 1 && argv[1][0] == '-')
		return usage(&cmd_vcpu_list);
	v = connect_or_exit();
	if (!vane_host_info(v, &host)) {
		host_cpus = host.max_cpu_id + 1 < 1024 ?
			host.max_cpu_id + 1 : 1024;
		printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU",
		       "CPU", "State", "Time(s)", "Affinity (Hard / Soft)");
		status = each_row(v, argc, argv, vcpu_rows);
	}
	vane_close(v);
	return status;
}

const struct command cmd_vcpu_list = {
	.name = "vcpu-list", .arguments = "[DOMAIN...]",
	.summary = "List the vCPUs of domains.", .run = run_vcpu_list,
};

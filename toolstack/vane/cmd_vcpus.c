/*
 * vane uptime and vcpu-list: tables with a row for each domain or vCPU.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Runs @row for all domains or for those that the arguments name. With @g a
 * domain that is not there is an object in the list, with its error.
 */
static int each_row(struct vane *v, int argc, char **argv, yajl_gen g,
		    int (*row)(struct vane *v, const struct vane_domain *d,
			       yajl_gen g))
{
	struct vane_domain *list;
	unsigned int n;
	int status = EXIT_OK;

	if (!argc) {
		if (vane_domains(v, &list, &n))
			return EXIT_FAILED;
		for (unsigned int i = 0; i < n; i++)
			status |= row(v, &list[i], g);
		vane_domains_free(list, n);
		return status;
	}
	for (int i = 0; i < argc; i++) {
		uint32_t domid;
		int rc = vane_domain_find(v, argv[i], &domid);

		if (!rc)
			rc = vane_domain_get(v, domid, &list);
		if (rc) {
			status = EXIT_FAILED;
			if (g)
				json_error(g, rc, argv[i]);
			continue;
		}
		status |= row(v, list, g);
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

static int64_t uptime_of(struct vane *v, const struct vane_domain *d)
{
	int64_t since, up = 0;

	if (!d->domid)
		up = host_uptime();
	else if (!vane_domain_started(v, d->domid, &since))
		up = time(NULL) - since;
	return up > 0 ? up : 0;
}

static const char *days(int64_t up, char text[32])
{
	text[0] = '\0';
	if (up >= 2 * 86400)
		snprintf(text, 32, "%lld days, ", (long long)up / 86400);
	else if (up >= 86400)
		snprintf(text, 32, "1 day, ");
	return text;
}

static int uptime_row(struct vane *v, const struct vane_domain *d, yajl_gen g)
{
	int64_t up = uptime_of(v, d);
	char text[32];

	if (g) {
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_number(g, "uptime_s", up);
		yajl_gen_map_close(g);
		return EXIT_OK;
	}
	printf("%-33s %4u %s%2d:%02d:%02d\n", d->name ? d->name : "(null)",
	       d->domid, days(up, text), (int)(up / 3600 % 24),
	       (int)(up / 60 % 60), (int)(up % 60));
	return EXIT_OK;
}

/* One line a domain, with the time of day. */
static int short_row(struct vane *v, const struct vane_domain *d, yajl_gen g)
{
	int64_t up = uptime_of(v, d);
	time_t now = time(NULL);
	char clock[16], text[32];

	(void)g;
	strftime(clock, sizeof(clock), "%T", localtime(&now));
	printf(" %s up %s%2d:%02d, %s (%u)\n", clock, days(up, text),
	       (int)(up / 3600 % 24), (int)(up / 60 % 60),
	       d->name ? d->name : "(null)", d->domid);
	return EXIT_OK;
}

static int run_uptime(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "short", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	yajl_gen g = json_asked ? json_begin() : NULL;
	bool brief = false;
	struct vane *v;
	int status, opt;

	while ((opt = next_option(argc, argv, "s", longs)) >= 0) {
		if (opt != 's')
			return usage(&cmd_uptime);
		brief = true;
	}
	v = connect_or_exit();
	if (g)
		json_open(g, "domains");
	else if (!brief)
		printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
	status = each_row(v, argc - optind, argv + optind, g,
			  brief && !g ? short_row : uptime_row);
	if (g)
		json_close(g);
	vane_close(v);
	return status;
}

const struct command cmd_uptime = {
	.name = "uptime", .arguments = "[-s | --json] [DOMAIN...]",
	.summary = "Print for how long domains have been running.",
	.options = "    -s, --short  one line each, with the time of day\n",
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

static void json_map(yajl_gen g, const char *key, const uint8_t *map)
{
	json_key(g, key);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < host_cpus; i++)
		if (bit(map, i))
			yajl_gen_integer(g, i);
	yajl_gen_array_close(g);
}

static void json_vcpu(yajl_gen g, unsigned int vcpu, const struct vane_vcpu *c)
{
	yajl_gen_map_open(g);
	json_number(g, "vcpu", vcpu);
	json_bool(g, "online", c->online);
	json_bool(g, "running", c->running);
	json_bool(g, "blocked", c->blocked);
	json_number(g, "cpu", c->cpu);
	json_number(g, "cpu_ns", c->cpu_ns);
	json_map(g, "hard_affinity", c->hard);
	json_map(g, "soft_affinity", c->soft);
	yajl_gen_map_close(g);
}

static void print_vcpu(const struct vane_domain *d, unsigned int vcpu,
		       const struct vane_vcpu *c)
{
	printf("%-32s %5u %5u ", d->name ? d->name : "(null)", d->domid, vcpu);
	if (c->online)
		printf("%4u %3c%c- ", c->cpu, c->running ? 'r' : '-',
		       c->blocked ? 'b' : '-');
	else
		printf("%4c %3c%cp ", '-', '-', '-');
	printf("%9.1f  ", c->cpu_ns / 1e9);
	print_map(c->hard);
	fputs(" / ", stdout);
	print_map(c->soft);
	putchar('\n');
}

static int vcpu_rows(struct vane *v, const struct vane_domain *d, yajl_gen g)
{
	if (g) {
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_key(g, "vcpus");
		yajl_gen_array_open(g);
	}
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		struct vane_vcpu c;

		if (vane_vcpu_get(v, d->domid, i, &c))
			continue;
		if (g)
			json_vcpu(g, i, &c);
		else
			print_vcpu(d, i, &c);
	}
	if (g) {
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
	return EXIT_OK;
}

static int run_vcpu_list(int argc, char **argv)
{
	yajl_gen g = json_asked ? json_begin() : NULL;
	struct vane_host host;
	struct vane *v;
	int status = EXIT_FAILED;

	if (argc > 1 && argv[1][0] == '-')
		return usage(&cmd_vcpu_list);
	v = connect_or_exit();
	if (vane_host_info(v, &host))
		goto out;
	host_cpus = host.max_cpu_id + 1 < 1024 ? host.max_cpu_id + 1 : 1024;
	if (g)
		json_open(g, "domains");
	else
		printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU",
		       "CPU", "State", "Time(s)", "Affinity (Hard / Soft)");
	status = each_row(v, argc - 1, argv + 1, g, vcpu_rows);
	if (g)
		json_close(g);
out:
	vane_close(v);
	return status;
}

const struct command cmd_vcpu_list = {
	.name = "vcpu-list", .arguments = "[--json] [DOMAIN...]",
	.summary = "List the vCPUs of domains.", .run = run_vcpu_list,
};

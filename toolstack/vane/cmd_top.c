/*
 * vane top: who uses the CPUs, again and again. Each line's share is that of
 * the time since the last look; the first look has none.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct look {
	struct vane_domain *list;
	unsigned int count;
	int64_t at_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int take_look(struct vane *v, struct look *look)
{
	look->at_ns = now_ns();
	return vane_domains(v, &look->list, &look->count);
}

/* Percent of one CPU since @old; 0 for a domain that is new. */
static double share(const struct look *old, const struct look *now,
		    const struct vane_domain *d)
{
	for (unsigned int i = 0; old->list && i < old->count; i++)
		if (old->list[i].domid == d->domid &&
		    !memcmp(old->list[i].uuid, d->uuid, 16) &&
		    now->at_ns > old->at_ns)
			return 100.0 * (d->cpu_ns - old->list[i].cpu_ns) /
				(now->at_ns - old->at_ns);
	return 0;
}

static void print_host(const struct vane_host *h, unsigned int domains)
{
	char clock[16];
	time_t t = time(NULL);

	strftime(clock, sizeof(clock), "%T", localtime(&t));
	printf("vane top - %s   %u domains   memory: %lluk total, %lluk free"
	       "   CPUs: %u @ %uMHz\n", clock, domains,
	       (unsigned long long)h->total_kib,
	       (unsigned long long)h->free_kib, h->nr_cpus,
	       h->cpu_khz / 1000);
}

static void print_look(const struct look *old, const struct look *now,
		       const struct vane_host *h)
{
	print_host(h, now->count);
	printf("%-24s %5s %-6s %10s %6s %10s %6s %10s %5s\n", "NAME", "ID",
	       "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)",
	       "VCPUS");
	for (unsigned int i = 0; i < now->count; i++) {
		const struct vane_domain *d = &now->list[i];

		printf("%-24.24s %5u %c%c%c%c%c%c %10.0f %6.1f %10llu %6.1f "
		       "%10llu %5u\n", d->name ? d->name : "(null)", d->domid,
		       d->dying ? 'd' : '-', d->shutdown ? 's' : '-',
		       d->blocked ? 'b' : '-', d->shutdown &&
		       d->shutdown_reason == VANE_CRASH ? 'c' : '-',
		       d->paused ? 'p' : '-', d->running ? 'r' : '-',
		       d->cpu_ns / 1e9, share(old, now, d),
		       (unsigned long long)d->memory_kib,
		       h->total_kib ? 100.0 * d->memory_kib / h->total_kib : 0,
		       (unsigned long long)d->max_kib, d->online_vcpus);
	}
	fflush(stdout);
}

static void json_look(const struct look *old, const struct look *now)
{
	yajl_gen g = json_begin();

	json_open(g, "domains");
	for (unsigned int i = 0; i < now->count; i++) {
		const struct vane_domain *d = &now->list[i];

		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_number(g, "cpu_ns", d->cpu_ns);
		json_double(g, "cpu_percent", share(old, now, d));
		json_number(g, "memory_kib", d->memory_kib);
		json_number(g, "max_memory_kib", d->max_kib);
		json_number(g, "online_vcpus", d->online_vcpus);
		yajl_gen_map_close(g);
	}
	json_close(g);
	fflush(stdout);
}

static int watch(struct vane *v, unsigned int seconds, unsigned int times,
		 bool clear)
{
	struct look old = { 0 }, now;
	struct vane_host host;
	int rc = vane_host_info(v, &host);

	for (unsigned int i = 0; !rc && (!times || i < times); i++) {
		if (i) {
			sleep(seconds);
			rc = vane_host_memory(v, &host.total_kib,
					      &host.free_kib);
		}
		if (!rc)
			rc = take_look(v, &now);
		if (rc)
			break;
		if (clear)
			fputs("\033[H\033[J", stdout);
		if (json_asked)
			json_look(&old, &now);
		else
			print_look(&old, &now, &host);
		vane_domains_free(old.list, old.count);
		old = now;
	}
	vane_domains_free(old.list, old.count);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "iterations", required_argument, NULL, 'i' },
		{ "batch", no_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int seconds = 3, times = 0;
	bool batch = json_asked || !isatty(STDOUT_FILENO);
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "d:i:b", longs)) >= 0)
		if (opt == 'b')
			batch = true;
		else if (opt == '?' || read_number(opt == 'd' ? "delay" :
						   "iterations", optarg, 1,
						   1000000, opt == 'd' ?
						   &seconds : &times))
			return usage(&cmd_top);
	if (optind != argc)
		return usage(&cmd_top);
	v = connect_or_exit();
	rc = watch(v, seconds, times, !batch);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_top = {
	.name = "top", .arguments = "[-b | --json] [-d SECONDS] [-i TIMES]",
	.summary = "Show who uses the CPUs, again and again.",
	.options = "    -d, --delay N       seconds between two looks: 3\n"
		"    -i, --iterations N  look N times; without, until ^C\n"
		"    -b, --batch         one table below the other; --json: one\n"
		"                        object below the other\n",
	.run = run,
};

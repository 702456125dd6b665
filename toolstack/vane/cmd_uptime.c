/*
 * vane uptime: for how long domains have been running.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <time.h>

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

static int run(int argc, char **argv)
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
	.run = run,
};

/*
 * What vane shutdown and reboot have in common: they ask the guest.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>

struct asked {
	uint32_t *domids;
	unsigned int count;
};

static int ask(struct vane *v, struct asked *a, uint32_t domid, bool reboot)
{
	uint32_t *more = realloc(a->domids, (a->count + 1) * sizeof(*more));

	if (!more)
		return EXIT_FAILED;
	a->domids = more;
	fprintf(stderr, "%s domain %u\n", reboot ? "Rebooting" :
		"Shutting down", domid);
	if (vane_shutdown(v, domid, reboot))
		return EXIT_FAILED;
	a->domids[a->count++] = domid;
	return EXIT_OK;
}

static int ask_all(struct vane *v, struct asked *a, bool reboot)
{
	struct vane_domain *list;
	unsigned int n;
	int status = EXIT_OK;

	if (vane_domains(v, &list, &n))
		return EXIT_FAILED;
	for (unsigned int i = 0; i < n; i++)
		if (list[i].domid && !list[i].shutdown && !list[i].dying)
			status |= ask(v, a, list[i].domid, reboot);
	vane_domains_free(list, n);
	return status;
}

/* -w waits until they have shut down, -ww until they are gone. */
static int wait_all(struct vane *v, const struct asked *a, unsigned int waits)
{
	int status = EXIT_OK, reason;

	fprintf(stderr, "Waiting for %u domains\n", a->count);
	for (unsigned int i = 0; i < a->count; i++) {
		if (waits > 1 ? vane_wait_gone(v, a->domids[i], -1) :
		    vane_wait_shutdown(v, a->domids[i], -1, &reason))
			status = EXIT_FAILED;
		else
			fprintf(stderr, "Domain %u %s\n", a->domids[i],
				waits > 1 ? "is gone" :
				"has been shut down");
	}
	return status;
}

int ask_to_end(const struct command *c, int argc, char **argv, bool reboot)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "wait", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int waits = 0;
	bool all = false;
	struct asked a = { NULL, 0 };
	int status = EXIT_OK, opt;
	struct vane *v;

	while ((opt = next_option(argc, argv, "awF", longs)) >= 0)
		switch (opt) {
		case 'a':
			all = true;
			break;
		case 'w':
			waits++;
			break;
		case 'F':		/* of HVM domains alone */
			break;
		default:
			return usage(c);
		}
	if (all != (optind == argc))
		return usage(c);
	v = connect_or_exit();
	if (all)
		status = ask_all(v, &a, reboot);
	for (int i = optind; i < argc; i++) {
		uint32_t domid;

		status |= vane_domain_find(v, argv[i], &domid) ? EXIT_FAILED :
			ask(v, &a, domid, reboot);
	}
	if (waits)
		status |= wait_all(v, &a, waits);
	free(a.domids);
	vane_close(v);
	return status;
}

/*
 * vane list. The text has exactly xl's columns; the JSON is in list_json.c.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/list.h"

struct columns {
	bool uuid, label, pool, node;
	struct vane_pool *pools;
	unsigned int nr_pools;
};

static const char *pool_name(const struct columns *c, unsigned int id)
{
	for (unsigned int i = 0; i < c->nr_pools; i++)
		if (c->pools[i].id == id)
			return c->pools[i].name;
	return "-";
}

static void print_row(const struct vane_domain *d, const struct columns *c)
{
	char uuid[UUID_TEXT];

	list_print_basic(d);
	if (c->uuid) {
		uuid_format(d->uuid, uuid);
		printf(" %s ", uuid);
		if (d->shutdown)
			printf("%8x", d->shutdown_reason);
		else
			printf("%8s", "-");
	}
	if (c->uuid || c->label)
		printf(" %16s", "-");
	if (c->pool)
		printf("%16s", pool_name(c, d->pool));
	/* Domains are where the hypervisor finds room. */
	if (c->node)
		printf(" all");
	putchar('\n');
}

static void print_table(const struct vane_domain *list, unsigned int n,
			const struct columns *c)
{
	printf(LIST_HEADER "%s%s%s%s\n", c->uuid ? "   UUID                     "
	       "       Reason-Code\tSecurity Label" : "",
	       c->label && !c->uuid ? "   Security Label" : "",
	       c->pool ? "         Cpupool" : "",
	       c->node ? " NODE Affinity" : "");
	for (unsigned int i = 0; i < n; i++)
		print_row(&list[i], c);
}

/*
 * The domains that are asked for: all, or those named. One that cannot be
 * read ends the text, and stands as an error in the JSON.
 */
static int fetch_named(struct vane *v, int argc, char **argv,
		       struct vane_domain **list, unsigned int *n)
{
	*n = 0;
	*list = calloc(argc, sizeof(**list));
	for (int i = 0; *list && i < argc; i++) {
		struct vane_domain *one;
		uint32_t domid;
		int rc = vane_domain_find(v, argv[i], &domid);

		if (!rc)
			rc = vane_domain_get(v, domid, &one);
		if (rc && !json_asked) {
			vane_domains_free(*list, *n);
			return rc;
		}
		if (rc) {
			(*list)[*n].name = strdup(argv[i]);
			(*list)[(*n)++].error = rc;
			continue;
		}
		(*list)[(*n)++] = *one;
		free(one);
	}
	return *list ? 0 : complain(ENOMEM, "no memory for a list of %d "
				    "domains", argc);
}

static int fetch(struct vane *v, int argc, char **argv,
		 struct vane_domain **list, unsigned int *n)
{
	return argc ? fetch_named(v, argc, argv, list, n) :
		vane_domains(v, list, n);
}

static bool any_error(const struct vane_domain *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i].error)
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "long", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "context", no_argument, NULL, 'Z' },
		{ "cpupool", no_argument, NULL, 'c' },
		{ "numa", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	bool as_xl = false;
	struct columns c = { 0 };
	struct vane_domain *list;
	int opt, status = EXIT_OK;
	struct vane *v;
	unsigned int n;

	while ((opt = next_option(argc, argv, "lvZcn", longs)) >= 0)
		switch (opt) {
		case 'l':
			as_xl = true;
			break;
		case 'v':
			c.uuid = true;
			break;
		case 'Z':
			c.label = true;
			break;
		case 'c':
			c.pool = true;
			break;
		case 'n':
			c.node = true;
			break;
		default:
			return usage(&cmd_list);
		}
	v = connect_or_exit();
	if ((c.pool && vane_pools(v, &c.pools, &c.nr_pools)) ||
	    fetch(v, argc - optind, argv + optind, &list, &n)) {
		vane_close(v);
		return EXIT_FAILED;
	}
	if (json_asked)
		list_json(list, n);
	else if (as_xl)
		list_long(v, list, n);
	else
		print_table(list, n, &c);
	if (any_error(list, n))
		status = EXIT_FAILED;
	vane_domains_free(list, n);
	free(c.pools);
	vane_close(v);
	return status;
}

const struct command cmd_list = {
	.name = "list",
	.arguments = "[-l | -v | -c | -n | -Z | --json] [DOMAIN...]",
	.summary = "List the domains.",
	.options = "    -l, --long     configurations, as the JSON of xl\n"
		"    -v, --verbose  UUID and shutdown reason, too\n"
		"    -c, --cpupool  the CPU pool, too\n"
		"    -n, --numa     the nodes, too\n"
		"    -Z, --context  the security label, too: there is none\n"
		"    --json         everything, as the JSON of vane\n",
	.run = run,
};

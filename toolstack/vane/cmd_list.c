/*
 * vane list, claims and vm-list: what domains there are. The text has exactly
 * xl's columns; the JSON is in list_json.c.
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

static char reason_letter(const struct vane_domain *d)
{
	static const char letters[] = "-rscwS";

	if (!d->shutdown)
		return '-';
	return d->shutdown_reason < sizeof(letters) - 1 ?
		letters[d->shutdown_reason] : '?';
}

static void print_basic(const struct vane_domain *d)
{
	printf("%-40s %5u %5llu %5u     %c%c%c%c%c%c  %8.1f",
	       d->name ? d->name : "(null)", d->domid,
	       (unsigned long long)d->memory_kib >> 10, d->online_vcpus,
	       d->running ? 'r' : '-', d->blocked ? 'b' : '-',
	       d->paused ? 'p' : '-', d->shutdown ? 's' : '-',
	       reason_letter(d), d->dying ? 'd' : '-', d->cpu_ns / 1e9);
}

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

	print_basic(d);
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

#define HEADER "Name                                        ID   Mem VCPUs" \
	"\tState\tTime(s)"

static void print_table(const struct vane_domain *list, unsigned int n,
			const struct columns *c)
{
	printf(HEADER "%s%s%s%s\n", c->uuid ? "   UUID                     "
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

static int run_list(int argc, char **argv)
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
	.run = run_list,
};

/* A table of all domains, in other columns than list's. */
static int run_table(const struct command *c, int argc, const char *header,
		     void (*row)(const struct vane_domain *d))
{
	struct vane_domain *list;
	struct vane *v;
	unsigned int n;

	if (argc != 1)
		return usage(c);
	v = connect_or_exit();
	if (vane_domains(v, &list, &n)) {
		vane_close(v);
		return EXIT_FAILED;
	}
	if (json_asked)
		list_json(list, n);
	else
		puts(header);
	for (unsigned int i = 0; !json_asked && i < n; i++)
		row(&list[i]);
	vane_domains_free(list, n);
	vane_close(v);
	return EXIT_OK;
}

static void claims_row(const struct vane_domain *d)
{
	print_basic(d);
	printf(" %5llu\n", (unsigned long long)d->claimed_kib >> 10);
}

static int run_claims(int argc, char **argv)
{
	(void)argv;
	return run_table(&cmd_claims, argc, HEADER "  Claimed", claims_row);
}

const struct command cmd_claims = {
	.name = "claims", .arguments = "[--json]",
	.summary = "List the domains with the memory that they have claimed.",
	.run = run_claims,
};

static void vm_row(const struct vane_domain *d)
{
	char uuid[UUID_TEXT];

	uuid_format(d->uuid, uuid);
	printf("%s  %u    %-30s\n", uuid, d->domid,
	       d->name ? d->name : "(null)");
}

static int run_vm_list(int argc, char **argv)
{
	(void)argv;
	return run_table(&cmd_vm_list, argc,
			 "UUID                                  ID    name",
			 vm_row);
}

const struct command cmd_vm_list = {
	.name = "vm-list", .arguments = "[--json]",
	.summary = "List UUIDs, ids and names of the domains.",
	.run = run_vm_list,
};

/*
 * See list.h.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

#include "toolstack/vane/list.h"

static char reason_letter(const struct vane_domain *d)
{
	static const char letters[] = "-rscwS";

	if (!d->shutdown)
		return '-';
	return d->shutdown_reason < sizeof(letters) - 1 ?
		letters[d->shutdown_reason] : '?';
}

void list_print_basic(const struct vane_domain *d)
{
	printf("%-40s %5u %5llu %5u     %c%c%c%c%c%c  %8.1f",
	       d->name ? d->name : "(null)", d->domid,
	       (unsigned long long)d->memory_kib >> 10, d->online_vcpus,
	       d->running ? 'r' : '-', d->blocked ? 'b' : '-',
	       d->paused ? 'p' : '-', d->shutdown ? 's' : '-',
	       reason_letter(d), d->dying ? 'd' : '-', d->cpu_ns / 1e9);
}

int list_table(const struct command *c, int argc, const char *header,
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

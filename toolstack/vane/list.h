/* What list, claims and vm-list share: what domains there are. */
#ifndef TOOLSTACK_VANE_LIST_H
#define TOOLSTACK_VANE_LIST_H

#include "toolstack/vane/vane.h"

/* The columns that list and claims have in common, and xl: no line's end. */
#define LIST_HEADER "Name                                        ID   Mem VCPUs" \
	"\tState\tTime(s)"
void list_print_basic(const struct vane_domain *d);

/*
 * A command without arguments that prints all domains, with --json as list
 * does. Returns an exit status.
 */
int list_table(const struct command *c, int argc, const char *header,
	       void (*row)(const struct vane_domain *d));

/* list_json.c: the project's own form, and xl's. */
void list_json(const struct vane_domain *list, unsigned int n);
void list_long(struct vane *v, const struct vane_domain *list, unsigned int n);

#endif

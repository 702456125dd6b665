/* What the files of `vane list` share. */
#ifndef TOOLSTACK_VANE_LIST_H
#define TOOLSTACK_VANE_LIST_H

#include "toolstack/libvane.h"

/* list_json.c: the project's own form, and xl's. */
void list_json(const struct vane_domain *list, unsigned int n);
void list_long(struct vane *v, const struct vane_domain *list, unsigned int n);

#endif

/* Permission lists: see perms.h. */
#include "xenstore/daemon/perms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/number.h"

static const char letters[] = "nrwb";	/* by PERM_READ | PERM_WRITE */

struct perms *perms_new(unsigned int count)
{
	struct perms *p;

	p = mem_zalloc(sizeof(*p) + count * sizeof(p->entry[0]));
	p->refs = 1;
	p->count = count;
	return p;
}

struct perms *perms_get(struct perms *p)
{
	if (p)
		p->refs++;
	return p;
}

void perms_put(struct perms *p)
{
	if (p && --p->refs == 0)
		free(p);
}

struct perms *perms_with_owner(const struct perms *p, uint32_t domid,
			       uint64_t incarnation)
{
	struct perms *own = perms_new(p->count);

	memcpy(own->entry, p->entry, p->count * sizeof(p->entry[0]));
	own->entry[0].domid = (uint16_t)domid;
	own->entry[0].incarnation = incarnation;
	return own;
}

static bool names(const struct perm *p, const struct caller *who)
{
	if (!p->incarnation)
		return false;
	if (p->domid == who->domid && p->incarnation == who->incarnation)
		return true;
	return who->has_target && p->domid == who->target &&
	       p->incarnation == who->target_incarnation;
}

unsigned int perms_of(const struct perms *p, const struct caller *who)
{
	if (who->privileged || names(&p->entry[0], who))
		return PERM_READ | PERM_WRITE | PERM_OWNER;
	for (unsigned int i = 1; i < p->count; i++) {
		if (names(&p->entry[i], who))
			return p->entry[i].access;
	}
	return p->entry[0].access;
}

int perm_parse(const char *text, struct perm *out)
{
	const char *letter;
	uint64_t domid;

	letter = *text ? strchr(letters, *text) : NULL;
	if (!letter || number_parse(text + 1, UINT16_MAX, &domid))
		return -EINVAL;
	out->domid = (uint16_t)domid;
	out->access = (uint8_t)(letter - letters);
	out->incarnation = 0;
	return 0;
}

size_t perm_format(const struct perm *p, char text[PERM_TEXT_MAX])
{
	return (size_t)snprintf(text, PERM_TEXT_MAX, "%c%u",
				letters[p->access & 3], p->domid);
}

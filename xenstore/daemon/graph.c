/* Trees as bytes: see graph.h. */
#include "xenstore/daemon/graph.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/perms.h"
#include "xenstore/daemon/tree.h"

/* In the place of an object; anything above is its number plus OLD. */
enum tag { NONE, ALONE, SHARED, OLD };

struct numbered {
	const void *object;	/* NULL: a free slot */
	uint32_t number;
};

struct saved_node {
	uint64_t seq, gen, child_gen;
	uint32_t value_len, children_count, children_len;
	uint32_t name_len;
};

/* --- writing -------------------------------------------------------------- */

void saver_init(struct saver *s, save_room *get_room, void *arg)
{
	*s = (struct saver){ .get_room = get_room, .arg = arg };
}

void saver_free(struct saver *s)
{
	free(s->slot);
}

void save_bytes(struct saver *s, const void *data, size_t len)
{
	void *to;

	if (s->failed || !len)
		return;
	to = s->get_room(s->arg, len);
	if (to)
		memcpy(to, data, len);
	else
		s->failed = true;
}

void save_u32(struct saver *s, uint32_t n)
{
	save_bytes(s, &n, sizeof(n));
}

void save_u64(struct saver *s, uint64_t n)
{
	save_bytes(s, &n, sizeof(n));
}

void save_text(struct saver *s, const char *text)
{
	save_u32(s, (uint32_t)strlen(text));
	save_bytes(s, text, strlen(text) + 1);
}

static struct numbered *slot_of(const struct saver *s, const void *object)
{
	size_t i = ((uintptr_t)object * 0x9e3779b97f4a7c15u) >> 20;

	for (;; i++) {
		struct numbered *n = &s->slot[i & (s->slots - 1)];

		if (!n->object || n->object == object)
			return n;
	}
}

static void grow(struct saver *s)
{
	struct saver old = *s;

	s->slots = old.slots ? 2 * old.slots : 256;
	s->slot = mem_zalloc(s->slots * sizeof(*s->slot));
	for (size_t i = 0; i < old.slots; i++) {
		if (old.slot[i].object)
			*slot_of(s, old.slot[i].object) = old.slot[i];
	}
	free(old.slot);
}

/* Write the tag; true if the object itself is to follow. */
static bool save_tag(struct saver *s, const void *object, uint32_t refs)
{
	struct numbered *n;

	if (!object || refs == 1) {
		save_u32(s, object ? ALONE : NONE);
		return object;
	}
	if (2 * s->count >= s->slots)
		grow(s);
	n = slot_of(s, object);
	save_u32(s, n->object ? OLD + n->number : SHARED);
	if (n->object)
		return false;
	*n = (struct numbered){ object, (uint32_t)s->count++ };
	return true;
}

void save_perms(struct saver *s, struct perms *p)
{
	if (!save_tag(s, p, p ? p->refs : 0))
		return;
	save_u32(s, p->count);
	for (unsigned int i = 0; i < p->count; i++) {
		const struct perm *e = &p->entry[i];

		save_u32(s, (uint32_t)e->domid << 16 | e->access);
		save_u64(s, e->incarnation);
	}
}

static void save_dir(struct saver *s, struct dir *d, unsigned int shift)
{
	unsigned int count;

	if (!save_tag(s, d, d ? d->refs : 0))
		return;
	count = dir_slots(d, shift);
	save_u32(s, (uint32_t)d->deeper << 16 | d->has);
	for (unsigned int i = 0; i < count; i++) {
		if (dir_is_deeper(d, i))
			save_dir(s, d->slot[i], shift + DIR_BITS);
		else
			save_node(s, d->slot[i]);
	}
}

void save_node(struct saver *s, struct node *n)
{
	struct saved_node out;

	if (!save_tag(s, n, n->refs))
		return;
	out = (struct saved_node){
		.seq = n->seq, .gen = n->gen, .child_gen = n->child_gen,
		.value_len = n->value_len,
		.children_count = n->children_count,
		.children_len = n->children_len, .name_len = n->name_len,
	};
	save_bytes(s, &out, sizeof(out));
	save_bytes(s, n->data, n->name_len + 1u + n->value_len);
	save_perms(s, n->perms);
	save_dir(s, n->children, 0);
}

/* --- reading -------------------------------------------------------------- */

void loader_init(struct loader *l, const void *data, size_t len)
{
	*l = (struct loader){ .at = data, .end = (const char *)data + len };
}

void loader_free(struct loader *l)
{
	free(l->object);
}

const void *load_bytes(struct loader *l, size_t len)
{
	static const char zero[64];
	const char *at = l->at;

	if (l->failed || (size_t)(l->end - at) < len) {
		l->failed = true;
		return zero;
	}
	l->at += len;
	return at;
}

uint32_t load_u32(struct loader *l)
{
	uint32_t n;

	memcpy(&n, load_bytes(l, sizeof(n)), sizeof(n));
	return n;
}

uint64_t load_u64(struct loader *l)
{
	uint64_t n;

	memcpy(&n, load_bytes(l, sizeof(n)), sizeof(n));
	return n;
}

const char *load_text(struct loader *l)
{
	size_t len = load_u32(l);
	const char *text = load_bytes(l, len + 1);

	if (!l->failed && text[len])
		l->failed = true;
	return l->failed ? "" : text;
}

/*
 * Read a tag.  True: the object follows, and *number says where it is to be
 * noted (SIZE_MAX: nowhere).  False: *old is the object, or NULL.
 */
static bool load_tag(struct loader *l, size_t *number, void **old)
{
	uint32_t tag = load_u32(l);

	*old = NULL;
	*number = SIZE_MAX;
	if (tag == ALONE)
		return true;
	if (tag == SHARED) {
		if (l->count == l->room) {
			l->room = l->room ? 2 * l->room : 256;
			l->object = mem_resize(l->object, l->room *
					       sizeof(*l->object));
		}
		*number = l->count++;
		return true;
	}
	if (tag >= OLD && tag - OLD < l->count)
		*old = l->object[tag - OLD];
	else if (tag != NONE)
		l->failed = true;
	return false;
}

static void note(struct loader *l, size_t number, void *object)
{
	if (number != SIZE_MAX)
		l->object[number] = object;
}

struct perms *load_perms(struct loader *l)
{
	struct perms *p;
	size_t number;
	uint32_t count;
	void *old;

	if (!load_tag(l, &number, &old))
		return old ? perms_get(old) : NULL;
	count = load_u32(l);
	if (count > (size_t)(l->end - l->at)) {
		l->failed = true;
		count = 0;
	}
	p = perms_new(count);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t who = load_u32(l);

		p->entry[i] = (struct perm){
			.domid = (uint16_t)(who >> 16), .access = who & 0xff,
			.incarnation = load_u64(l),
		};
	}
	note(l, number, p);
	return p;
}

static struct dir *load_dir(struct loader *l, unsigned int shift)
{
	struct dir head = { .refs = 1 }, *d;
	unsigned int count;
	uint32_t slots;
	size_t number;
	void *old;

	if (!load_tag(l, &number, &old))
		return dir_get(old);
	slots = load_u32(l);
	head.has = slots & 0xffff;
	head.deeper = (uint16_t)(slots >> 16);
	count = dir_slots(&head, shift);
	/* Each slot takes a tag at least, and a bucket holds no maps. */
	if ((head.deeper && shift == DIR_BUCKET) ||
	    (size_t)(l->end - l->at) < count * sizeof(uint32_t))
		l->failed = true;
	if (l->failed)
		return NULL;
	d = mem_zalloc(sizeof(*d) + count * sizeof(void *));
	*d = head;
	note(l, number, d);
	for (unsigned int i = 0; i < count; i++) {
		if (dir_is_deeper(d, i))
			d->slot[i] = load_dir(l, shift + DIR_BITS);
		else
			d->slot[i] = load_node(l);
	}
	return d;
}

struct node *load_node(struct loader *l)
{
	struct saved_node in;
	const char *text;
	struct node *n;
	size_t number;
	void *old;

	if (!load_tag(l, &number, &old))
		return old ? node_get(old) : NULL;
	memcpy(&in, load_bytes(l, sizeof(in)), sizeof(in));
	text = load_bytes(l, in.name_len + 1ul + in.value_len);
	if (l->failed)
		in.name_len = in.value_len = 0;
	n = node_new(text, in.name_len, NULL, text + in.name_len + 1,
		     in.value_len, 0);
	n->seq = in.seq;
	n->gen = in.gen;
	n->child_gen = in.child_gen;
	n->children_count = in.children_count;
	n->children_len = in.children_len;
	note(l, number, n);
	n->perms = load_perms(l);
	n->children = load_dir(l, 0);
	return n;
}

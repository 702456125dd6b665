/*
 * The tree: a map of children agrees with a plain array after any sequence of
 * changes, and a snapshot never changes, whatever is done to the tree that it
 * was taken from.
 */
#include "xenstore/test/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/pathset.h"
#include "xenstore/daemon/tree.h"

#define NAMES 200

static struct perms *list;

static int setup(void **state)
{
	(void)state;
	list = perms_new(1);
	list->entry[0].incarnation = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(list->refs, 1);
	perms_put(list);
	return 0;
}

static struct node *new_root(void)
{
	return node_new("", 0, list, NULL, 0, 1);
}

static void put(struct node **root, const char *path, const char *value,
		uint64_t gen)
{
	size_t used;

	(void)tree_nearest(*root, path, &used);
	if (path[used])
		tree_create(root, path, used, list, value, strlen(value), gen);
	else
		tree_set_value(root, path, value, strlen(value), gen);
}

static void assert_value(struct node *root, const char *path,
			 const char *value)
{
	struct node *n = tree_find(root, path);

	if (!value) {
		assert_null(n);
		return;
	}
	assert_non_null(n);
	assert_int_equal(n->value_len, strlen(value));
	assert_memory_equal(node_value(n), value, strlen(value));
}

static void create_finds_nearest(void **state)
{
	struct node *root = new_root();
	size_t used;

	(void)state;
	put(&root, "/a/b/c", "v", 2);
	assert_value(root, "/a/b/c", "v");
	assert_value(root, "/a/b", "");
	assert_value(root, "/a/x", NULL);
	assert_ptr_equal(tree_nearest(root, "/", &used), root);
	assert_int_equal(used, 1);
	assert_ptr_equal(tree_nearest(root, "/x/y", &used), root);
	assert_int_equal(used, 0);
	assert_string_equal(node_name(tree_nearest(root, "/a/b/x/y", &used)),
			    "b");
	assert_int_equal(used, 4);
	node_put(root);
}

static void snapshot_stays(void **state)
{
	struct node *root = new_root(), *old, *older;

	(void)state;
	put(&root, "/a/b", "1", 2);
	put(&root, "/a/c", "1", 3);
	older = node_get(root);
	put(&root, "/a/b", "22", 4);
	old = node_get(root);
	tree_remove(&root, "/a/b", 5);
	put(&root, "/a/d", "3", 6);
	tree_set_perms(&root, "/a/c", list, 7);
	assert_value(older, "/a/b", "1");
	assert_value(older, "/a/d", NULL);
	assert_int_equal(tree_find(older, "/a")->children_count, 2);
	assert_value(old, "/a/b", "22");
	assert_int_equal(tree_find(old, "/a/c")->gen, 3);
	assert_value(root, "/a/b", NULL);
	assert_value(root, "/a/d", "3");
	/* What no change touched is the same memory in all of them. */
	put(&root, "/z", "", 8);
	assert_ptr_equal(tree_find(old, "/a/c"), tree_find(older, "/a/c"));
	node_put(older);
	node_put(old);
	assert_value(root, "/a/d", "3");
	node_put(root);
}

static void generations_say_what_changed(void **state)
{
	struct node *root = new_root();

	(void)state;
	put(&root, "/a/b", "1", 2);
	put(&root, "/a/c", "1", 3);
	assert_int_equal(tree_find(root, "/a")->gen, 2);
	assert_int_equal(tree_find(root, "/a")->child_gen, 3);
	put(&root, "/a/b", "2", 4);
	assert_int_equal(tree_find(root, "/a")->child_gen, 3);
	assert_int_equal(tree_find(root, "/a/b")->gen, 4);
	tree_remove(&root, "/a/b", 5);
	assert_int_equal(tree_find(root, "/a")->gen, 2);
	assert_int_equal(tree_find(root, "/a")->child_gen, 5);
	node_put(root);
}

/* A plain model: which names exist, with which value, in which order. */
struct model {
	unsigned int value[NAMES];	/* 0: does not exist */
	uint64_t born[NAMES];
};

static void name_of(unsigned int i, char *path)
{
	sprintf(path, "/d/n%u", i);
}

static void compare(struct node *root, const struct model *m)
{
	struct node *d = tree_find(root, "/d"), *child[NAMES];
	unsigned int count = 0;
	size_t listed;
	char path[32], value[16];

	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i, path);
		sprintf(value, "%u", m->value[i]);
		assert_value(root, path, m->value[i] ? value : NULL);
		count += m->value[i] != 0;
	}
	assert_int_equal(d->children_count, count);
	listed = dir_list(d->children, child);
	assert_int_equal(listed, count);
	for (size_t i = 1; i < listed; i++) {
		unsigned int before = (unsigned int)atoi(
					node_name(child[i - 1]) + 1);
		unsigned int after = (unsigned int)atoi(
					node_name(child[i]) + 1);

		assert_true(m->born[before] < m->born[after]);
	}
}

static void random_changes(void **state)
{
	struct node *root = new_root(), *snapshot = NULL;
	struct model m = { 0 }, then = { 0 };
	uint64_t gen = 10;
	char path[32], value[16];

	(void)state;
	srandom(4711);
	put(&root, "/d", "", 2);
	for (unsigned int step = 1; step < 20000; step++) {
		unsigned int i = (unsigned int)random() % NAMES;

		name_of(i, path);
		if (random() % 3) {
			sprintf(value, "%u", step);
			put(&root, path, value, ++gen);
			if (!m.value[i])
				m.born[i] = gen;
			m.value[i] = step;
		} else if (m.value[i]) {
			tree_remove(&root, path, ++gen);
			m.value[i] = 0;
		}
		if (step % 500 == 0) {
			compare(root, &m);
			if (snapshot)
				compare(snapshot, &then);
			node_put(snapshot);
			snapshot = node_get(root);
			then = m;
		}
	}
	node_put(root);
	compare(snapshot, &then);
	node_put(snapshot);
}

static void deep_branch(void **state)
{
	char path[PATH_ROOM] = "";
	struct node *root = new_root();

	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		memcpy(path + 2 * i, "/d", 3);
	put(&root, path, "deep", 2);
	assert_value(root, path, "deep");
	tree_remove(&root, "/d/d", 3);
	assert_value(root, path, NULL);
	node_put(root);
}

static void pathset_keeps_order(void **state)
{
	struct pathset set = { 0 };
	char path[32];

	(void)state;
	assert_null(pathset_find(&set, "/d/n1"));
	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i * 7 % NAMES, path);
		pathset_add(&set, path)->flags |= 1;
		pathset_add(&set, path)->flags |= 2;
	}
	assert_int_equal(set.count, NAMES);
	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i * 7 % NAMES, path);
		assert_string_equal(set.entry[i].path, path);
		assert_int_equal(pathset_find(&set, path)->flags, 3);
	}
	assert_null(pathset_find(&set, "/d/n1000"));
	pathset_free(&set);
}

struct name_case {
	const char *name;
	size_t max;
	const char *path;	/* NULL: refused */
};

static void names(void **state)
{
	static const struct name_case cases[] = {
		{ "/", 10, "/" },
		{ "", 10, NULL },
		{ "a", 10, "/local/domain/7/a" },
		{ "/a/b", 4, "/a/b" },
		{ "/a/b", 3, NULL },
		{ "/a//b", 10, NULL },
		{ "/a/", 10, NULL },
		{ "//", 10, NULL },
		{ "a/", 10, NULL },
		{ "@x", 10, NULL },
		{ "/@x", 10, "/@x" },
		{ "/a\tb", 10, NULL },
		{ "/a\xc3\xa9", 10, NULL },
		{ "/local/domain/12/abc", 3, "/local/domain/12/abc" },
		{ "/local/domain/12/abcd", 3, NULL },
		{ "/local/domain/x/a", 3, NULL },
		{ "/local/domain/123456/a", 3, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct name_case *c = &cases[i];
		char path[PATH_ROOM];
		int rc = path_resolve(c->name, 7, c->max, path);

		if (rc != (c->path ? 0 : -EINVAL))
			fail_msg("\"%s\": %d", c->name, rc);
		if (c->path)
			assert_string_equal(path, c->path);
	}
}

/* Do two maps have the same slots, all the way down? */
static bool same_shape(const struct dir *a, const struct dir *b,
		       unsigned int shift)
{
	if (!a || !b)
		return a == b;
	if (a->has != b->has || a->deeper != b->deeper)
		return false;
	for (unsigned int i = 0; i < dir_slots(a, shift); i++) {
		const struct node *x = a->slot[i], *y = b->slot[i];

		if (dir_is_deeper(a, i) ?
		    !same_shape(a->slot[i], b->slot[i], shift + DIR_BITS) :
		    strcmp(node_name(x), node_name(y)) != 0)
			return false;
	}
	return true;
}

/* A map is the same whatever came and went before. */
static void shape_is_content(void **state)
{
	struct node *one = new_root(), *other = new_root();
	char path[32];

	(void)state;
	put(&one, "/d", "", 2);
	put(&other, "/d", "", 2);
	for (unsigned int i = 0; i < NAMES; i++) {
		name_of(i, path);
		put(&one, path, "", 3);
		name_of(NAMES - 1 - i, path);
		put(&other, path, "", 3);
	}
	for (unsigned int i = 0; i < NAMES; i += 1 + i % 3) {
		name_of(i, path);
		tree_remove(&one, path, 4);
		tree_remove(&other, path, 4);
		name_of(i + NAMES, path);
		put(&one, path, "", 5);
		tree_remove(&one, path, 6);
	}
	assert_true(same_shape(tree_find(one, "/d")->children,
			       tree_find(other, "/d")->children, 0));
	node_put(one);
	node_put(other);
}

/* The same with a hash that tells nothing apart. */
static void all_collide(void **state)
{
	uint64_t factor = hash_factor;

	hash_factor = 0;
	random_changes(state);
	shape_is_content(state);
	hash_factor = factor;
}

/* The parent that a look-up leaves behind, and whatever makes it stale. */
static void siblings_are_found_anew(void **state)
{
	struct node *root = new_root(), *before, *other = new_root();
	size_t used;

	(void)state;
	put(&root, "/a/b/c", "1", 2);
	put(&root, "/a/b/d", "2", 3);
	put(&root, "/x", "3", 4);
	put(&other, "/a/b/c", "other", 5);
	assert_value(root, "/a/b/c", "1");
	assert_value(root, "/a/b/d", "2");
	assert_value(other, "/a/b/c", "other");
	assert_value(other, "/a/b/d", NULL);
	assert_value(root, "/a/b/d", "2");
	assert_value(root, "/a/bb", NULL);
	assert_value(root, "/a/b", "");
	assert_value(root, "/a/b/d/e", NULL);
	(void)tree_nearest(root, "/a/b/c", &used);
	assert_ptr_equal(tree_nearest(root, "/a/b/e", &used),
			 tree_find(root, "/a/b"));
	assert_int_equal(used, strlen("/a/b"));
	(void)tree_find(root, "/x");
	assert_ptr_equal(tree_nearest(root, "/", &used), root);
	assert_int_equal(used, 1);
	/* The root is its tree's own again, and what is below it shared. */
	before = node_get(root);
	put(&root, "/x", "4", 6);
	(void)tree_find(root, "/a/b/c");
	put(&root, "/a/b/c", "new", 7);
	assert_value(root, "/a/b/c", "new");
	assert_value(before, "/a/b/c", "1");
	node_put(before);
	assert_value(root, "/a/b/c", "new");
	tree_remove(&root, "/a/b", 8);
	assert_value(root, "/a/b/c", NULL);
	assert_value(root, "/a/b", NULL);
	(void)tree_find(other, "/a/b/c");
	node_put(other);
	node_put(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_finds_nearest),
		cmocka_unit_test(siblings_are_found_anew),
		cmocka_unit_test(snapshot_stays),
		cmocka_unit_test(generations_say_what_changed),
		cmocka_unit_test(random_changes),
		cmocka_unit_test(shape_is_content),
		cmocka_unit_test(all_collide),
		cmocka_unit_test(deep_branch),
		cmocka_unit_test(pathset_keeps_order),
		cmocka_unit_test(names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}

/*
 * vane store: look into the store, and change it.  It wants no hypervisor: a
 * domain can use it too, with XENSTORED_PATH=/dev/xen/xenbus.  Values are
 * printed as they are by `read`, and with \xNN for what cannot be shown
 * elsewhere; with --json always so.
 */
#include "toolstack/vane/vane.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/vane/store.h"

#define PATH_ROOM	3100
#define PERMS_MAX	64

int store_failed(const char *path, int rc)
{
	return complain(-rc, "store: %s: %s", path, strerror(-rc));
}

/* A value that can be printed anywhere; free() it. */
static char *shown(const char *value, size_t len)
{
	char *text = malloc(4 * len + 1), *end = text;

	if (!text)
		abort();
	for (size_t i = 0; i < len; i++)
		if (isprint((unsigned char)value[i]) && value[i] != '\\')
			*end++ = value[i];
		else
			end += sprintf(end, "\\x%02x",
				       (unsigned char)value[i]);
	*end = '\0';
	return text;
}

/* --- ls ------------------------------------------------------------------- */

static int each_child(struct store *s, char *path, unsigned int depth,
		      yajl_gen g);

/* One node, whose path is complete; what is gone meanwhile is empty. */
static void print_node(struct store *s, char *path, const char *name,
		       unsigned int depth, yajl_gen g)
{
	char *value, *text = NULL;
	size_t len;

	if (!store_read(s, STORE_NO_TX, path, &value, &len)) {
		text = shown(value, len);
		free(value);
	}
	if (g) {
		yajl_gen_map_open(g);
		json_text(g, "name", name);
		json_text(g, "value", text);
		json_key(g, "children");
		yajl_gen_array_open(g);
	} else {
		printf("%*s%s = \"%s\"\n", (int)depth, "", name,
		       text ? text : "");
	}
	free(text);
	(void)each_child(s, path, depth + 1, g);
	if (g) {
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
}

/* What lies below `path`, which has room to grow and is as before then. */
static int each_child(struct store *s, char *path, unsigned int depth,
		      yajl_gen g)
{
	size_t end = strlen(path);
	unsigned int count;
	char **names;
	int rc = store_directory(s, STORE_NO_TX, path, &names, &count);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < count; i++) {
		if (end + strlen(names[i]) + 2 > PATH_ROOM)
			continue;
		sprintf(path + end, "%s%s", path[end - 1] == '/' ? "" : "/",
			names[i]);
		print_node(s, path, names[i], depth, g);
		path[end] = '\0';
	}
	free(names);
	return 0;
}

static int do_ls(struct store *s, int argc, char **argv, yajl_gen g)
{
	char path[PATH_ROOM];
	int rc;

	snprintf(path, sizeof(path), "%s", argc ? argv[0] : "/");
	if (g) {
		json_text(g, "path", path);
		json_key(g, "children");
		yajl_gen_array_open(g);
	}
	rc = each_child(s, path, 0, g);
	if (g)
		yajl_gen_array_close(g);
	return rc ? store_failed(path, rc) : EXIT_OK;
}

/* --- single nodes --------------------------------------------------------- */

/* In the place of a value. */
static void json_node_error(yajl_gen g, const char *path, int rc)
{
	json_key(g, path);
	yajl_gen_map_open(g);
	json_failure(g, -rc, strerror(-rc));
	yajl_gen_map_close(g);
}

static int do_read(struct store *s, int argc, char **argv, yajl_gen g)
{
	int status = EXIT_OK;

	if (g) {
		json_key(g, "values");
		yajl_gen_map_open(g);
	}
	for (int i = 0; i < argc; i++) {
		char *value, *text;
		size_t len;
		int rc = store_read(s, STORE_NO_TX, argv[i], &value, &len);

		if (rc) {
			status = store_failed(argv[i], rc);
			if (g)
				json_node_error(g, argv[i], rc);
			continue;
		}
		if (g) {
			text = shown(value, len);
			json_text(g, argv[i], text);
			free(text);
		} else {
			fwrite(value, 1, len, stdout);
			putchar('\n');
		}
		free(value);
	}
	if (g)
		yajl_gen_map_close(g);
	return status;
}

static int do_write(struct store *s, int argc, char **argv, yajl_gen g)
{
	(void)g;
	for (int i = 0; i + 1 < argc; i += 2) {
		int rc = store_write_str(s, STORE_NO_TX, argv[i],
					 argv[i + 1]);

		if (rc)
			return store_failed(argv[i], rc);
	}
	return EXIT_OK;
}

static int each_path(struct store *s, int argc, char **argv,
		     int (*act)(struct store *s, store_tx tx,
				const char *path))
{
	for (int i = 0; i < argc; i++) {
		int rc = act(s, STORE_NO_TX, argv[i]);

		if (rc)
			return store_failed(argv[i], rc);
	}
	return EXIT_OK;
}

static int do_rm(struct store *s, int argc, char **argv, yajl_gen g)
{
	(void)g;
	return each_path(s, argc, argv, store_rm);
}

static int do_mkdir(struct store *s, int argc, char **argv, yajl_gen g)
{
	(void)g;
	return each_path(s, argc, argv, store_mkdir);
}

/* Says nothing: the exit status is the answer. */
static int do_exists(struct store *s, int argc, char **argv, yajl_gen g)
{
	int status = EXIT_OK;

	if (g) {
		json_key(g, "exists");
		yajl_gen_map_open(g);
	}
	for (int i = 0; i < argc; i++) {
		int rc = store_exists(s, STORE_NO_TX, argv[i]);

		if (rc < 0)
			(void)store_failed(argv[i], rc);
		if (g)
			json_bool(g, argv[i], rc == 1);
		if (rc != 1)
			status = EXIT_FAILED;
	}
	if (g)
		yajl_gen_map_close(g);
	return status;
}

/* "n0", "r5", "w", "b": letter and domain; false if it is not that. */
static bool parse_perm(const char *text, struct store_perm *out)
{
	static const char letters[] = "nrwb";
	const char *letter = *text ? strchr(letters, *text) : NULL;
	char *end;

	if (!letter || !isdigit((unsigned char)text[1]))
		return false;
	out->access = (unsigned int)(letter - letters);
	out->domid = (uint32_t)strtoul(text + 1, &end, 10);
	return !*end;
}

static int do_chmod(struct store *s, int argc, char **argv, yajl_gen g)
{
	struct store_perm perms[PERMS_MAX];
	unsigned int count = 0;
	int rc;

	(void)g;
	for (int i = 1; i < argc && count < PERMS_MAX; i++) {
		if (!parse_perm(argv[i], &perms[count++])) {
			complain(EINVAL, "permission: found \"%s\"; allowed: "
				 "n, r, w or b with a domain's number: r5",
				 argv[i]);
			return EXIT_USAGE;
		}
	}
	rc = store_set_perms(s, STORE_NO_TX, argv[0], perms, count);
	return rc ? store_failed(argv[0], rc) : EXIT_OK;
}

/* --- watch ---------------------------------------------------------------- */

/* A line for each event, until `count` came; 0: until the end. */
static int print_events(struct store *s, unsigned long count, yajl_gen g)
{
	for (unsigned long i = 0; !count || i < count; i++) {
		struct store_event ev;
		int rc = store_next_event(s, -1, &ev);

		if (rc < 0)
			return store_failed("the store", rc);
		if (g)
			json_key(g, ev.path);
		else
			puts(ev.path);
		fflush(stdout);
	}
	return EXIT_OK;
}

static int do_watch(struct store *s, int argc, char **argv, yajl_gen g)
{
	unsigned long count = 0;
	int rc, first = 0;

	if (argc > 2 && !strcmp(argv[0], "-n")) {
		count = strtoul(argv[1], NULL, 10);
		first = 2;
	}
	for (int i = first; i < argc; i++) {
		rc = store_watch(s, argv[i], argv[i]);
		if (rc)
			return store_failed(argv[i], rc);
	}
	if (g) {
		json_key(g, "events");
		yajl_gen_array_open(g);
	}
	rc = print_events(s, count, g);
	if (g)
		yajl_gen_array_close(g);
	return rc;
}

/* --- the command ---------------------------------------------------------- */

static const struct {
	const char *name;
	int min, max, multiple;		/* of arguments */
	store_action *run;
} actions[] = {
	{ "ls", 0, 1, 1, do_ls },
	{ "read", 1, 1000, 1, do_read },
	{ "write", 2, 1000, 2, do_write },
	{ "rm", 1, 1000, 1, do_rm },
	{ "mkdir", 1, 1000, 1, do_mkdir },
	{ "exists", 1, 1000, 1, do_exists },
	{ "chmod", 2, 1 + PERMS_MAX, 1, do_chmod },
	{ "watch", 1, 1000, 1, do_watch },
	{ "quota", 0, 2, 1, store_quota },
	{ "stat", 0, 0, 1, store_stat },
};

static int run_action(store_action *act, int argc, char **argv)
{
	const char *path = getenv("XENSTORED_PATH");
	struct store *s = store_open_path(path ? path : STORE_SOCKET);
	yajl_gen g = NULL;
	int status;

	if (!s)
		return complain(errno, "no store daemon answers at %s: %s "
				"(is vane-stored running?)",
				path ? path : STORE_SOCKET, strerror(errno));
	if (json_asked) {
		g = json_begin();
		yajl_gen_map_open(g);
		json_number(g, "version", JSON_VERSION);
	}
	status = act(s, argc, argv, g);
	if (json_asked) {
		yajl_gen_map_close(g);
		json_end(g);
	}
	store_close(s);
	return status;
}

static int run(int argc, char **argv)
{
	int n = argc - 2;

	for (size_t i = 0; n >= 0 && i < sizeof(actions) / sizeof(actions[0]);
	     i++) {
		if (strcmp(argv[1], actions[i].name))
			continue;
		if (n < actions[i].min || n > actions[i].max ||
		    n % actions[i].multiple)
			break;
		return run_action(actions[i].run, n, argv + 2);
	}
	return usage(&cmd_store);
}

const struct command cmd_store = {
	.name = "store",
	.arguments = "[--json] ls [PATH] | read PATH... | write PATH VALUE... "
		"| rm PATH... | mkdir PATH... | exists PATH... | "
		"chmod PATH PERM... | watch [-n COUNT] PATH... | "
		"quota [DOMID | NAME VALUE] | stat",
	.summary = "Look into the store, or change it.", .run = run,
};

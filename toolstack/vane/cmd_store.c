/*
 * vane store: look into the store, and change it.
 */
#include "toolstack/vane/vane.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/client/store.h"

#define PATH_ROOM 3100

static int failed(const char *path, int rc)
{
	fprintf(stderr, "vane: error: %s: %s\n", path, strerror(-rc));
	return EXIT_FAILED;
}

static void print_value(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isprint((unsigned char)value[i]) && value[i] != '\\')
			putchar(value[i]);
		else
			printf("\\x%02x", (unsigned char)value[i]);
}

/* Prints what lies below @path, indented; @path has room to grow. */
static int print_tree(struct store *s, char *path, unsigned int depth)
{
	size_t end = strlen(path);
	unsigned int count;
	char **names;
	int rc = store_directory(s, STORE_NO_TX, path, &names, &count);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < count; i++) {
		char *value;
		size_t len;

		if (end + strlen(names[i]) + 2 > PATH_ROOM)
			continue;
		sprintf(path + end, "%s%s", path[end - 1] == '/' ? "" : "/",
			names[i]);
		printf("%*s%s = \"", (int)depth, "", names[i]);
		if (!store_read(s, STORE_NO_TX, path, &value, &len)) {
			print_value(value, len);
			free(value);
		}
		puts("\"");
		(void)print_tree(s, path, depth + 1); /* gone meanwhile */
		path[end] = '\0';
	}
	free(names);
	return 0;
}

static int do_ls(struct store *s, int argc, char **argv)
{
	char path[PATH_ROOM];
	int rc;

	snprintf(path, sizeof(path), "%s", argc ? argv[0] : "/");
	rc = print_tree(s, path, 0);
	return rc ? failed(path, rc) : EXIT_OK;
}

static int do_read(struct store *s, int argc, char **argv)
{
	int status = EXIT_OK;

	for (int i = 0; i < argc; i++) {
		char *value;
		size_t len;
		int rc = store_read(s, STORE_NO_TX, argv[i], &value, &len);

		if (rc) {
			status = failed(argv[i], rc);
			continue;
		}
		fwrite(value, 1, len, stdout);
		putchar('\n');
		free(value);
	}
	return status;
}

static int do_write(struct store *s, int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		int rc = store_write_str(s, STORE_NO_TX, argv[i],
					 argv[i + 1]);

		if (rc)
			return failed(argv[i], rc);
	}
	return EXIT_OK;
}

static int do_rm(struct store *s, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int rc = store_rm(s, STORE_NO_TX, argv[i]);

		if (rc)
			return failed(argv[i], rc);
	}
	return EXIT_OK;
}

static const struct {
	const char *name;
	int min, max, multiple;		/* of arguments */
	int (*run)(struct store *s, int argc, char **argv);
} actions[] = {
	{ "ls", 0, 1, 1, do_ls },
	{ "read", 1, 1000, 1, do_read },
	{ "write", 2, 1000, 2, do_write },
	{ "rm", 1, 1000, 1, do_rm },
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < 4; i++) {
		int n = argc - 2, status;
		struct store *s;
		struct vane *v;

		if (strcmp(argv[1], actions[i].name))
			continue;
		if (n < actions[i].min || n > actions[i].max ||
		    n % actions[i].multiple)
			break;
		v = connect_or_exit();
		status = vane_store(v, &s) ? EXIT_FAILED :
			actions[i].run(s, n, argv + 2);
		vane_close(v);
		return status;
	}
	return usage(&cmd_store);
}

const struct command cmd_store = {
	.name = "store",
	.arguments = "ls [PATH] | read PATH... | write PATH VALUE... | "
		"rm PATH...",
	.summary = "Look into the store, or change it.", .run = run,
};

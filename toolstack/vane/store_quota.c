/*
 * vane store quota, vane store stat: what the store daemon says of its limits
 * and of itself.  Both are control commands of vane-stored, which answers in
 * lines "NAME NUMBER..."; another daemon's text is printed as it comes.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/vane/store.h"

static int control(struct store *s, const char *const *word,
		   unsigned int words, char **text)
{
	int rc = store_control(s, word, words, text);

	return rc ? store_failed(word[0], rc) : EXIT_OK;
}

/* A domain's use of each quota, "NAME USED of LIMIT" a line. */
static void use_as_json(char *text, yajl_gen g)
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long used, limit;
		char name[32];

		if (sscanf(line, "%31s %llu of %llu", name, &used, &limit) != 3)
			continue;
		json_key(g, name);
		yajl_gen_map_open(g);
		json_number(g, "used", (long long)used);
		json_number(g, "limit", (long long)limit);
		yajl_gen_map_close(g);
	}
}

static int show_domain(struct store *s, const char *domid, yajl_gen g)
{
	const char *word[] = { "quota", domid };
	char *text;
	int status = control(s, word, 2, &text);

	if (status)
		return status;
	if (g) {
		json_key(g, domid);
		yajl_gen_map_open(g);
		use_as_json(text, g);
		yajl_gen_map_close(g);
	} else {
		fputs(text, stdout);
	}
	free(text);
	return EXIT_OK;
}

/* Lines that begin with a name and a number, into the open map. */
static void numbers_as_json(char *text, yajl_gen g)
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long number;
		char name[32];

		if (sscanf(line, "%31s %llu", name, &number) == 2)
			json_number(g, name, (long long)number);
	}
}

/* All limits, those too that nothing can be used up of. */
static int show_limits(struct store *s, yajl_gen g)
{
	const char *word = "quota";
	char *text;
	int status = control(s, &word, 1, &text);

	if (status)
		return status;
	if (g) {
		json_key(g, "limits");
		yajl_gen_map_open(g);
		numbers_as_json(text, g);
		yajl_gen_map_close(g);
	} else {
		printf("limits:\n%s", text);
	}
	free(text);
	return EXIT_OK;
}

/* Everybody who has a place in the store; a number that is none is skipped. */
static int show_all(struct store *s, yajl_gen g)
{
	static const char folder[] = "/local/domain";
	int status = EXIT_OK, rc;
	unsigned int count;
	char **names;

	rc = store_directory(s, STORE_NO_TX, folder, &names, &count);
	if (rc && rc != -ENOENT)
		return store_failed(folder, rc);
	for (unsigned int i = 0; !rc && i < count; i++) {
		const char *word[] = { "quota", names[i] };
		char *text;

		if (store_control(s, word, 2, &text))
			continue;
		free(text);
		status |= show_domain(s, names[i], g);
	}
	if (!rc)
		free(names);
	return status;
}

int store_quota(struct store *s, int argc, char **argv, yajl_gen g)
{
	const char *word[4] = { "quota", "set" };
	char *text;
	int status;

	if (argc == 2) {
		word[2] = argv[0];
		word[3] = argv[1];
		status = control(s, word, 4, &text);
		if (!status)
			free(text);
		return status;
	}
	status = argc ? EXIT_OK : show_limits(s, g);
	if (status)
		return status;
	if (g) {
		json_key(g, "domains");
		yajl_gen_map_open(g);
	}
	status = argc ? show_domain(s, argv[0], g) : show_all(s, g);
	if (g)
		yajl_gen_map_close(g);
	return status;
}

int store_stat(struct store *s, int argc, char **argv, yajl_gen g)
{
	const char *word = "memreport";
	char *text;
	int status = control(s, &word, 1, &text);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	if (g)
		numbers_as_json(text, g);
	else
		fputs(text, stdout);
	free(text);
	return EXIT_OK;
}

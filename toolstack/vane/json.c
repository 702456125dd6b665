/*
 * JSON, as every --json prints it: an object on standard output, and a line
 * for each error on standard error.
 */
#include "toolstack/vane/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void to_stdout(void *arg, const char *text, size_t len)
{
	(void)arg;
	fwrite(text, 1, len, stdout);
}

yajl_gen json_begin(void)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	if (!g)
		abort();
	yajl_gen_config(g, yajl_gen_beautify, 1);
	yajl_gen_config(g, yajl_gen_indent_string, "    ");
	yajl_gen_config(g, yajl_gen_print_callback, to_stdout, NULL);
	return g;
}

void json_end(yajl_gen g)
{
	yajl_gen_free(g);
}

void json_key(yajl_gen g, const char *key)
{
	yajl_gen_string(g, (const unsigned char *)key, strlen(key));
}

void json_text(yajl_gen g, const char *key, const char *text)
{
	json_key(g, key);
	if (text)
		json_key(g, text);
	else
		yajl_gen_null(g);
}

void json_number(yajl_gen g, const char *key, long long number)
{
	json_key(g, key);
	yajl_gen_integer(g, number);
}

void json_double(yajl_gen g, const char *key, double number)
{
	json_key(g, key);
	yajl_gen_double(g, number);
}

void json_bool(yajl_gen g, const char *key, bool value)
{
	json_key(g, key);
	yajl_gen_bool(g, value);
}

void json_failure(yajl_gen g, int code, const char *text)
{
	json_key(g, "error");
	yajl_gen_map_open(g);
	json_text(g, "code", strerrorname_np(code));
	json_text(g, "text", text);
	yajl_gen_map_close(g);
}

void json_tell(int code, const char *text)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *line;
	size_t len;

	if (!g)
		return;
	yajl_gen_map_open(g);
	json_failure(g, code, text);
	yajl_gen_map_close(g);
	yajl_gen_get_buf(g, &line, &len);
	fprintf(stderr, "%.*s\n", (int)len, (const char *)line);
	yajl_gen_free(g);
}

void json_error(yajl_gen g, int rc, const char *name)
{
	yajl_gen_map_open(g);
	json_text(g, "name", name);
	json_failure(g, -rc, strerror(-rc));
	yajl_gen_map_close(g);
}

void json_open(yajl_gen g, const char *list)
{
	yajl_gen_map_open(g);
	json_number(g, "version", JSON_VERSION);
	json_key(g, list);
	yajl_gen_array_open(g);
}

void json_close(yajl_gen g)
{
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
	json_end(g);
}

/*
 * JSON of the command line and of its helpers.
 */
#ifndef TOOLSTACK_VANE_JSON_H
#define TOOLSTACK_VANE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_gen.h>

/* Version of what --json prints; docs/commands.md describes it. */
#define JSON_VERSION 1

/* A vane_print_fn to standard output. */
void to_stdout(void *arg, const char *text, size_t len);

/* JSON on standard output, 4 blanks per level. */
yajl_gen json_begin(void);
void json_end(yajl_gen g);
void json_key(yajl_gen g, const char *key);
void json_text(yajl_gen g, const char *key, const char *text);
void json_number(yajl_gen g, const char *key, long long number);
void json_double(yajl_gen g, const char *key, double number);
void json_bool(yajl_gen g, const char *key, bool value);

/* The member "error" of an open object: an error's code and text. */
void json_failure(yajl_gen g, int code, const char *text);

/* One line of JSON on standard error: an error's code and text. */
void json_tell(int code, const char *text);

/* An object in a list for what could not be read: name and error. */
void json_error(yajl_gen g, int rc, const char *name);

/* The object that every --json prints: its version, then a list. */
void json_open(yajl_gen g, const char *list);
void json_close(yajl_gen g);

#endif

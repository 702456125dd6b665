/* The log: lines as they should be, what has no room counted, files short. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/daemon/log.h"

static char folder[] = "/tmp/store-test-XXXXXX";
static char path[64], old_path[64];

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(old_path, sizeof(old_path), "%s/log.1", folder);
	return log_open(path, false);
}

static int clean(void **state)
{
	(void)state;
	(void)log_open(NULL, false);
	unlink(path);
	unlink(old_path);
	return rmdir(folder);
}

static void last_line(char *line, int size)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, size, f))
		;
	fclose(f);
}

/* One line a call, whatever a guest put into it. */
static void one_line(void **state)
{
	char line[600];
	int year, used = 0;

	(void)state;
	log_line("quota", "domain=%d text=\"%s\"", 5, "a\nb\033[2J\xff");
	last_line(line, sizeof(line));
	assert_int_equal(sscanf(line, "%d-%*d-%*dT%*d:%*d:%*dZ %n", &year,
				&used), 1);
	assert_string_equal(line + used, "vane-stored quota domain=5 "
			    "text=\"a?b?[2J?\"\n");
}

static void muted(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	log_mute(true);
	log_line("quota", "domain=%d", 6);
	log_mute(false);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

/* A round of more lines than there is room for. */
static void lost(void **state)
{
	char line[600];

	(void)state;
	log_gather();
	for (unsigned int i = 0; i < 5000; i++)
		log_line("flood", "number=%u", i);
	log_flush();
	log_flush();
	last_line(line, sizeof(line));
	assert_non_null(strstr(line, " log lost="));
}

static void turned_over(void **state)
{
	struct stat st;

	(void)state;
	for (unsigned int i = 0; i < 60000; i++) {
		log_line("flood", "number=%u", i);
		if (i % 100 == 0)
			log_flush();
	}
	log_flush();
	assert_int_equal(stat(old_path, &st), 0);
	assert_true(st.st_size > LOG_FILE_MAX &&
		    st.st_size < LOG_FILE_MAX + (70 << 10));
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < LOG_FILE_MAX + (70 << 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(muted),
		cmocka_unit_test(lost),
		cmocka_unit_test(turned_over),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, prepare, clean);
}

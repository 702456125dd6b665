/*
 * vane dmesg: the hypervisor's log.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void json_log(const char *text)
{
	yajl_gen g = json_begin();

	/* Lines; what is no UTF-8 would be no JSON. */
	json_open(g, "log");
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (yajl_gen_string(g, (const unsigned char *)text, n))
			json_key(g, "");
		text += n + (text[n] == '\n');
	}
	json_close(g);
}

static int run(int argc, char **argv)
{
	bool clear = argc == 2 && (!strcmp(argv[1], "-c") ||
				   !strcmp(argv[1], "--clear"));
	struct vane *v;
	char *text;
	int rc;

	if (argc > 2 || (argc == 2 && !clear))
		return usage(&cmd_dmesg);
	v = connect_or_exit();
	rc = vane_host_log(v, clear, &text);
	if (!rc) {
		if (json_asked)
			json_log(text);
		else
			fputs(text, stdout);
		free(text);
	}
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_dmesg = {
	.name = "dmesg", .arguments = "[-c] [--json]",
	.summary = "Print the hypervisor's log.",
	.options = "    -c, --clear  then empty it\n", .run = run,
};

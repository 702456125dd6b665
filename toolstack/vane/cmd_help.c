/*
 * vane help: the table of commands, or one of them.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <string.h>

static int run(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--long")) {
		const struct command *c = find_command(argv[1]);

		if (c)
			print_help(c);
		return c ? EXIT_OK : EXIT_FAILED;
	}
	printf("usage: %s [-vN] COMMAND [ARGUMENTS]\n\ncommands:\n", program);
	for (unsigned int i = 0; commands[i]; i++)
		if (argc > 1)
			print_help(commands[i]);
		else
			printf(" %-18s %s\n", commands[i]->name,
			       commands[i]->summary);
	return EXIT_OK;
}

const struct command cmd_help = {
	.name = "help", .arguments = "[--long | COMMAND]",
	.summary = "Print the commands, or how one of them is used.",
	.run = run,
};

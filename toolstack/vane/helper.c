/*
 * Programs of their own, which vane becomes. What they are linked with - XML,
 * archives - would cost every other command its start.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int become_helper(const char *path, int argc, char **argv)
{
	char **all = calloc(argc + 2, sizeof(*all));

	if (!all)
		return complain(ENOMEM, "%s: no memory", path);
	memcpy(all, argv, argc * sizeof(*all));
	if (json_asked)
		all[argc] = (char *)"--json";
	execv(path, all);
	return complain(errno, "%s: cannot be run: %s", path, strerror(errno));
}

/* Names of nodes: see path.h. */
#include "xenstore/daemon/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char allowed[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@";

size_t path_home(uint32_t domid, char *out)
{
	return (size_t)snprintf(out, 32, "/local/domain/%u/", domid);
}

/* Length of a leading /local/domain/<number>/, which no quota counts. */
static size_t home_prefix(const char *path)
{
	static const char start[] = "/local/domain/";
	size_t digits;

	if (strncmp(path, start, sizeof(start) - 1))
		return 0;
	digits = strspn(path + sizeof(start) - 1, "0123456789");
	if (!digits || digits > 5 || path[sizeof(start) - 1 + digits] != '/')
		return 0;
	return sizeof(start) + digits;
}

static bool path_valid(const char *path, size_t len, size_t max)
{
	if (path[0] != '/' || len > home_prefix(path) + max)
		return false;
	if (len > 1 && path[len - 1] == '/')
		return false;
	return !strstr(path, "//") && strspn(path, allowed) == len;
}

int path_resolve(const char *name, uint32_t domid, size_t max, char *out)
{
	size_t len = strlen(name), home = 0;

	if (path_is_special(name))
		return -EINVAL;
	if (name[0] != '/')
		home = path_home(domid, out);
	if (home + len >= PATH_ROOM)
		return -EINVAL;
	memcpy(out + home, name, len + 1);
	return path_valid(out, home + len, max) ? 0 : -EINVAL;
}

size_t path_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? 1 : (size_t)(slash - path);
}

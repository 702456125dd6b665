/* Names of nodes: see path.h. */
#include "xenstore/daemon/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The characters of a name; '/' stands between names. */
static const bool allowed[256] = {
	['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true,
	['-'] = true, ['_'] = true, ['@'] = true, ['/'] = true,
};

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
	/* Of two '/' in a row the second one is in the wrong place. */
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)path[i];

		if (!allowed[c] || (c == '/' && path[i - 1] == '/'))
			return false;
	}
	return true;
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

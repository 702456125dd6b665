/*
 * Names of nodes: which are valid, and how relative ones become absolute.
 * Inside the daemon every path is absolute and valid.
 */
#ifndef XENSTORE_DAEMON_PATH_H
#define XENSTORE_DAEMON_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path: a home prefix, the largest quota, and a NUL. */
#define PATH_ROOM	4352
/* Largest value that the path quota can be set to. */
#define PATH_QUOTA_MAX	4096

/*
 * Make `name` absolute for a caller whose home is /local/domain/<domid>, and
 * check it.  `max` is the quota on its length, a /local/domain/N/ prefix not
 * counted.  Names that start with @ are refused.  Returns 0 or -EINVAL; `out`
 * has PATH_ROOM bytes.
 */
int path_resolve(const char *name, uint32_t domid, size_t max, char *out);

/* Length of "/local/domain/<domid>/", written to `out` (32 bytes). */
size_t path_home(uint32_t domid, char *out);

/* The parent's length: 1 for a child of the root.  `path` is not "/". */
size_t path_parent_len(const char *path);

static inline bool path_is_root(const char *path)
{
	return path[0] == '/' && path[1] == '\0';
}

/* Is `name` a special watch's name, such as @releaseDomain? */
static inline bool path_is_special(const char *name)
{
	return name[0] == '@';
}

#endif

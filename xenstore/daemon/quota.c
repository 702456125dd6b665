/* Quotas of unprivileged domains: see quota.h. */
#include "xenstore/daemon/quota.h"

#include <errno.h>
#include <string.h>

#include "xenstore/daemon/number.h"
#include "xenstore/daemon/path.h"

const struct quota_info quota_infos[QUOTA_KINDS] = {
	[QUOTA_NODES] = { "nodes", 1000, 0, UINT32_MAX,
		"nodes owned by a domain" },
	[QUOTA_WATCHES] = { "watches", 128, 0, UINT32_MAX,
		"watches of a domain" },
	[QUOTA_TRANSACTIONS] = { "transactions", 10, 0, UINT32_MAX,
		"open transactions of a domain" },
	[QUOTA_NODE_SIZE] = { "node-size", 2048, 0, 4096,
		"bytes of a node: value, children's names, permissions" },
	[QUOTA_PERMISSIONS] = { "node-permissions", 5, 1, 1000,
		"entries in a node's permission list" },
	[QUOTA_TX_NODES] = { "transaction-nodes", 1024, 0, UINT32_MAX,
		"nodes touched in one transaction" },
	[QUOTA_OUTSTANDING] = { "outstanding", 20, 1, UINT32_MAX,
		"replies that a domain did not fetch yet" },
	[QUOTA_MEMORY] = { "memory", 2621440, 0, UINT32_MAX,
		"bytes held for a domain, above which it is refused" },
	[QUOTA_MEMORY_SOFT] = { "memory-soft", 2097152, 0, UINT32_MAX,
		"bytes held for a domain, above which the log says so" },
	[QUOTA_PATH] = { "path-length", 2048, 64, PATH_QUOTA_MAX,
		"bytes of a path without its /local/domain/N/" },
	[QUOTA_EVENT_SECONDS] = { "watch-event", 20, 1, 86400,
		"seconds a domain may leave an event unread" },
	[QUOTA_WRITE_RATE] = { "write-rate", 200, 0, 1000000,
		"writes a second, beyond which a domain waits; 0: any" },
	[QUOTA_WRITE_BURST] = { "write-burst", 10, 1, 1000000,
		"writes at once, after which that rate counts" },
	[QUOTA_WRITE_RESERVE] = { "write-reserve", 1000, 0, 1000000,
		"writes that domains left over, for who needs more" },
};

void quota_defaults(uint32_t *limits)
{
	for (unsigned int i = 0; i < QUOTA_KINDS; i++)
		limits[i] = quota_infos[i].initial;
}

int quota_set(uint32_t *limits, const char *name, const char *value)
{
	for (unsigned int i = 0; i < QUOTA_KINDS; i++) {
		const struct quota_info *q = &quota_infos[i];
		uint64_t n;

		if (strcmp(q->name, name))
			continue;
		if (number_parse(value, q->max, &n) || n < q->min)
			return -EINVAL;
		limits[i] = (uint32_t)n;
		return 0;
	}
	return -ENOENT;
}

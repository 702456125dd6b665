/*
 * Quotas of unprivileged domains: one table of names, defaults and meanings.
 */
#ifndef XENSTORE_DAEMON_QUOTA_H
#define XENSTORE_DAEMON_QUOTA_H

#include <stdint.h>

enum quota_kind {
	QUOTA_NODES,
	QUOTA_WATCHES,
	QUOTA_TRANSACTIONS,
	QUOTA_NODE_SIZE,
	QUOTA_PERMISSIONS,
	QUOTA_TX_NODES,
	QUOTA_OUTSTANDING,
	QUOTA_MEMORY,
	QUOTA_MEMORY_SOFT,
	QUOTA_PATH,
	QUOTA_EVENT_SECONDS,
	QUOTA_WRITE_RATE,
	QUOTA_WRITE_BURST,
	QUOTA_WRITE_RESERVE,
	QUOTA_KINDS
};

struct quota_info {
	const char *name;
	uint32_t initial;
	uint32_t min, max;
	const char *meaning;
};

extern const struct quota_info quota_infos[QUOTA_KINDS];

/* Fill `limits`, an array of QUOTA_KINDS, with the defaults. */
void quota_defaults(uint32_t *limits);

/* Set one by name: 0, -ENOENT (no such quota), -EINVAL (not its range). */
int quota_set(uint32_t *limits, const char *name, const char *value);

#endif

/*
 * pvstate: print how much memory the hypervisor has free, and how much Dom0
 * has, in KiB. `info` tells MiB, too coarse for a test that no page of a dead
 * domain is missing. Dom0's part belongs to it because its kernel hands some
 * of its own pages back when it maps those of others.
 */
#include <inttypes.h>
#include <stdio.h>

#include "toolstack/libvane.h"

int main(void)
{
	struct vane *v = vane_open(NULL, NULL);
	struct vane_domain *dom0 = NULL;
	uint64_t total, free_kib;
	int ret = 1;

	if (!v)
		return 1;
	if (vane_host_memory(v, &total, &free_kib) < 0)
		goto out;
	if (vane_domain_get(v, 0, &dom0) < 0)
		goto out;
	printf("%" PRIu64 " KiB free, %" PRIu64 " KiB Dom0's, %" PRIu64
	       " KiB of both\n", free_kib, dom0->memory_kib,
	       free_kib + dom0->memory_kib);
	ret = 0;
out:
	vane_domains_free(dom0, dom0 ? 1 : 0);
	vane_close(v);
	return ret;
}

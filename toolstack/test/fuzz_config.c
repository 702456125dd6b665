/*
 * Any bytes as a configuration file. An accepted configuration must be one
 * that a domain could be made of; whatever comes, nothing leaks.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "toolstack/libvane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct vane_report report = { 0 };
	struct vane_config c;

	if (!vane_config_parse(&c, "fuzz", (const char *)data, len, NULL,
			       &report)) {
		assert(!report.errors);
		assert(c.name && c.kernel && c.memory_kib);
		assert(c.vcpus && c.maxvcpus >= c.vcpus);
		assert(c.maxmem_kib >= c.memory_kib);
		for (unsigned int i = 0; i < c.nr_disks; i++)
			assert(c.disks[i].vdev);
		vane_config_free(&c);
	} else {
		assert(report.errors);
	}
	vane_report_free(&report);
	return 0;
}

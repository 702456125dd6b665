/*
 * Fuzzer of the importer: the input is a descriptor, a manifest, and an
 * archive, one after the other and each by itself.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toolstack/import/manifest.h"
#include "toolstack/import/ova.h"
#include "toolstack/import/ovf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_descriptor(const char *text, size_t size)
{
	struct ovf o;

	if (!ovf_parse(&o, text, size))
		for (unsigned int i = 0; i < o.nr_systems; i++)
			for (unsigned int j = 0; j < o.systems[i].nr_drives;
			     j++)
				if (o.systems[i].drives[j].disk >= o.nr_disks)
					abort();
	ovf_free(&o);
}

/* The input's lines in the places of a descriptor's values. */
static void try_values(const char *text, size_t size)
{
	static const char *const parts[] = {
		"<Envelope><References><File href='", "' id='", "'/>"
		"</References><DiskSection><Disk capacity='",
		"' capacityAllocationUnits='", "' diskId='d' fileRef='",
		"'/></DiskSection><DeploymentOptionSection><Configuration id='",
		"' default='true'/></DeploymentOptionSection><VirtualSystem "
		"id='v'><VirtualHardwareSection><Item><ResourceType>17"
		"</ResourceType><HostResource>ovf:/disk/d</HostResource>"
		"<Parent>", "</Parent></Item><Item configuration='",
		"'><ResourceType>", "</ResourceType><AllocationUnits>",
		"</AllocationUnits><VirtualQuantity>", "</VirtualQuantity>"
		"<Address>", "</Address></Item></VirtualHardwareSection>"
		"</VirtualSystem></Envelope>",
	};
	static char whole[1 << 16];
	size_t at = 0, nr = sizeof(parts) / sizeof(parts[0]);

	for (size_t i = 0; i < nr; i++) {
		const char *stop = memchr(text, '\n', size);
		size_t n = stop ? (size_t)(stop - text) : size;

		at += (size_t)sprintf(whole + at, "%s", parts[i]);
		if (i == nr - 1)
			break;
		n = n < 1000 ? n : 1000;
		memcpy(whole + at, text, n);
		at += n;
		n += n < size;
		text += n;
		size -= n;
	}
	try_descriptor(whole, at);
}

static void try_archive(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct digests d;
	char path[32], *text;
	struct ova a;
	size_t len;

	if (fd < 0)
		fd = memfd_create("ova", 0);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!ova_open(&a, path) &&
	    !ova_read(&a, a.descriptor, 1 << 20, &text, &len, &d)) {
		try_descriptor(text, len);
		free(text);
	}
	ova_close(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct manifest m;
	struct digests d = { { 0 }, { 0 }, { 0 } };

	try_descriptor((const char *)data, size);
	try_values((const char *)data, size);
	(void)manifest_parse(&m, (const char *)data, size);
	(void)manifest_check(&m, "a", &d);
	try_archive(data, size);
	return 0;
}

/*
 * Any bytes as a kernel image: unwrapping, ELF headers and notes, and the
 * layout of what was accepted. Whatever a segment says of itself must lie in
 * the file.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "toolstack/libvane/image.h"
#include "toolstack/libvane/layout.h"
#include "toolstack/unwrap/unwrap.h"

#define MAX_OUT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_elf(const uint8_t *elf, size_t len)
{
	struct image_error err;
	struct image image;
	struct layout l;

	if (image_parse(elf, len, &image, &err))
		return;
	for (unsigned int i = 0; i < image.nr_segments; i++) {
		const struct image_segment *s = &image.segment[i];

		assert(s->offset <= len && s->filesz <= len - s->offset);
		assert(s->filesz <= s->memsz);
		assert(s->paddr >= image.paddr_start);
		assert(s->paddr + s->memsz <= image.paddr_end);
	}
	if (!layout_make(&l, &image, 4096, 1 << 18, &err))
		assert(l.used_pages <= 1 << 18 &&
		       l.kernel_pfn + l.kernel_pages <= l.start_info_pfn);
}

static uint8_t out[MAX_OUT];
static size_t out_len;

static int take(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	if (len > MAX_OUT - out_len)
		return -1;
	memcpy(out + out_len, data, len);
	out_len += len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct image_error err;
	size_t elf_len;

	out_len = 0;
	switch (image_kind(data, len)) {
	case IMAGE_ELF:
		check_elf(data, len);
		break;
	case IMAGE_BZIMAGE:
		if (!image_unwrap(data, len, take, NULL, &elf_len, &err)) {
			assert(elf_len == out_len);
			check_elf(out, elf_len);
		}
		break;
	default:
		(void)image_decompress(data, len, MAX_OUT, take, NULL, &err);
	}
	return 0;
}

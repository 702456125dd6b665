/*
 * Any bytes as a kernel image: unwrapping, ELF headers and notes, and the
 * layout of what was accepted, or its place in a domain. Whatever a segment
 * says of itself must lie in the file, and what is placed in the domain.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/image.h"
#include "toolstack/libvane/layout.h"
#include "toolstack/unwrap/unwrap.h"

#define MAX_OUT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PAGES	(1u << 18)

static void check_place(const uint8_t *elf, size_t len, size_t head)
{
	struct image image;
	uint32_t *place;

	if (place_pages(elf, len, head, PAGES, &image, &place))
		return;
	for (size_t i = 0; i < (len + 4095) / 4096; i++)
		assert(place[i] == PLACE_SCRATCH ||
		       place[i] < PAGES - PLACE_SCRATCH_FRAMES);
	free(place);
}

static void check_elf(const uint8_t *elf, size_t len)
{
	struct image_error err;
	struct image image;
	struct layout l;

	check_place(elf, len, 4096);
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

/* Where the memory is no larger than was promised. */
static void unpack(const uint8_t *data, size_t len)
{
	struct image_error err;
	static uint8_t head[4096];
	uint8_t *to;
	size_t size;

	if (image_head(data, len, head, sizeof(head), &size, &err) ||
	    size > MAX_OUT)
		return;
	to = malloc(size);
	if (!image_unpack(data, len, to, size, &err))
		assert(!memcmp(to, head, size < sizeof(head) ? size :
			       sizeof(head)));
	free(to);
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
		unpack(data, len);
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

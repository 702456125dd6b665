/*
 * bzImages of each compression, whole and damaged: unpacked piece by piece,
 * and those of LZ4 to where the kernel is to be.
 *
 * Every refusal names its reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include "toolstack/unwrap/unwrap.h"

#define PLAIN	(9u << 20)		/* more than one block of LZ4 */
#define SETUP	((1 + 4) * 512u)

static uint8_t *plain_text(void)
{
	uint8_t *plain = malloc(PLAIN);
	uint32_t n = 1;

	assert_non_null(plain);
	for (size_t i = 0; i < PLAIN; i++) {
		n = n * 1103515245 + 12345;
		/* Compresses to about a half, in no time. */
		plain[i] = i & 32 ? 0 : n >> 24;
	}
	return plain;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}

struct piled {
	uint8_t *data;
	size_t len;
	size_t limit;			/* what the image promises */
};

static int pile(void *arg, const uint8_t *data, size_t len)
{
	struct piled *p = arg;

	assert_true(p->len + len <= p->limit && p->len + len <= PLAIN);
	if (!p->data)
		p->data = malloc(PLAIN);
	assert_non_null(p->data);
	memcpy(p->data + p->len, data, len);
	p->len += len;
	return 0;
}

static int unwrap(const uint8_t *file, size_t len, uint8_t **elf,
		  size_t *elf_len, struct image_error *err)
{
	struct piled p = { .data = NULL };
	uint32_t promised;
	int rc;

	if (len < 4)
		return -8;
	memcpy(&promised, file + len - 4, 4);
	p.limit = promised;
	rc = image_unwrap(file, len, pile, &p, elf_len, err);

	if (rc)
		free(p.data);
	else
		assert_int_equal(p.len, *elf_len);
	*elf = p.data;
	return rc;
}

typedef size_t pack_fn(const uint8_t *plain, uint8_t *to, size_t room);

static size_t pack_gzip(const uint8_t *plain, uint8_t *to, size_t room)
{
	z_stream z = {
		.next_in = (uint8_t *)plain, .avail_in = PLAIN,
		.next_out = to, .avail_out = room,
	};

	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8,
				      Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;		/* ends with the size, as it should */
}

static size_t pack_xz(const uint8_t *plain, uint8_t *to, size_t room)
{
	size_t n = 0;

	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL,
						 plain, PLAIN, to, &n, room),
			 LZMA_OK);
	put32(to + n, PLAIN);
	return n + 4;
}

static size_t pack_zstd(const uint8_t *plain, uint8_t *to, size_t room)
{
	size_t n = ZSTD_compress(to, room, plain, PLAIN, 1);

	assert_false(ZSTD_isError(n));
	put32(to + n, PLAIN);
	return n + 4;
}

static size_t pack_lz4(const uint8_t *plain, uint8_t *to, size_t room)
{
	size_t n = 4;

	put32(to, 0x184c2102);
	for (size_t done = 0; done < PLAIN; done += 8 << 20) {
		size_t part = PLAIN - done < 8 << 20 ? PLAIN - done : 8 << 20;
		int got = LZ4_compress_default((const char *)plain + done,
					       (char *)to + n + 4, part,
					       room - n - 4);

		assert_true(got > 0);
		put32(to + n, got);
		n += 4 + got;
	}
	put32(to + n, PLAIN);
	return n + 4;
}

static size_t pack_lzma(const uint8_t *plain, uint8_t *to, size_t room)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	lzma_lzma_preset(&options, 1);
	assert_int_equal(lzma_alone_encoder(&xz, &options), LZMA_OK);
	xz.next_in = plain;
	xz.avail_in = PLAIN;
	xz.next_out = to;
	xz.avail_out = room;
	assert_int_equal(lzma_code(&xz, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&xz);
	put32(to + xz.total_out, PLAIN);
	return xz.total_out + 4;
}

static size_t pack_bzip2(const uint8_t *plain, uint8_t *to, size_t room)
{
	unsigned int n = room;

	assert_int_equal(BZ2_bzBuffToBuffCompress((char *)to, &n,
						  (char *)plain, PLAIN, 1, 0,
						  0), BZ_OK);
	put32(to + n, PLAIN);
	return n + 4;
}

static void put32_big(uint8_t *p, uint32_t n)
{
	put32(p, __builtin_bswap32(n));
}

/* As lzop 1.04 writes it, with two checksums that nobody looks at. */
static size_t pack_lzo(const uint8_t *plain, uint8_t *to, size_t room)
{
	static const uint8_t head[] = {
		0x89, 'L', 'Z', 'O', 0, 13, 10, 26, 10, 0x10, 0x40, 0x20, 0xa0,
		0x09, 0x40, 1, 5, 0x03, 0, 0, 3,
	};
	uint8_t *work = malloc(LZO1X_1_MEM_COMPRESS);
	size_t n = 38;

	(void)room;
	assert_int_equal(lzo_init(), LZO_E_OK);
	memset(to, 0, n);
	memcpy(to, head, sizeof(head));
	for (size_t done = 0; done < PLAIN; done += 256 << 10) {
		size_t part = PLAIN - done < 256 << 10 ? PLAIN - done :
			256 << 10;
		lzo_uint got;

		assert_int_equal(lzo1x_1_compress(plain + done, part, to + n +
						  16, &got, work), LZO_E_OK);
		put32_big(to + n, part);
		put32_big(to + n + 4, got < part ? got : part);
		if (got >= part) {	/* as it is, one checksum */
			got = part;
			memcpy(to + n + 12, plain + done, part);
			n += 12 + part;
		} else {
			n += 16 + got;
		}
	}
	put32(to + n, 0);
	put32(to + n + 4, PLAIN);
	free(work);
	return n + 8;
}

/* A bzImage with the payload at the end of its setup part. */
static uint8_t *make_bzimage(pack_fn *pack, const uint8_t *plain, size_t *len)
{
	size_t room = PLAIN + (1 << 20), n;
	uint8_t *image = calloc(1, SETUP + 16 + room);

	assert_non_null(image);
	image[0x1f1] = 4;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x0f;
	image[0x207] = 0x02;
	put32(image + 0x248, 16);
	n = pack(plain, image + SETUP + 16, room);
	put32(image + 0x24c, n);
	*len = SETUP + 16 + n;
	return image;
}

static pack_fn *const packers[] = {
	pack_gzip, pack_xz, pack_zstd, pack_lz4, pack_lzma, pack_bzip2,
	pack_lzo,
};

#define NR_PACKERS (sizeof(packers) / sizeof(packers[0]))

static void test_unwrap(void **state)
{
	uint8_t *plain = plain_text();

	(void)state;
	for (unsigned int i = 0; i < NR_PACKERS; i++) {
		struct image_error err = { "" };
		size_t len, elf_len;
		uint8_t *image = make_bzimage(packers[i], plain, &len), *elf;
		int rc;

		assert_int_equal(image_kind(image, len), IMAGE_BZIMAGE);
		rc = unwrap(image, len, &elf, &elf_len, &err);
		if (rc)
			fail_msg("format %u: %s", i, err.text);
		assert_int_equal(elf_len, PLAIN);
		assert_memory_equal(elf, plain, PLAIN);
		free(elf);
		free(image);
	}
	free(plain);
}

/* Whatever is flipped, cut or promised: refused, named as damaged. */
static void test_unwrap_damaged(void **state)
{
	uint8_t *plain = plain_text(), *elf;
	size_t len, elf_len;

	(void)state;
	for (unsigned int i = 0; i < NR_PACKERS; i++) {
		uint8_t *image = make_bzimage(packers[i], plain, &len);
		struct image_error err;

		/* One byte less than the header says. */
		err.text[0] = '\0';
		assert_int_equal(unwrap(image, len - 1, &elf, &elf_len,
					      &err), -8);
		assert_non_null(strstr(err.text, "cut short"));
		/* A payload that ends early. */
		put32(image + 0x24c, (len - SETUP - 16) / 2);
		put32(image + SETUP + 16 + (len - SETUP - 16) / 2 - 4, PLAIN);
		assert_int_equal(unwrap(image, len, &elf, &elf_len,
					      &err), -8);
		assert_non_null(strstr(err.text, "damaged"));
		free(image);

		/* More, less, and far too much promised. */
		image = make_bzimage(packers[i], plain, &len);
		for (int j = 0; j < 3; j++) {
			static const uint32_t sizes[] = {
				PLAIN + 1, PLAIN - 1, 0xfffffff0,
			};

			put32(image + len - 4, sizes[j]);
			assert_int_equal(unwrap(image, len, &elf,
						      &elf_len, &err), -8);
			assert_non_null(strstr(err.text, "damaged"));
		}
		free(image);
	}
	free(plain);
}

/* A block of LZ4 that reaches beyond the payload, which ends the memory. */
static void test_unwrap_long_block(void **state)
{
	uint8_t *plain = plain_text(), *elf, *image, *exact;
	struct image_error err;
	size_t len, size, payload = SETUP + 16;
	uint32_t block;

	(void)state;
	image = make_bzimage(pack_lz4, plain, &len);
	memcpy(&block, image + payload + 4, 4);
	payload += 8 + block;		/* the second and last block */
	memcpy(&block, image + payload, 4);
	put32(image + payload, block + 5);
	exact = malloc(len);
	assert_non_null(exact);
	memcpy(exact, image, len);
	assert_int_equal(unwrap(exact, len, &elf, &size, &err), -8);
	assert_non_null(strstr(err.text, "ends beyond the payload"));
	free(exact);
	free(image);
	free(plain);
}

static int full(void *arg, const uint8_t *data, size_t len)
{
	(void)data, (void)len;
	return --*(int *)arg ? 0 : -28;
}

/* What the taker of the data says ends it. */
static void test_unwrap_stopped(void **state)
{
	uint8_t *plain = plain_text();

	(void)state;
	for (unsigned int i = 0; i < NR_PACKERS; i++) {
		size_t len, size;
		uint8_t *image = make_bzimage(packers[i], plain, &len);
		struct image_error err;
		int left = 2;

		assert_int_equal(image_unwrap(image, len, full, &left, &size,
					      &err), -28);
		assert_int_equal(left, 0);
		free(image);
	}
	free(plain);
}

static void test_unwrap_header(void **state)
{
	uint8_t image[0x1000] = { 0 }, *elf;
	struct image_error err;
	size_t n;

	(void)state;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x07, image[0x207] = 2;
	assert_int_equal(unwrap(image, sizeof(image), &elf, &n, &err),
			 -8);
	assert_non_null(strstr(err.text, "older than 2.08"));
	image[0x206] = 0x0f;
	put32(image + 0x24c, 4);
	assert_int_equal(unwrap(image, sizeof(image), &elf, &n, &err),
			 -8);
	assert_non_null(strstr(err.text, "only 4 bytes"));
	put32(image + 0x24c, 100);
	put32(image + 0xa00 + 96, 1000);
	memcpy(image + 0xa00, "BZh9", 4);
	assert_int_equal(unwrap(image, sizeof(image), &elf, &n, &err),
			 -8);
	assert_non_null(strstr(err.text, "its bzip2 payload fails"));
	image[0xa00] = 'x';
	assert_int_equal(unwrap(image, sizeof(image), &elf, &n, &err),
			 -8);
	assert_non_null(strstr(err.text, "no known format"));
	put32(image + 0x248, 0xffffffff);
	assert_int_equal(unwrap(image, sizeof(image), &elf, &n, &err),
			 -8);
	assert_non_null(strstr(err.text, "cut short"));
	assert_int_equal(unwrap(image, 0x220, &elf, &n, &err), -8);
	assert_int_equal(image_kind(image, 0x100), IMAGE_UNKNOWN);
}

/* --- to where it is to be --------------------------------------------------- */

/* LZ4 alone, and without a byte too many on either side. */
static void test_unpack(void **state)
{
	uint8_t *plain = plain_text(), *to = malloc(PLAIN), head[4096];
	struct image_error err = { "" };

	(void)state;
	for (unsigned int i = 0; i < NR_PACKERS; i++) {
		bool lz4 = packers[i] == pack_lz4;
		size_t len, size = 0;
		uint8_t *image = make_bzimage(packers[i], plain, &len);
		int rc = image_head(image, len, head, sizeof(head), &size,
				    &err);

		assert_int_equal(rc, lz4 ? 0 : -ENOTSUP);
		if (lz4) {
			assert_int_equal(size, PLAIN);
			assert_memory_equal(head, plain, sizeof(head));
		}
		rc = image_unpack(image, len, to, PLAIN, &err);
		assert_int_equal(rc, lz4 ? 0 : -ENOTSUP);
		if (lz4)
			assert_memory_equal(to, plain, PLAIN);
		free(image);
	}
	free(to);
	free(plain);
}

static int unpack_lz4(const uint8_t *image, size_t len, size_t size,
		      struct image_error *err)
{
	uint8_t *to = malloc(size);	/* watched by ASan */
	int rc = image_unpack(image, len, to, size, err);

	free(to);
	return rc;
}

static void test_unpack_damaged(void **state)
{
	uint8_t *plain = plain_text(), head[4096];
	size_t len, size, payload = SETUP + 16;
	struct image_error err = { "" };
	uint8_t *image = make_bzimage(pack_lz4, plain, &len);
	uint32_t block;

	(void)state;
	/* Another length than was promised to whoever has the memory. */
	for (int more = -1; more <= 1; more += 2) {
		assert_int_equal(unpack_lz4(image, len, PLAIN + more, &err),
				 -ENOEXEC);
		assert_non_null(strstr(err.text, "damaged"));
	}
	put32(image + len - 4, PLAIN + 1);
	assert_int_equal(unpack_lz4(image, len, PLAIN + 1, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "not the promised"));
	put32(image + len - 4, PLAIN);
	/* A piece of a block, and a block that is longer than the rest. */
	put32(image + 0x24c, (uint32_t)(len - payload - 2));
	put32(image + len - 6, PLAIN);
	assert_int_equal(unpack_lz4(image, len, PLAIN, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "beyond the payload"));
	free(image);
	image = make_bzimage(pack_lz4, plain, &len);
	memcpy(&block, image + payload + 4, 4);
	put32(image + payload + 4, 0x7fffffff);
	assert_int_equal(image_head(image, len, head, sizeof(head), &size,
				    &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "beyond the payload"));
	put32(image + payload + 4, block);
	/* It begins with a copy of what was before its beginning. */
	memcpy(image + payload + 8, "\0\xff\xff", 3);
	assert_int_equal(image_head(image, len, head, sizeof(head), &size,
				    &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "within the first 4096"));
	assert_int_equal(unpack_lz4(image, len, PLAIN, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "fails after 0 bytes"));
	free(image);
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unwrap),
		cmocka_unit_test(test_unwrap_damaged),
		cmocka_unit_test(test_unwrap_long_block),
		cmocka_unit_test(test_unwrap_stopped),
		cmocka_unit_test(test_unwrap_header),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_unpack_damaged),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

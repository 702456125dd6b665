/*
 * From a bzImage to the ELF kernel that it carries. Pure functions over
 * memory: a fuzzer and the host tests drive them.
 */
#ifndef TOOLSTACK_UNWRAP_UNWRAP_H
#define TOOLSTACK_UNWRAP_UNWRAP_H

#include "toolstack/libvane/image.h"

/**
 * Takes a piece of unpacked data, the next one. Returns 0, or -errno to end
 * the unpacking. The data is the caller's after the call.
 */
typedef int image_sink(void *arg, const uint8_t *data, size_t len);

/**
 * Takes the ELF kernel out of a bzImage and hands it to @sink, piece by
 * piece. Payloads: gzip, bzip2, LZMA, XZ, LZO, LZ4 (legacy frame), zstd.
 *
 * *@size: what the pieces come to, on success. Returns 0, -ENOEXEC with the
 * reason in *@err, -ENOMEM, or what @sink returned.
 */
int image_unwrap(const uint8_t *file, size_t len, image_sink *sink, void *arg,
		 size_t *size, struct image_error *err);

/**
 * Unpacks one payload of image_unwrap() that claims to come to @size bytes.
 * @in: without the size trailer, save for gzip.
 */
int image_decompress(const uint8_t *in, size_t in_len, size_t size,
		     image_sink *sink, void *arg, struct image_error *err);

/**
 * The first @want bytes, or all if it has less, of a kernel that image_unpack()
 * takes, to @to. *@size: of all of it. Returns 0, -ENOEXEC with the reason in *@err, or
 * -ENOTSUP: it does not take it, the payload is no LZ4 (legacy frame).
 */
int image_head(const uint8_t *file, size_t len, uint8_t *to, size_t want,
	       size_t *size, struct image_error *err);

/**
 * Unpacks a kernel of @size bytes to where it is to be, without a buffer in
 * between. It reads again what it has written, up to 64 KiB back. Returns as
 * image_head().
 */
int image_unpack(const uint8_t *file, size_t len, uint8_t *to, size_t size,
		 struct image_error *err);

#endif

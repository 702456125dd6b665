/*
 * bzImages: finding the payload and unpacking it.
 *
 * Layout: Linux Documentation/arch/x86/boot.rst, "the real-mode kernel
 * header". The payload ends with the unpacked size as four bytes; for gzip
 * those are its own trailer, all other formats must not see them. A payload
 * that unpacks to more or less than that is damaged.
 *
 * Data goes out through one buffer that is used over and over: memory that
 * is touched for the first time costs more than unpacking into it.
 */
#include "toolstack/unwrap/unwrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

/* Decoder memory that an XZ or LZMA header may ask for; Linux: 32 MiB. */
#define XZ_MEMORY	((uint64_t)256 << 20)
/* Window that a zstd header may ask for, as a power of two: 128 MiB. */
#define ZSTD_WINDOW	27
/* Block of LZ4's legacy frame, unpacked. */
#define LZ4_BLOCK	(8 << 20)
/* Block of LZO, unpacked, as lzop makes it. */
#define LZO_BLOCK	((uint32_t)256 << 10)
#define PAGE		((size_t)4096)
/* Piece of the other formats. */
#define PIECE		((size_t)256 << 10)

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be(const uint8_t *p, unsigned int bytes)
{
	uint32_t n = 0;

	while (bytes--)
		n = n << 8 | *p++;
	return n;
}

/* Where unpacked data goes, and how much of it there may be. */
struct out {
	image_sink *sink;
	void *arg;
	const char *format;
	uint8_t *buf;			/* a piece, or a block of LZ4 */
	size_t done, size;
	struct image_error *err;
};

static int wrong_size(const struct out *o, const char *more)
{
	return unfit(o->err, "damaged: its %s payload unpacks to %s%zu "
		     "bytes, not the promised %zu", o->format, more, o->done,
		     o->size);
}

static int emit(struct out *o, size_t len)
{
	o->done += len;
	if (o->done > o->size)
		return wrong_size(o, "at least ");
	return len ? o->sink(o->arg, o->buf, len) : 0;
}

static int unpack_gzip(struct out *o, const uint8_t *in, size_t in_len)
{
	z_stream z = { .next_in = (uint8_t *)in, .avail_in = in_len };
	int rc = 0, ended = Z_OK;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	while (!rc && ended == Z_OK) {
		z.next_out = o->buf;
		z.avail_out = PIECE;
		ended = inflate(&z, Z_NO_FLUSH);
		if (ended == Z_OK || ended == Z_STREAM_END)
			rc = emit(o, PIECE - z.avail_out);
	}
	if (!rc && ended != Z_STREAM_END)
		rc = unfit(o->err, "damaged: its gzip payload fails (%s)",
			   z.msg ? z.msg : "it ends early");
	inflateEnd(&z);
	return rc;
}

static int unpack_lzma(struct out *o, const uint8_t *in, size_t in_len,
		       lzma_stream *xz)
{
	lzma_ret ended = LZMA_OK;
	int rc = 0;

	xz->next_in = in;
	xz->avail_in = in_len;
	while (!rc && ended == LZMA_OK) {
		xz->next_out = o->buf;
		xz->avail_out = PIECE;
		ended = lzma_code(xz, LZMA_FINISH);
		if (ended == LZMA_OK || ended == LZMA_STREAM_END)
			rc = emit(o, PIECE - xz->avail_out);
	}
	if (!rc && ended != LZMA_STREAM_END)
		rc = unfit(o->err, "damaged: its %s payload fails (liblzma "
			   "error %d)", o->format, ended);
	lzma_end(xz);
	return rc;
}

static int unpack_xz(struct out *o, const uint8_t *in, size_t in_len)
{
	lzma_stream xz = LZMA_STREAM_INIT;

	return lzma_stream_decoder(&xz, XZ_MEMORY, 0) != LZMA_OK ? -ENOMEM :
		unpack_lzma(o, in, in_len, &xz);
}

/* The format before XZ. */
static int unpack_alone(struct out *o, const uint8_t *in, size_t in_len)
{
	lzma_stream xz = LZMA_STREAM_INIT;

	return lzma_alone_decoder(&xz, XZ_MEMORY) != LZMA_OK ? -ENOMEM :
		unpack_lzma(o, in, in_len, &xz);
}

static int unpack_bzip2(struct out *o, const uint8_t *in, size_t in_len)
{
	bz_stream z = { .next_in = (char *)in, .avail_in = in_len };
	int rc = 0, ended = BZ_OK;

	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return -ENOMEM;
	while (!rc && ended == BZ_OK) {
		z.next_out = (char *)o->buf;
		z.avail_out = PIECE;
		ended = BZ2_bzDecompress(&z);
		if (ended == BZ_OK && z.avail_out == PIECE && !z.avail_in)
			ended = BZ_UNEXPECTED_EOF;
		if (ended == BZ_OK || ended == BZ_STREAM_END)
			rc = emit(o, PIECE - z.avail_out);
	}
	if (!rc && ended != BZ_STREAM_END)
		rc = unfit(o->err, "damaged: its bzip2 payload fails "
			   "(libbz2 error %d)", ended);
	BZ2_bzDecompressEnd(&z);
	return rc;
}

static int unpack_zstd(struct out *o, const uint8_t *in, size_t in_len)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	ZSTD_inBuffer from = { .src = in, .size = in_len };
	size_t hint = 1;
	int rc = 0;

	if (!zstd)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW);
	while (!rc && hint) {
		ZSTD_outBuffer to = { .dst = o->buf, .size = PIECE };

		hint = ZSTD_decompressStream(zstd, &to, &from);
		if (ZSTD_isError(hint))
			rc = unfit(o->err, "damaged: its zstd payload fails "
				   "(%s)", ZSTD_getErrorName(hint));
		else if (hint && from.pos == from.size && !to.pos)
			rc = unfit(o->err, "damaged: its zstd payload fails "
				   "(it ends early)");
		else
			rc = emit(o, to.pos);
	}
	ZSTD_freeDCtx(zstd);
	return rc;
}

/*
 * Legacy frame: magic, then blocks of { size, data }, each 8 MiB unpacked.
 * The block at *@pos, which moves behind it; false at the end.
 */
static bool next_lz4(const uint8_t *in, size_t in_len, size_t *pos,
		     const uint8_t **block, uint32_t *size)
{
	if (in_len - *pos < 4)
		return false;
	*size = le32(in + *pos);
	*block = in + *pos + 4;
	*pos += 4;
	if (*size > in_len - *pos ||
	    *size > (uint32_t)LZ4_compressBound(LZ4_BLOCK))
		*block = NULL;
	else
		*pos += *size;
	return true;
}

static int unfit_lz4(struct image_error *err, const uint8_t *block)
{
	return unfit(err, block ? "damaged: its LZ4 payload has a piece of a "
		     "block at its end" : "damaged: an LZ4 block ends beyond "
		     "the payload");
}

static int unpack_lz4(struct out *o, const uint8_t *in, size_t in_len)
{
	const uint8_t *block = in;
	size_t pos = 4;
	uint32_t size;

	while (next_lz4(in, in_len, &pos, &block, &size) && block) {
		int n = LZ4_decompress_safe((const char *)block,
					    (char *)o->buf, size,
					    LZ4_BLOCK), rc;

		if (n < 0)
			return unfit(o->err, "damaged: its LZ4 payload fails "
				     "after %zu bytes", o->done);
		rc = emit(o, n);
		if (rc)
			return rc;
	}
	return block && pos == in_len ? 0 : unfit_lz4(o->err, block);
}

/*
 * lzop's header: magic, version, library's version, version needed, method,
 * level, flags, mode, time in two words, a name with its length, checksum;
 * versions before 0.94 lack some of it, and no kernel has them. Its length,
 * or 0; *@sums: how many checksums stand before a block that was packed, and
 * *@plain before one that was not.
 */
static size_t lzo_header(const uint8_t *in, size_t in_len, size_t *sums,
			 size_t *plain)
{
	enum { VERSION = 9, FLAGS = 17, NAME = 33, FILTER = 0x800 };
	uint32_t flags;
	size_t end;

	if (in_len < NAME + 1 || be(in + VERSION, 2) < 0x940)
		return 0;
	flags = be(in + FLAGS, 4);
	end = NAME + 1 + (size_t)in[NAME] + 4;
	if (flags & FILTER || end > in_len)
		return 0;
	/* Adler-32 and CRC-32 of what is unpacked, and of what is packed. */
	*plain = !!(flags & 0x001) + !!(flags & 0x100);
	*sums = *plain + !!(flags & 0x002) + !!(flags & 0x200);
	return end;
}

/* Blocks of { unpacked size, size, checksums, data }; a size of 0 ends them. */
static int unpack_lzo(struct out *o, const uint8_t *in, size_t in_len)
{
	size_t sums, plain, pos = lzo_header(in, in_len, &sums, &plain);

	if (!pos || lzo_init() != LZO_E_OK)
		return unfit(o->err, "its LZO payload has a header of an "
			     "unknown kind");
	while (in_len - pos >= 4) {
		lzo_uint size = be(in + pos, 4), packed, got = size;
		int rc;

		if (!size)
			return 0;
		if (in_len - pos < 8)
			break;
		packed = be(in + pos + 4, 4);
		pos += 8 + 4 * (packed < size ? sums : plain);
		if (size > LZO_BLOCK || packed > size || pos > in_len ||
		    packed > in_len - pos)
			return unfit(o->err, "damaged: an LZO block ends "
				     "beyond the payload");
		if (packed == size)
			memcpy(o->buf, in + pos, size);
		else if (lzo1x_decompress_safe(in + pos, packed, o->buf, &got,
					       NULL) != LZO_E_OK || got != size)
			return unfit(o->err, "damaged: its LZO payload fails "
				     "after %zu bytes", o->done);
		pos += packed;
		rc = emit(o, size);
		if (rc)
			return rc;
	}
	return unfit(o->err, "damaged: its LZO payload has no end");
}

static const struct format {
	const char *name;
	uint8_t magic[6];
	unsigned int magic_len;
	bool eats_size;			/* the size trailer is its own */
	size_t buffer;
	int (*unpack)(struct out *o, const uint8_t *in, size_t in_len);
} formats[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, true, PIECE, unpack_gzip },
	{ "XZ", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, false, PIECE, unpack_xz },
	{ "LZ4", { 0x02, 0x21, 0x4c, 0x18 }, 4, false, LZ4_BLOCK, unpack_lz4 },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, false, PIECE, unpack_zstd },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, false, PIECE, unpack_bzip2 },
	{ "LZO", { 0x89, 'L', 'Z', 'O' }, 4, false, LZO_BLOCK, unpack_lzo },
	{ "LZMA", { 0x5d, 0, 0 }, 3, false, PIECE, unpack_alone },
};

static const struct format *format_of(const uint8_t *in, size_t in_len)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (in_len >= formats[i].magic_len &&
		    !memcmp(in, formats[i].magic, formats[i].magic_len))
			return &formats[i];
	return NULL;
}

int image_decompress(const uint8_t *in, size_t in_len, size_t size,
		     image_sink *sink, void *arg, struct image_error *err)
{
	const struct format *f = format_of(in, in_len);
	struct out o = { .sink = sink, .arg = arg, .size = size, .err = err };
	int rc;

	if (!f)
		return unfit(err, "its payload is of no known format; known: "
			     "gzip, XZ, LZMA, bzip2, LZO, LZ4, zstd");
	o.format = f->name;
	if (posix_memalign((void **)&o.buf, PAGE, f->buffer))
		return -ENOMEM;
	(void)madvise(o.buf, f->buffer, MADV_POPULATE_WRITE);
	rc = f->unpack(&o, in, in_len);
	if (!rc && o.done != o.size)
		rc = wrong_size(&o, "");
	free(o.buf);
	return rc;
}

/* Finds the payload; 0 or -ENOEXEC. */
static int find_payload(const uint8_t *file, size_t len,
			const uint8_t **payload, size_t *payload_len,
			struct image_error *err)
{
	unsigned int sectors, version;
	uint64_t start, length;

	if (len < 0x250)
		return unfit(err, "cut short: its %zu bytes hold no bzImage "
			     "header", len);
	version = file[0x206] | file[0x207] << 8;
	if (version < 0x208)
		return unfit(err, "boot protocol %x.%02x is older than 2.08 "
			     "and names no payload", version >> 8,
			     version & 0xff);
	sectors = file[0x1f1] ? file[0x1f1] : 4;
	start = (sectors + 1) * 512 + (uint64_t)le32(file + 0x248);
	length = le32(file + 0x24c);
	if (start + length > len)
		return unfit(err, "cut short: its payload ends at %llu, the "
			     "file at %zu",
			     (unsigned long long)(start + length), len);
	if (length < 16)
		return unfit(err, "damaged: its payload has only %llu bytes",
			     (unsigned long long)length);
	*payload = file + start;
	*payload_len = length;
	return 0;
}

/* Likewise, and how it is packed; NULL: nobody knows. */
static int open_payload(const uint8_t *file, size_t len, const uint8_t **in,
			size_t *in_len, size_t *claimed,
			const struct format **f, struct image_error *err)
{
	int rc = find_payload(file, len, in, in_len, err);

	if (rc)
		return rc;
	*claimed = le32(*in + *in_len - 4);
	if (*claimed > IMAGE_MAX_SIZE || !*claimed)
		return unfit(err, "damaged: it promises to unpack to %zu "
			     "bytes", *claimed);
	*f = format_of(*in, *in_len);
	if (!*f || !(*f)->eats_size)
		*in_len -= 4;
	return 0;
}

int image_unwrap(const uint8_t *file, size_t len, image_sink *sink, void *arg,
		 size_t *size, struct image_error *err)
{
	const struct format *f;
	const uint8_t *in = NULL;
	size_t in_len = 0, claimed = 0;
	int rc = open_payload(file, len, &in, &in_len, &claimed, &f, err);

	if (!rc)
		rc = image_decompress(in, in_len, claimed, sink, arg, err);
	if (!rc)
		*size = claimed;
	return rc;
}

/* Likewise, of LZ4 alone. */
static int open_lz4(const uint8_t *file, size_t len, const uint8_t **in,
		    size_t *in_len, size_t *claimed, struct image_error *err)
{
	const struct format *f = NULL;
	int rc = open_payload(file, len, in, in_len, claimed, &f, err);

	return rc ? rc : f && f->unpack == unpack_lz4 ? 0 : -ENOTSUP;
}

int image_head(const uint8_t *file, size_t len, uint8_t *to, size_t want,
	       size_t *size, struct image_error *err)
{
	const uint8_t *in = NULL, *block = NULL;
	size_t in_len = 0, pos = 4;
	uint32_t packed;
	int rc = open_lz4(file, len, &in, &in_len, size, err), n;

	if (rc)
		return rc;
	if (!next_lz4(in, in_len, &pos, &block, &packed) || !block)
		return unfit_lz4(err, block);
	if (want > *size)
		want = *size;
	n = LZ4_decompress_safe_partial((const char *)block, (char *)to,
					(int)packed, (int)want, (int)want);
	return n >= 0 && (size_t)n == want ? 0 :
		unfit(err, "damaged: its LZ4 payload fails within the first "
		      "%zu bytes", want);
}

int image_unpack(const uint8_t *file, size_t len, uint8_t *to, size_t size,
		 struct image_error *err)
{
	const uint8_t *in = NULL, *block;
	size_t in_len = 0, pos = 4, done = 0, claimed = 0;
	uint32_t packed;
	int rc = open_lz4(file, len, &in, &in_len, &claimed, err);

	if (rc)
		return rc;
	block = in;
	while (next_lz4(in, in_len, &pos, &block, &packed) && block) {
		size_t room = size - done < LZ4_BLOCK ? size - done : LZ4_BLOCK;
		int n = LZ4_decompress_safe((const char *)block,
					    (char *)to + done, (int)packed,
					    (int)room);

		if (n < 0)
			return unfit(err, "damaged: its LZ4 payload fails "
				     "after %zu bytes", done);
		done += (size_t)n;
	}
	if (!block || pos != in_len)
		return unfit_lz4(err, block);
	return done == size && claimed == size ? 0 :
		unfit(err, "damaged: its LZ4 payload unpacks to %zu bytes, "
		      "not the promised %zu", done, claimed);
}

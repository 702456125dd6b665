/*
 * Kernel images and the first memory layout: made-up ELF files, damaged in
 * every place that the loader reads; bzImages of each compression, whole and
 * damaged; and page tables that are walked as the processor walks them.
 *
 * Every refusal names its reason: rows give a part of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <elf.h>
#include <lz4.h>
#include <bzlib.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <xen/elfnote.h>
#include <zlib.h>
#include <zstd.h>

#include "toolstack/libvane/image.h"
#include "toolstack/libvane/layout.h"
#include "toolstack/unwrap/unwrap.h"

#define VIRT_BASE	0xffffffff80000000ull
#define PADDR		0x1000000ull
#define ENTRY		(VIRT_BASE + PADDR + 0x100)
#define TEXT_SIZE	0x2345u
#define MEM_SIZE	0x8000u

/* An ELF kernel with one segment and notes, as the loader likes it. */
struct kernel {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];		/* load, notes, load */
	uint8_t notes[512];
	uint8_t text[TEXT_SIZE];
	uint8_t data[64];
};

static size_t add_note(uint8_t *at, uint32_t type, const void *desc,
		       uint32_t size)
{
	Elf64_Nhdr nh = { .n_namesz = 4, .n_descsz = size, .n_type = type };

	memcpy(at, &nh, sizeof(nh));
	memcpy(at + sizeof(nh), "Xen", 4);
	memcpy(at + sizeof(nh) + 4, desc, size);
	return sizeof(nh) + 4 + ((size + 3) & ~3u);
}

static size_t add_number(uint8_t *at, uint32_t type, uint64_t value)
{
	return add_note(at, type, &value, sizeof(value));
}

static struct kernel *make_kernel(const char *features)
{
	struct kernel *k = calloc(1, sizeof(*k));
	size_t n = 0;

	assert_non_null(k);
	memcpy(k->eh.e_ident, ELFMAG, SELFMAG);
	k->eh.e_ident[EI_CLASS] = ELFCLASS64;
	k->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	k->eh.e_machine = EM_X86_64;
	k->eh.e_phoff = offsetof(struct kernel, ph);
	k->eh.e_phentsize = sizeof(Elf64_Phdr);
	k->eh.e_phnum = 3;
	k->eh.e_entry = PADDR;
	k->ph[0] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_offset = offsetof(struct kernel, text),
		.p_paddr = PADDR, .p_filesz = TEXT_SIZE, .p_memsz = MEM_SIZE,
	};
	n += add_number(k->notes + n, XEN_ELFNOTE_ENTRY, ENTRY);
	n += add_number(k->notes + n, XEN_ELFNOTE_VIRT_BASE, VIRT_BASE);
	n += add_number(k->notes + n, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
	n += add_number(k->notes + n, XEN_ELFNOTE_MOD_START_PFN, 1);
	n += add_note(k->notes + n, XEN_ELFNOTE_GUEST_OS, "linux", 6);
	n += add_note(k->notes + n, XEN_ELFNOTE_FEATURES, features,
		      strlen(features));
	k->ph[1] = (Elf64_Phdr) {
		.p_type = PT_NOTE, .p_offset = offsetof(struct kernel, notes),
		.p_filesz = n, .p_memsz = n,
	};
	k->ph[2] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_offset = offsetof(struct kernel, data),
		.p_paddr = PADDR + 0x20000, .p_filesz = 64, .p_memsz = 4096,
	};
	return k;
}

static const char features[] = "!writable_page_tables|pae_pgdir_above_4gb";

static void test_elf(void **state)
{
	struct kernel *k = make_kernel(features);
	struct image_error err;
	struct image image;

	(void)state;
	assert_int_equal(image_kind((void *)k, sizeof(*k)), IMAGE_ELF);
	assert_int_equal(image_parse((void *)k, sizeof(*k), &image, &err), 0);
	assert_int_equal(image.nr_segments, 2);
	assert_int_equal(image.paddr_start, PADDR);
	assert_int_equal(image.paddr_end, PADDR + 0x21000);
	assert_int_equal(image.entry, ENTRY);
	assert_int_equal(image.virt_base, VIRT_BASE);
	assert_true(image.has_init_p2m && image.mod_start_pfn);
	assert_int_equal(image.init_p2m, 0x8000000000);
	assert_string_equal(image.guest_os, "linux");
	assert_false(image.has_hypercall_page);
	free(k);
}

/* --- damaged ELF files --------------------------------------------------- */

static void no_magic(struct kernel *k) { k->eh.e_ident[0] = 0; }
static void class_32(struct kernel *k) { k->eh.e_ident[EI_CLASS] = 1; }
static void big_endian(struct kernel *k) { k->eh.e_ident[EI_DATA] = 2; }
static void machine_arm(struct kernel *k) { k->eh.e_machine = EM_ARM; }
static void no_headers(struct kernel *k) { k->eh.e_phnum = 0; }
static void many_headers(struct kernel *k) { k->eh.e_phnum = 0xffff; }
static void odd_headers(struct kernel *k) { k->eh.e_phentsize = 8; }
static void far_headers(struct kernel *k) { k->eh.e_phoff = ~0ull - 8; }
static void far_segment(struct kernel *k) { k->ph[0].p_offset = ~0ull; }
static void long_segment(struct kernel *k) { k->ph[0].p_filesz = 1 << 20; }
static void huge_segment(struct kernel *k) { k->ph[0].p_memsz = 1ull << 60; }
static void wrap_segment(struct kernel *k) { k->ph[0].p_paddr = ~0ull - 9; }
static void small_memory(struct kernel *k) { k->ph[0].p_memsz = 16; }
static void spread(struct kernel *k) { k->ph[2].p_paddr = 1ull << 39; }
static void no_notes(struct kernel *k) { k->ph[1].p_type = PT_NULL; }
static void foreign_notes(struct kernel *k)
{
	for (size_t i = 0; i + 4 < sizeof(k->notes); i++)
		if (!memcmp(k->notes + i, "Xen", 4))
			k->notes[i] = 'Y';
}
static void long_note(struct kernel *k) { k->notes[4] = 0xff; }
static void long_name(struct kernel *k) { memset(k->notes, 0xff, 4); }
static void cut_note(struct kernel *k) { k->ph[1].p_filesz = 20; }
static void nothing(struct kernel *k)
{
	k->ph[0].p_memsz = k->ph[2].p_memsz = 0;
}
static void set_number(struct kernel *k, uint32_t type, uint64_t value)
{
	uint8_t *at = k->notes;

	for (;;) {
		Elf64_Nhdr nh;

		memcpy(&nh, at, sizeof(nh));
		at += sizeof(nh) + 4;
		if (nh.n_type == type)
			break;
		at += (nh.n_descsz + 3) & ~3u;
	}
	memcpy(at, &value, sizeof(value));
}
static void bad_entry(struct kernel *k)
{
	set_number(k, XEN_ELFNOTE_ENTRY, VIRT_BASE);
}
static void wild_entry(struct kernel *k)
{
	set_number(k, XEN_ELFNOTE_ENTRY, 0);
}
static void odd_base(struct kernel *k)
{
	set_number(k, XEN_ELFNOTE_VIRT_BASE, VIRT_BASE + 4096);
}
static void xen_base(struct kernel *k)
{
	set_number(k, XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000ull);
}
static void odd_p2m(struct kernel *k)
{
	set_number(k, XEN_ELFNOTE_INIT_P2M, 0x8000001000);
}

static const struct {
	const char *name;
	void (*damage)(struct kernel *k);
	const char *reason;
} damaged[] = {
	{ "no magic", no_magic, "no ELF file" },
	{ "32 bits", class_32, "not for x86-64" },
	{ "big endian", big_endian, "not for x86-64" },
	{ "ARM", machine_arm, "not for x86-64" },
	{ "no program headers", no_headers, "no program headers" },
	{ "too many program headers", many_headers, "cut short: program" },
	{ "program headers of odd size", odd_headers, "no program headers" },
	{ "program headers far away", far_headers, "cut short: program" },
	{ "segment far away", far_segment, "cut short: segment 0" },
	{ "segment too long", long_segment, "cut short: segment 0" },
	{ "segment too large", huge_segment, "impossible sizes" },
	{ "segment at the end of all", wrap_segment, "impossible sizes" },
	{ "less memory than file", small_memory, "impossible sizes" },
	{ "segments far apart", spread, "impossible addresses" },
	{ "nothing to load", nothing, "nothing to load" },
	{ "no notes", no_notes, "no notes of owner \"Xen\"" },
	{ "notes of others", foreign_notes, "no notes of owner \"Xen\"" },
	{ "note too long", long_note, "a note is longer" },
	{ "name too long", long_name, "a note is longer" },
	{ "notes cut", cut_note, "a note is longer" },
	{ "entry before the kernel", bad_entry, "entry point" },
	{ "entry at 0", wild_entry, "entry point" },
	{ "odd virtual base", odd_base, "multiple of 4 MiB" },
	{ "virtual base of the hypervisor", xen_base, "not a guest's" },
	{ "odd P2M address", odd_p2m, "INIT_P2M" },
};

static void test_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct kernel *k = make_kernel(features);
		struct image_error err = { "" };
		struct image image;
		int rc;

		damaged[i].damage(k);
		rc = image_parse((void *)k, sizeof(*k), &image, &err);
		if (rc != -8 || !strstr(err.text, damaged[i].reason))
			fail_msg("%s: %d, \"%s\"", damaged[i].name, rc,
				 err.text);
		free(k);
	}
}

/* Cut anywhere, the file is refused; no byte behind its end is read. */
static void test_cut(void **state)
{
	struct kernel *k = make_kernel(features);
	struct image_error err;
	struct image image;

	(void)state;
	for (size_t len = 0; len < sizeof(*k) - 64; len += 7) {
		uint8_t *copy = malloc(len ? len : 1); /* watched by ASan */

		memcpy(copy, k, len);
		assert_int_equal(image_parse(copy, len, &image, &err), -8);
		free(copy);
	}
	free(k);
}

static void test_features(void **state)
{
	static const struct {
		const char *list;
		int rc;
	} cases[] = {
		{ "", 0 }, { "anything|goes", 0 },
		{ "!writable_page_tables", 0 },
		{ "pae_pgdir_above_4gb|!auto_translated_physmap", -8 },
		{ "!dom0", -8 }, { "!writable_page_table", -8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel *k = make_kernel(cases[i].list);
		struct image_error err;
		struct image image;
		int rc = image_parse((void *)k, sizeof(*k), &image, &err);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].list, rc);
		free(k);
	}
}

/* --- bzImages ------------------------------------------------------------ */

#define PLAIN	(9u << 20)		/* more than one block of LZ4 */
#define SETUP	((1 + 4) * 512u)

static uint8_t *plain_text(void)
{
	uint8_t *plain = malloc(PLAIN);
	uint32_t n = 1;

	assert_non_null(plain);
	for (size_t i = 0; i < PLAIN; i++) {
		n = n * 1103515245 + 12345;
		plain[i] = n >> 28;	/* compresses to about a half */
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

	assert_true(p->len + len <= p->limit);
	p->data = realloc(p->data, p->len + len);
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

/* --- layout -------------------------------------------------------------- */

/*
 * A machine of 4 KiB frames, numbered in no order, with the tables of a
 * layout; walk() reads them as the processor does.
 */
struct machine {
	struct layout l;
	uint64_t *p2m;			/* frame of each page */
	uint64_t *frame;		/* content of the tables, by pfn */
};

#define FRAME_OF(pfn) (0x100000 + ((pfn) ^ 0x155))

static uint64_t *content(struct machine *m, uint64_t pte)
{
	uint64_t mfn = (pte & 0xffffffffff000ull) >> 12;
	uint64_t pfn = (mfn - 0x100000) ^ 0x155;

	return m->frame + pfn * 512;
}

/* The leaf entry that maps @va, 0 if none; checks the levels above. */
static uint64_t walk(struct machine *m, uint64_t va)
{
	uint64_t *table = m->frame + m->l.boot.pfn * 512;

	for (unsigned int shift = 39; shift > 12; shift -= 9) {
		uint64_t e = table[va >> shift & 511];

		if (!(e & 1))
			return 0;
		assert_int_equal(e & 0xfff, 0x67);
		table = content(m, e);
	}
	return table[va >> 12 & 511];
}

static void machine_make(struct machine *m, uint64_t pages)
{
	struct layout *l = &m->l;

	m->p2m = malloc(pages * 8);
	m->frame = calloc(l->used_pages, 4096);
	assert_non_null(m->p2m);
	assert_non_null(m->frame);
	for (uint64_t i = 0; i < pages; i++)
		m->p2m[i] = FRAME_OF(i);
	tables_fill(&l->boot, m->frame + l->boot.pfn * 512,
		    m->frame + l->boot.pfn * 512, m->p2m, 0,
		    (l->boot.end - l->boot.start) / 4096, l->boot.pfn,
		    tables_count(&l->boot));
	if (l->p2m_separate)
		tables_fill(&l->p2m, m->frame + l->boot.pfn * 512,
			    m->frame + l->p2m.pfn * 512, m->p2m, l->p2m_pfn,
			    l->p2m_pages, 0, 0);
}

static void machine_free(struct machine *m)
{
	free(m->p2m);
	free(m->frame);
}

/* Every address of the boot region maps its page, tables read-only. */
static void check_walks(struct machine *m)
{
	const struct layout *l = &m->l;
	uint64_t pages = (l->boot.end - l->boot.start) / 4096;

	for (uint64_t i = 0; i < pages; i++) {
		bool table = i >= l->boot.pfn &&
			i < l->boot.pfn + tables_count(&l->boot);

		assert_int_equal(walk(m, l->virt_base + i * 4096),
				 FRAME_OF(i) << 12 | (table ? 0x25 : 0x27));
	}
	assert_int_equal(walk(m, l->virt_base + pages * 4096), 0);
	for (uint64_t i = 0; i < l->p2m_pages; i++)
		assert_int_equal(walk(m, l->p2m_va + i * 4096),
				 FRAME_OF(l->p2m_pfn + i) << 12 | 0x27);
	if (l->p2m_separate)
		assert_int_equal(walk(m, l->p2m_va + l->p2m_pages * 4096), 0);
}

/* Parts do not overlap and stand in the order that the interface gives. */
static void check_order(const struct layout *l, uint64_t ramdisk)
{
	uint64_t at = l->kernel_pfn + l->kernel_pages;

	if (ramdisk && l->ramdisk_mapped) {
		assert_int_equal(l->ramdisk_pfn, at);
		at += l->ramdisk_pages;
	}
	if (!l->p2m_separate) {
		assert_int_equal(l->p2m_pfn, at);
		assert_int_equal(l->p2m_va, l->virt_base + at * 4096);
		at += l->p2m_pages;
	}
	assert_int_equal(l->start_info_pfn, at);
	assert_int_equal(l->store_pfn, at + 1);
	assert_int_equal(l->console_pfn, at + 2);
	assert_int_equal(l->boot.pfn, at + 3);
	at += 3 + tables_count(&l->boot);
	assert_int_equal(l->stack_pfn, at);
	assert_int_equal(l->boot.end % (4 << 20), 0);
	assert_true(l->boot.end - l->boot.start >=
		    (at + 1) * 4096 + (512 << 10));
	at = (l->boot.end - l->boot.start) / 4096;
	if (ramdisk && !l->ramdisk_mapped) {
		assert_int_equal(l->ramdisk_pfn, at);
		at += l->ramdisk_pages;
	}
	if (l->p2m_separate) {
		assert_int_equal(l->p2m_pfn, at);
		assert_int_equal(l->p2m.pfn, at + l->p2m_pages);
		at += l->p2m_pages + tables_count(&l->p2m);
	}
	assert_int_equal(l->used_pages, at);
}

static const struct {
	uint64_t virt_base, paddr_offset, kernel_end, ramdisk, pages;
	bool init_p2m, mod_start_pfn;
} layouts[] = {
	/* Debian's kernels: 58 MiB from 16 MiB on */
	{ VIRT_BASE, 0, 0x4a00000, 0, 32768, true, true },
	{ VIRT_BASE, 0, 0x4a00000, 5 << 20, 65536, true, true },
	{ VIRT_BASE, 0, 0x4a00000, 1, 32768, true, true },
	/* ends just where tables begin to cost one more, and around it */
	{ VIRT_BASE, 0, 0x1000000 + (1 << 20), 0, 8192, true, true },
	{ VIRT_BASE, 0, 0x1400000 - (532 << 10), 0, 8192, true, true },
	{ VIRT_BASE, 0, 0x1400000 - (528 << 10), 0, 8192, true, true },
	{ VIRT_BASE, 0, 0x1400000 - (524 << 10), 0, 8192, true, true },
	/* a kernel that takes nothing unmapped */
	{ VIRT_BASE, 0, 0x1008000, 100000, 8192, false, false },
	{ VIRT_BASE, 0, 0x1008000, 100000, 8192, true, false },
	{ VIRT_BASE, 0, 0x1008000, 100000, 8192, false, true },
	/* across two and more L3 tables; low addresses */
	{ 0xffffffff40000000 - (8 << 20), 0, 0x1800000, 0, 16384, true, true },
	{ 0xffff888000000000 - (8 << 20), 0, 0x1800000, 0, 16384, true, true },
	{ 0x400000, 0, 0x1800000, 0, 16384, false, true },
	/* a large domain: its P2M list takes several L1 tables, and L2 */
	{ VIRT_BASE, 0, 0x4a00000, 0, 600 << 10, true, true },
	{ VIRT_BASE, 0x800000, 0x1100000, 0, 8192, true, true },
};

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct image image = {
			.paddr_start = PADDR,
			.paddr_end = layouts[i].kernel_end,
			.virt_base = layouts[i].virt_base,
			.paddr_offset = layouts[i].paddr_offset,
			.has_init_p2m = layouts[i].init_p2m,
			.init_p2m = 0x8000000000,
			.mod_start_pfn = layouts[i].mod_start_pfn,
		};
		struct image_error err = { "" };
		struct machine m;
		int rc = layout_make(&m.l, &image, layouts[i].ramdisk,
				     layouts[i].pages, &err);

		if (rc)
			fail_msg("layout %zu: %s", i, err.text);
		check_order(&m.l, layouts[i].ramdisk);
		machine_make(&m, layouts[i].pages);
		check_walks(&m);
		machine_free(&m);
	}
}

static void test_layout_refused(void **state)
{
	struct image image = {
		.paddr_start = PADDR, .paddr_end = 0x4a00000,
		.virt_base = VIRT_BASE, .has_init_p2m = true,
		.init_p2m = 0x8000000000, .mod_start_pfn = true,
	};
	struct image_error err;
	struct layout l;

	(void)state;
	assert_int_equal(layout_make(&l, &image, 0, 16384, &err), -12);
	assert_non_null(strstr(err.text, "the domain has 65536 KiB"));
	/* exactly enough, and one page less */
	while (layout_make(&l, &image, 0, l.used_pages, &err))
		;			/* the P2M list grows with the domain */
	assert_int_equal(layout_make(&l, &image, 0, l.used_pages - 1, &err),
			 -12);
	assert_int_equal(layout_make(&l, &image, 1ull << 40, 32768, &err),
			 -12);
	image.init_p2m = 0xffffff0000000000;
	assert_int_equal(layout_make(&l, &image, 0, 32768, &err), -8);
	assert_non_null(strstr(err.text, "lower half"));
	image.virt_base = 0x400000;
	image.init_p2m = 0x40000000;
	assert_int_equal(layout_make(&l, &image, 0, 32768, &err), -8);
	assert_non_null(strstr(err.text, "collides"));
	image.init_p2m = 0x8000000000;
	image.virt_base = 0xfffffffffc000000;
	assert_int_equal(layout_make(&l, &image, 0, 32768, &err), -8);
	assert_non_null(strstr(err.text, "too large for its addresses"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_unwrap),
		cmocka_unit_test(test_unwrap_damaged),
		cmocka_unit_test(test_unwrap_long_block),
		cmocka_unit_test(test_unwrap_stopped),
		cmocka_unit_test(test_unwrap_header),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_layout_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

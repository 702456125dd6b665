/*
 * Kernel images and the first memory layout: made-up ELF files, damaged in
 * every place that the loader reads; where they can be unpacked to; and page
 * tables that are walked as the processor walks them. bzImages: test_unwrap.c.
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
#include <xen/elfnote.h>

#include "toolstack/libvane/image.h"
#include "toolstack/libvane/layout.h"

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

/* --- where to unpack it --------------------------------------------------- */

#define PAGES	0x2000ul

/* Each segment has pages of its own, as linkers make them for kernels. */
struct paged {
	struct kernel k;
	uint8_t pad[4096 - sizeof(struct kernel) % 4096];
	uint8_t text[3 * 4096];		/* the notes are in it */
	uint8_t data[2 * 4096];
	uint8_t rest[4096 + 100];
};

static struct paged *make_paged(void)
{
	struct kernel *k = make_kernel(features);
	struct paged *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->k = *k;
	free(k);
	p->k.ph[0].p_offset = offsetof(struct paged, text);
	p->k.ph[0].p_filesz = p->k.ph[0].p_memsz = sizeof(p->text);
	p->k.ph[1].p_offset = offsetof(struct paged, text) + 4096 - 8;
	p->k.ph[2].p_offset = offsetof(struct paged, data);
	p->k.ph[2].p_filesz = sizeof(p->data) - 100;
	p->k.ph[2].p_memsz = 4 * 4096;
	return p;
}

static int place(struct paged *p, size_t head, uint64_t pages, uint32_t **to)
{
	struct image image;

	return place_pages((void *)p, sizeof(*p), head, pages, &image, to);
}

static void test_place(void **state)
{
	struct paged *p = make_paged();
	uint32_t text = offsetof(struct paged, text) / 4096, *to;
	uint32_t last = (sizeof(*p) + 4095) / 4096;

	(void)state;
	assert_int_equal(place(p, 4096, PAGES, &to), 0);
	for (uint32_t i = 0; i < last; i++)
		assert_int_equal(to[i], i < text || i >= text + 5 ?
				 PLACE_SCRATCH : i < text + 3 ?
				 PADDR / 4096 + i - text :
				 PADDR / 4096 + 0x20 + i - text - 3);
	free(to);
	/* The last frame that is needed, and the one before. */
	assert_int_equal(place(p, 4096, PADDR / 4096 + 0x24 +
			       PLACE_SCRATCH_FRAMES, &to), 0);
	free(to);
	assert_int_equal(place(p, 4096, PADDR / 4096 + 0x23 +
			       PLACE_SCRATCH_FRAMES, &to), -ENOTSUP);
	assert_int_equal(place(p, 4096, 3, &to), -ENOTSUP);
	assert_int_equal(place(p, 4096, 1ull << 32, &to), -ENOTSUP);
	/* Headers that end where the known bytes do, and one later. */
	assert_int_equal(place(p, offsetof(struct kernel, ph[3]), PAGES, &to),
			 0);
	free(to);
	assert_int_equal(place(p, offsetof(struct kernel, ph[3]) - 1, PAGES,
			       &to), -ENOTSUP);
	assert_int_equal(place(p, 10, PAGES, &to), -ENOTSUP);
	free(p);
}

static void odd_offset(struct kernel *k) { k->ph[2].p_offset += 8; }
static void share_page(struct kernel *k)
{
	k->ph[2].p_offset -= 8;		/* of the file */
	k->ph[2].p_paddr -= 8;
}
static void share_frame(struct kernel *k) { k->ph[2].p_paddr = PADDR + 0x2000; }
static void share_bss(struct kernel *k) { k->ph[0].p_memsz = 0x20001; }
static void huge_paddr(struct kernel *k)
{
	k->ph[2].p_paddr = UINT64_MAX - IMAGE_MAX_SIZE;
	k->ph[2].p_paddr &= ~4095ull;
	k->ph[2].p_memsz = IMAGE_MAX_SIZE;
}
static void notes_outside(struct kernel *k)
{
	k->ph[1].p_offset = offsetof(struct paged, rest) + 8;
}
static void notes_beyond(struct kernel *k)
{
	k->ph[1].p_offset = offsetof(struct paged, data) + 2 * 4096 - 8;
}

/* Such kernels exist, or may; they are unpacked as a whole. */
static void test_no_place(void **state)
{
	static const struct {
		const char *name;
		void (*change)(struct kernel *k);
	} rows[] = {
		{ "not of the page's offset", odd_offset },
		{ "a page of two segments", share_page },
		{ "a frame of two segments", share_frame },
		{ "a frame of what is zero", share_bss },
		{ "beyond all memory", huge_paddr },
		{ "notes in no segment", notes_outside },
		{ "notes that leave one", notes_beyond },
		{ "no ELF file", no_magic },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paged *p = make_paged();
		uint32_t *to;
		int rc;

		rows[i].change(&p->k);
		rc = place(p, 4096, PAGES, &to);
		if (rc != -ENOTSUP)
			fail_msg("%s: %d", rows[i].name, rc);
		free(p);
	}
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
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_layout_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Reading an ELF kernel. Segments are placed by their physical address (the
 * virtual address of a per-CPU segment may be 0); where the kernel wants to
 * run, and what it expects of its start, stands in notes of the owner "Xen".
 * The file is trusted no further than its length: every offset is checked
 * before use, so that a damaged image is a sentence and not a fault.
 *
 * Layout of ELF files: System V ABI, chapters 4 and 5; notes: elfnote.h.
 */
#include "dom0.h"
#include "lib.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_note {
	uint32_t namesz, descsz, type;
};

enum {
	SEGMENT_LOAD = 1,
	SEGMENT_NOTE = 4,
	MACHINE_X86_64 = 62,
};

/* More pseudo-physical space than any kernel image fills. */
#define IMAGE_LIMIT (1ULL << 36)

static bool in_file(const struct elf_kernel *k, uint64_t off, uint64_t len)
{
	return off <= k->size && len <= k->size - off;
}

/* A required feature ("!name" in the list) that no PV guest gets here. */
static bool asks_too_much(const char *list, size_t len)
{
	static const char *const refused[] = {
		"!auto_translated_physmap", "!supervisor_mode_kernel",
	};
	size_t i, at, n;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		n = strlen(refused[i]);
		for (at = 0; at + n <= len; at++)
			if (!memcmp(list + at, refused[i], n))
				return true;
	}
	return false;
}

static const char *take_note(struct elf_kernel *k, uint32_t type,
			     const void *desc, uint32_t len)
{
	if (type > XEN_ELFNOTE_MAX)
		return NULL;
	k->notes |= 1u << type;
	k->note[type] = 0;
	memcpy(&k->note[type], desc, min((size_t)len, sizeof(k->note[type])));
	if (type == XEN_ELFNOTE_FEATURES && asks_too_much(desc, len))
		return "it requires a feature that PV does not have";
	return NULL;
}

/* Walks one note segment for notes of the owner "Xen". */
static const char *take_notes(struct elf_kernel *k, uint64_t off, uint64_t len)
{
	const struct elf_note *n;
	const char *why;
	uint64_t name, desc, end;

	if (!in_file(k, off, len))
		return "a note segment lies outside the file";

	for (end = off + len; end - off >= sizeof(*n); off = desc) {
		n = (const void *)(k->file + off);
		name = off + sizeof(*n);
		desc = name + ROUND_UP((uint64_t)n->namesz, 4);
		if (desc + n->descsz > end)
			return "a note is longer than its segment";
		if (n->namesz == 4 && !memcmp(k->file + name, "Xen", 4)) {
			why = take_note(k, n->type, k->file + desc, n->descsz);
			if (why)
				return why;
		}
		desc = min(desc + ROUND_UP((uint64_t)n->descsz, 4), end);
	}
	return NULL;
}

static const char *take_header(struct elf_kernel *k)
{
	const struct elf_header *h = (const void *)k->file;

	if (k->size > 0x206 && !memcmp(k->file + 0x202, "HdrS", 4))
		return "it is a compressed bzImage: give the unpacked vmlinux "
		       "that the kernel postinst hook (zz-paravane) makes";
	if (k->size < sizeof(*h) || memcmp(h->ident, "\177ELF\2\1", 6) ||
	    h->machine != MACHINE_X86_64)
		return "it is not a 64-bit x86 ELF file";
	if (h->phentsize != sizeof(struct elf_segment) ||
	    !in_file(k, h->phoff, h->phnum * sizeof(struct elf_segment)))
		return "its program headers lie outside the file";
	k->segment = (const void *)(k->file + h->phoff);
	k->segments_end = k->segment + h->phnum;
	k->note[XEN_ELFNOTE_ENTRY] = h->entry;
	return NULL;
}

static const char *measure(struct elf_kernel *k)
{
	const struct elf_segment *s;
	uint64_t pa;

	k->low = ~0ULL;
	for (s = k->segment; s < k->segments_end; s++) {
		if (s->type != SEGMENT_LOAD || s->memsz == 0)
			continue;
		pa = s->paddr - k->note[XEN_ELFNOTE_PADDR_OFFSET];
		if (!in_file(k, s->offset, s->filesz) || s->filesz > s->memsz)
			return "a segment lies outside the file: cut off?";
		if (pa >= IMAGE_LIMIT || s->memsz >= IMAGE_LIMIT)
			return "a segment wants an address beyond reason";
		k->low = min(k->low, pa);
		k->high = max(k->high, pa + s->memsz);
	}
	if (k->high == 0)
		return "it has nothing to load";
	return NULL;
}

const char *elf_parse(struct elf_kernel *k, const void *file, uint64_t size)
{
	const struct elf_segment *s;
	const char *why;

	*k = (struct elf_kernel){ .file = file, .size = size };
	why = take_header(k);
	if (why)
		return why;
	for (s = k->segment; s < k->segments_end; s++) {
		if (s->type != SEGMENT_NOTE)
			continue;
		why = take_notes(k, s->offset, s->filesz);
		if (why)
			return why;
	}
	if (!k->notes)
		return "it has no Xen notes: it was built without PV support";
	return measure(k);
}

void elf_load(const struct elf_kernel *k, const struct dom0_memory *m)
{
	const struct elf_segment *s;
	uint64_t pa;

	for (s = k->segment; s < k->segments_end; s++) {
		if (s->type != SEGMENT_LOAD)
			continue;
		pa = s->paddr - k->note[XEN_ELFNOTE_PADDR_OFFSET];
		dom0_copy(m, pa, k->file + s->offset, s->filesz);
		dom0_copy(m, pa + s->filesz, NULL, s->memsz - s->filesz);
	}
}

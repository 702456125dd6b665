/*
 * ELF kernels: headers, loadable segments and the notes of owner "Xen".
 *
 * Every number in the file is hostile: it is checked against the file's
 * length, and sums are checked before they are formed. Segments are loaded by
 * physical address (Linux gives one of its segments the virtual address 0).
 * Facts: the ELF specification; <xen/elfnote.h>.
 */
#include "toolstack/libvane/image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <xen/elfnote.h>
#include <xen/features.h>

/* Whether @size bytes at @offset lie within @len. */
static bool inside(uint64_t offset, uint64_t size, uint64_t len)
{
	return offset <= len && size <= len - offset;
}

enum image_kind image_kind(const uint8_t *file, size_t len)
{
	if (len >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG))
		return IMAGE_ELF;
	if (len >= 0x206 && !memcmp(file + 0x202, "HdrS", 4))
		return IMAGE_BZIMAGE;
	return IMAGE_UNKNOWN;
}

static int read_header(const uint8_t *file, size_t len, Elf64_Ehdr *eh,
		       struct image_error *err)
{
	if (len < sizeof(*eh))
		return unfit(err, "cut short: %zu bytes hold no ELF header",
			     len);
	memcpy(eh, file, sizeof(*eh));
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return unfit(err, "is no ELF file");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != EM_X86_64)
		return unfit(err, "is not for x86-64 (class %u, machine %u)",
			     eh->e_ident[EI_CLASS], eh->e_machine);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum)
		return unfit(err, "has no program headers");
	if (!inside(eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr),
		    len))
		return unfit(err, "cut short: program headers at %#llx end "
			     "beyond its %zu bytes",
			     (unsigned long long)eh->e_phoff, len);
	return 0;
}

static int add_segment(struct image *image, const Elf64_Phdr *ph, size_t len,
		       struct image_error *err)
{
	struct image_segment *seg;

	if (image->nr_segments == IMAGE_MAX_SEGMENTS)
		return unfit(err, "has more than %d segments",
			     IMAGE_MAX_SEGMENTS);
	if (!inside(ph->p_offset, ph->p_filesz, len))
		return unfit(err, "cut short: segment %u ends at %#llx, the "
			     "file at %#zx", image->nr_segments,
			     (unsigned long long)ph->p_offset + ph->p_filesz,
			     len);
	if (ph->p_filesz > ph->p_memsz || ph->p_memsz > IMAGE_MAX_SIZE ||
	    ph->p_paddr > UINT64_MAX - IMAGE_MAX_SIZE)
		return unfit(err, "segment %u has impossible sizes",
			     image->nr_segments);
	seg = &image->segment[image->nr_segments++];
	seg->paddr = ph->p_paddr;
	seg->offset = ph->p_offset;
	seg->filesz = ph->p_filesz;
	seg->memsz = ph->p_memsz;
	if (image->nr_segments == 1 || seg->paddr < image->paddr_start)
		image->paddr_start = seg->paddr;
	if (seg->paddr + seg->memsz > image->paddr_end)
		image->paddr_end = seg->paddr + seg->memsz;
	return 0;
}

static int add_notes(struct image *image, const Elf64_Phdr *ph,
		     struct image_error *err)
{
	struct image_notes *n = &image->notes[image->nr_notes];

	if (image->nr_notes == IMAGE_MAX_SEGMENTS)
		return unfit(err, "has more than %d pieces of notes",
			     IMAGE_MAX_SEGMENTS);
	image->nr_notes++;
	n->offset = ph->p_offset;
	n->size = ph->p_filesz;
	return 0;
}

/* A note's value as a number: 1, 2, 4 or 8 bytes. */
static uint64_t note_number(const uint8_t *desc, uint32_t size)
{
	uint64_t value = 0;

	if (size == 1 || size == 2 || size == 4 || size == 8)
		memcpy(&value, desc, size);
	return value;
}

/*
 * The features that a kernel requires ("!name") must be ones that a domain
 * has. writable_page_tables is named by Linux, which then goes by hypercalls
 * and emulated writes: every PV hypervisor gives it those.
 */
static int check_features(const char *list, struct image_error *err)
{
	static const char *const have[] = {
		"writable_page_tables", "pae_pgdir_above_4gb",
	};

	while (*list) {
		size_t n = strcspn(list, "|");

		if (*list == '!') {
			bool found = false;

			for (unsigned int i = 0; i < 2; i++)
				found |= strlen(have[i]) == n - 1 &&
					 !memcmp(have[i], list + 1, n - 1);
			if (!found)
				return unfit(err, "requires the feature "
					     "\"%.*s\", which a PV domain "
					     "does not have",
					     (int)(n > 40 ? 40 : n - 1),
					     list + 1);
		}
		list += n;
		list += *list == '|';
	}
	return 0;
}

static int take_note(struct image *image, uint32_t type, const uint8_t *desc,
		     uint32_t size, struct image_error *err)
{
	uint64_t number = note_number(desc, size);
	char text[256];

	switch (type) {
	case XEN_ELFNOTE_ENTRY:
		image->entry = number;	/* instead of the header's */
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		image->has_hypercall_page = true;
		image->hypercall_page = number;
		break;
	case XEN_ELFNOTE_VIRT_BASE:
		image->virt_base = number;
		break;
	case XEN_ELFNOTE_PADDR_OFFSET:
		image->paddr_offset = number;
		break;
	case XEN_ELFNOTE_INIT_P2M:
		image->has_init_p2m = true;
		image->init_p2m = number;
		break;
	case XEN_ELFNOTE_MOD_START_PFN:
		image->mod_start_pfn = number != 0;
		break;
	case XEN_ELFNOTE_GUEST_OS:
	case XEN_ELFNOTE_FEATURES:
		snprintf(text, sizeof(text), "%.*s",
			 size < sizeof(text) ? (int)size : 255,
			 (const char *)desc);
		if (type == XEN_ELFNOTE_FEATURES)
			return check_features(text, err);
		snprintf(image->guest_os, sizeof(image->guest_os), "%.31s",
			 text);
		break;
	default:
		break;
	}
	return 0;
}

/* Walks one NOTE segment, which lies within the file. */
static int read_notes(struct image *image, const uint8_t *at, uint64_t left,
		      struct image_error *err)
{
	Elf64_Nhdr nh;

	while (left >= sizeof(nh)) {
		uint64_t name_room, desc_room;
		const uint8_t *name = at + sizeof(nh);
		int rc;

		memcpy(&nh, at, sizeof(nh));
		name_room = ((uint64_t)nh.n_namesz + 3) & ~3ull;
		desc_room = ((uint64_t)nh.n_descsz + 3) & ~3ull;
		left -= sizeof(nh);
		if (name_room > left || nh.n_descsz > left - name_room)
			return unfit(err, "damaged: a note is longer than "
				     "its segment");
		if (nh.n_namesz == 4 && !memcmp(name, "Xen", 4)) {
			image->has_notes = true;
			rc = take_note(image, nh.n_type, name + name_room,
				       nh.n_descsz, err);
			if (rc)
				return rc;
		}
		if (desc_room >= left - name_room)
			break;
		left -= name_room + desc_room;
		at = name + name_room + desc_room;
	}
	return 0;
}

/* Whether the virtual address lies in what the image loads. */
static bool loaded(const struct image *image, uint64_t va)
{
	uint64_t paddr = va - image->virt_base + image->paddr_offset;

	return paddr >= image->paddr_start && paddr < image->paddr_end;
}

/* The lower half, or the upper one beyond the hypervisor's own 8 TiB. */
static bool guest_range(uint64_t first, uint64_t size)
{
	const uint64_t low_end = 1ull << 47, high = 0xffff880000000000ull;

	if (first >= high)
		return size <= UINT64_MAX - first;
	return first < low_end && size <= low_end - first;
}

static int check_addresses(const struct image *image, struct image_error *err)
{
	uint64_t size = image->paddr_end - image->paddr_start;

	if (!image->nr_segments || !size)
		return unfit(err, "has nothing to load");
	if (image->paddr_start < image->paddr_offset ||
	    size > IMAGE_MAX_SIZE ||
	    image->paddr_end - image->paddr_offset > (uint64_t)1 << 40)
		return unfit(err, "loads to impossible addresses");
	if (image->virt_base & 0x3fffff)
		return unfit(err, "VIRT_BASE %#llx is not a multiple of "
			     "4 MiB", (unsigned long long)image->virt_base);
	if (!guest_range(image->virt_base,
			 image->paddr_end - image->paddr_offset))
		return unfit(err, "virtual addresses from %#llx on are not "
			     "a guest's to use",
			     (unsigned long long)image->virt_base);
	if (!loaded(image, image->entry))
		return unfit(err, "entry point %#llx lies outside of it",
			     (unsigned long long)image->entry);
	if (image->has_hypercall_page && !loaded(image, image->hypercall_page))
		return unfit(err, "hypercall page %#llx lies outside of it",
			     (unsigned long long)image->hypercall_page);
	if (image->has_init_p2m && (image->init_p2m & 0x1fffff))
		return unfit(err, "INIT_P2M %#llx is not a multiple of "
			     "2 MiB", (unsigned long long)image->init_p2m);
	return 0;
}

int image_headers(const uint8_t *file, size_t len, struct image *image,
		  struct image_error *err)
{
	Elf64_Ehdr eh;
	int rc = read_header(file, len, &eh, err);

	memset(image, 0, sizeof(*image));
	for (unsigned int i = 0; !rc && i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_memsz)
			rc = add_segment(image, &ph, len, err);
		else if (ph.p_type == PT_NOTE &&
			 inside(ph.p_offset, ph.p_filesz, len))
			rc = add_notes(image, &ph, err);
	}
	if (!rc)
		image->entry = eh.e_entry;
	return rc;
}

int image_parse(const uint8_t *file, size_t len, struct image *image,
		struct image_error *err)
{
	struct image got;
	int rc = image_headers(file, len, &got, err);

	for (unsigned int i = 0; !rc && i < got.nr_notes; i++)
		rc = read_notes(&got, file + got.notes[i].offset,
				got.notes[i].size, err);
	if (rc)
		return rc;
	if (!got.has_notes)
		return unfit(err, "has no notes of owner \"Xen\": it is no "
			     "kernel for a PV domain");
	rc = check_addresses(&got, err);
	if (rc)
		return rc;
	*image = got;
	return 0;
}

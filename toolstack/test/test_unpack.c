/*
 * A packed kernel on its way to a domain: the helper is given the right frame
 * for each page of the file, scratch frames are never the same one within
 * LZ4's reach and are cleared, what lies behind a segment is zero, notes are
 * those that the domain has.
 *
 * The domain's memory is an array, its frames are numbered in no order, and
 * the helper is played: it has the file unpacked already.
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
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/elfnote.h>

#include "toolstack/libvane/build.h"
#include "toolstack/sys/privcmd.h"
#include "toolstack/unwrap/helper.h"

#define PAGES		256u		/* of the domain */
#define FILE_PAGES	60u
#define FIRST		2u		/* page of the segment */
#define LOADED		10u		/* its pages in the file */
#define TAIL		100u		/* bytes of the last of them */
#define MFN(pfn)	(((pfn) ^ 0x55u) + 1000u)
#define BASE		0xffffffff80000000ull
#define LEN		(FILE_PAGES * PAGE_SIZE - 7)
#define NOTES		((FIRST + 3) * PAGE_SIZE - 20) /* on two pages */

static uint8_t memory[PAGES][PAGE_SIZE];
static uint8_t elf[LEN];
static size_t notes_len;
static int layouts, fail_map;

static uint8_t *frame(uint64_t mfn)
{
	assert_in_range(mfn, 1000, 1000 + PAGES - 1);
	return memory[(mfn - 1000) ^ 0x55u];
}

/* --- what is around it ---------------------------------------------------- */

int vane_fail(struct vane *v, int rc, const char *fmt, ...)
{
	(void)v, (void)fmt;
	errno = 0;
	return rc;
}

int vane_no_memory(struct vane *v, const char *what)
{
	(void)v, (void)what;
	return -ENOMEM;
}

int vane_hv_refused(struct vane *v, int rc, const char *object,
		    const char *step)
{
	(void)v, (void)object, (void)step;
	return rc;
}

int hv_clear_frames(struct vane *v, uint32_t domid, const uint64_t *mfns,
		    unsigned int count)
{
	(void)v;
	assert_int_equal(domid, 7);
	for (unsigned int i = 0; i < count; i++)
		memset(frame(mfns[i]), 0, PAGE_SIZE);
	return 0;
}

void *privcmd_map_foreign(int fd, uint32_t domid, int prot,
			  const uint64_t *mfns, unsigned int count, int *errs)
{
	(void)fd, (void)prot, (void)errs;
	assert_int_equal(domid, 7);
	assert_int_equal(count, 1);
	if (fail_map && !--fail_map) {
		errno = EPERM;
		return NULL;
	}
	return frame(*mfns);
}

void privcmd_unmap(void *at, unsigned int count)
{
	(void)at, (void)count;
}

int kernel_parse(struct vane *v, struct kernel_file *k)
{
	struct image_error err;

	(void)v;
	return image_parse(k->elf, k->elf_len, &k->image, &err);
}

int build_layout(struct vane *v, struct build *b)
{
	(void)v, (void)b;
	layouts++;
	return 0;
}

/* The bytes go to the frames, one by one and in order, as LZ4 writes them. */
int kernel_helper(struct vane *v, const struct kernel_file *k,
		  const char *const *argv, int from, int to, int more)
{
	uint64_t frames[FILE_PAGES + 1];

	(void)v, (void)k;
	assert_string_equal(argv[1], "into");
	assert_string_equal(argv[2], "7");
	assert_int_equal(strtoul(argv[3], NULL, 10), LEN);
	assert_int_equal(from, 98);
	assert_int_equal(more, 99);
	assert_int_equal(pread(to, frames, sizeof(frames), 0),
			 FILE_PAGES * sizeof(*frames));
	for (unsigned int i = 0; i < FILE_PAGES; i++) {
		size_t at = i * PAGE_SIZE;

		for (unsigned int back = 1; back <= 17 && back <= i; back++)
			assert_int_not_equal(frames[i], frames[i - back]);
		memcpy(frame(frames[i]), elf + at, LEN - at < PAGE_SIZE ?
		       LEN - at : PAGE_SIZE);
	}
	return 0;
}

/* --- the kernel ------------------------------------------------------------ */

static void note(uint32_t type, uint64_t value)
{
	Elf64_Nhdr nh = { .n_namesz = 4, .n_descsz = 8, .n_type = type };
	uint8_t *at = elf + NOTES + notes_len;

	memcpy(at, &nh, sizeof(nh));
	memcpy(at + 12, "Xen", 4);
	memcpy(at + 16, &value, 8);
	notes_len += 24;
}

static void make_elf(uint64_t paddr_offset)
{
	uint64_t paddr = 0x20000 + paddr_offset;
	Elf64_Ehdr *eh = (void *)elf;
	Elf64_Phdr *ph = (void *)(elf + sizeof(*eh));

	for (size_t i = 0; i < LEN; i++)
		elf[i] = (uint8_t)(i / PAGE_SIZE + 1);
	memset(elf, 0, sizeof(*eh) + 2 * sizeof(*ph));
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_machine = EM_X86_64;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 2;
	notes_len = 0;
	note(XEN_ELFNOTE_VIRT_BASE, BASE);
	note(XEN_ELFNOTE_ENTRY, BASE + 0x20000);
	note(XEN_ELFNOTE_PADDR_OFFSET, paddr_offset);
	ph[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_offset = FIRST * PAGE_SIZE,
		.p_paddr = paddr,
		.p_filesz = (LOADED - 1) * PAGE_SIZE + TAIL,
		.p_memsz = (LOADED + 5) * PAGE_SIZE,
	};
	ph[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = notes_len,
	};
}

struct scene {
	struct vane v;
	struct vane_config config;
	struct build b;
};

/* As kernel_open() and build_populate() leave it. */
static void begin(struct scene *s)
{
	static uint64_t p2m[PAGES];
	struct kernel_file *k = &s->b.kernel;
	void *map;

	memset(s, 0, sizeof(*s));
	memset(memory, 0, sizeof(memory));
	for (unsigned int i = 0; i < PAGES; i++)
		p2m[i] = MFN(i);
	s->v.privcmd = 99;
	s->b.config = &s->config;
	s->b.domid = 7;
	s->b.p2m = p2m;
	s->b.layout.nr_pages = PAGES;
	k->packed = 98;
	k->fd = memfd_create("kernel", 0);
	assert_true(k->fd >= 0);
	assert_int_equal(pwrite(k->fd, elf, UNWRAP_HEAD, 0), UNWRAP_HEAD);
	assert_int_equal(ftruncate(k->fd, LEN), 0);
	map = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, k->fd, 0);
	assert_true(map != MAP_FAILED);
	k->elf = map;
	k->elf_len = LEN;
	assert_int_equal(place_pages(k->elf, LEN, UNWRAP_HEAD, PAGES,
				     &k->image, &k->place), 0);
	layouts = fail_map = 0;
}

static void finish(struct scene *s)
{
	munmap((void *)s->b.kernel.elf, LEN);
	close(s->b.kernel.fd);
	free(s->b.kernel.place);
}

static void test_unpacked(void **state)
{
	struct scene s;

	(void)state;
	make_elf(0);
	begin(&s);
	assert_int_equal(build_unpack(&s.v, &s.b), 0);
	assert_int_equal(layouts, 1);
	assert_int_equal(s.b.kernel.image.entry, BASE + 0x20000);
	assert_memory_equal(memory[0x20], elf + FIRST * PAGE_SIZE,
			    (LOADED - 1) * PAGE_SIZE + TAIL);
	for (unsigned int i = 0; i < PAGES; i++)
		for (unsigned int at = 0; at < PAGE_SIZE; at++) {
			bool loaded = i >= 0x20 &&
				(i < 0x20 + LOADED - 1 ||
				 (i == 0x20 + LOADED - 1 && at < TAIL));

			if (!loaded && memory[i][at])
				fail_msg("frame %u, byte %u: %u", i, at,
					 memory[i][at]);
		}
	finish(&s);
}

/* Pages are numbered otherwise: it is told, and nothing is laid out. */
static void test_moved(void **state)
{
	struct scene s;

	(void)state;
	make_elf(0x10000);
	begin(&s);
	assert_int_equal(build_unpack(&s.v, &s.b), -ESTALE);
	assert_int_equal(layouts, 0);
	finish(&s);
}

static void test_fails(void **state)
{
	struct scene s;

	(void)state;
	make_elf(0);
	for (int n = 1; n <= 3; n++) {	/* the tail, and two of notes */
		begin(&s);
		fail_map = n;
		assert_int_equal(build_unpack(&s.v, &s.b), -EPERM);
		assert_int_equal(layouts, 0);
		finish(&s);
	}
	elf[NOTES + 12] = 'Y';
	elf[NOTES + 36] = 'Y';
	elf[NOTES + 60] = 'Y';
	begin(&s);
	assert_int_equal(build_unpack(&s.v, &s.b), -ENOEXEC);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unpacked),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_fails),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

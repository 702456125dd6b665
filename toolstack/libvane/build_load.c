/*
 * The content of a new domain's memory, written through foreign mappings.
 *
 * Start_info, store page, console page, page tables and boot stack lie side
 * by side and are one mapping; the P2M list with its tables is another. Both
 * are taken down before the tables are pinned: a page that is writable
 * anywhere cannot become a page table.
 *
 * Kernel and ramdisk are loaded by a child process, unless they are small.
 * Taking down a foreign mapping writes each of its page-table entries while
 * the table is live, and each such write traps into the hypervisor: for the
 * 14,000 pages of a kernel that costs more than all the rest of building.
 * When a process ends, its tables are released first, and no write traps. The
 * mappings must be gone before the domain runs, as its kernel makes page
 * tables of loaded pages.
 *
 * Pages that are only to be zero are cleared by the hypervisor without a
 * mapping, if they are not so from the start.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/sys/privcmd.h"

/* Up to so many pages a process of their own costs more than their traps. */
#define SMALL_PAGES 128

/* A hole that is not worth a mapping of its own. */
#define SMALL_HOLE (64 * PAGE_SIZE)

static void *map(struct vane *v, struct build *b, uint64_t pfn, uint64_t pages)
{
	void *at = privcmd_map_foreign(v->privcmd, b->domid,
				       PROT_READ | PROT_WRITE, b->p2m + pfn,
				       pages, NULL);

	if (!at)
		(void)vane_fail(v, -errno, "%s: cannot map its pages %#llx to "
				"%#llx: %s (`vane dmesg` may tell more)",
				b->config->name,
				(unsigned long long)pfn,
				(unsigned long long)(pfn + pages),
				strerror(errno));
	return at;
}

static int read_all(int fd, void *to, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pread(fd, to, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		to = (uint8_t *)to + n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* Guest frames [first, end) that a segment's file bytes touch or fill. */
struct span {
	uint64_t first, end;		/* touched */
	uint64_t full_first, full_end;	/* filled whole */
};

static struct span segment_span(const struct image *image,
				const struct image_segment *seg)
{
	uint64_t from = seg->paddr - image->paddr_offset;
	uint64_t to = from + seg->filesz;

	return (struct span) {
		.first = from / PAGE_SIZE,
		.end = (to + PAGE_SIZE - 1) / PAGE_SIZE,
		.full_first = (from + PAGE_SIZE - 1) / PAGE_SIZE,
		.full_end = to / PAGE_SIZE,
	};
}

/*
 * The next stretch of a file's bytes in [*first, *last) that is no hole, or
 * only small ones. Empty when there is no more.
 */
static void find_data(int fd, uint64_t *first, uint64_t *last)
{
	uint64_t end = *last;
	off_t data = lseek(fd, *first, SEEK_DATA), hole;

	/* A file system that knows no holes has data everywhere. */
	if (data < 0)
		data = errno == ENXIO ? (off_t)end : (off_t)*first;
	*first = *last = data;
	while (*last < end && (uint64_t)data < *last + SMALL_HOLE) {
		hole = lseek(fd, data, SEEK_HOLE);
		*last = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
		data = lseek(fd, *last, SEEK_DATA);
		if (data < 0)
			break;
	}
	if (*first > end)
		*first = *last = end;
}

/*
 * The next piece of a segment's file bytes from *offset on, which moves to its
 * end: what is no hole of the file, since much of a kernel is zero. False when
 * there is no more.
 */
static bool next_piece(const struct kernel_file *k,
		       const struct image_segment *seg, uint64_t *offset,
		       struct image_segment *piece)
{
	uint64_t first = *offset, last = seg->offset + seg->filesz;

	if (first < last && k->has_holes)
		find_data(k->fd, &first, &last);
	if (first >= last)
		return false;
	*piece = *seg;
	piece->paddr += first - seg->offset;
	piece->offset = first;
	piece->filesz = last - first;
	*offset = last;
	return true;
}

/* Calls @fn for each piece of each segment, until one fails. */
static int each_piece(struct vane *v, struct build *b, void *arg,
		      int (*fn)(struct vane *v, struct build *b,
				const struct image_segment *piece, void *arg))
{
	const struct image *image = &b->kernel.image;
	struct image_segment piece;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < image->nr_segments; i++) {
		uint64_t offset = image->segment[i].offset;

		while (!rc && next_piece(&b->kernel, &image->segment[i],
					 &offset, &piece))
			rc = fn(v, b, &piece, arg);
	}
	return rc;
}

static int note_full(struct vane *v, struct build *b,
		     const struct image_segment *piece, void *arg)
{
	struct span s = segment_span(&b->kernel.image, piece);
	uint8_t *full = arg;

	(void)v;
	if (s.full_end > s.full_first)
		memset(full + s.full_first - b->layout.kernel_pfn, 1,
		       s.full_end - s.full_first);
	return 0;
}

/*
 * Clears the kernel's pages which no piece fills whole: bss, gaps, and the
 * pages where a segment begins or ends.
 */
static int clear_rest(struct vane *v, struct build *b)
{
	const struct layout *l = &b->layout;
	uint8_t *full = calloc(1, l->kernel_pages);
	uint64_t *list = malloc(l->kernel_pages * sizeof(*list));
	unsigned int n = 0;
	int rc = -ENOMEM;

	if (!full || !list)
		goto out;
	(void)each_piece(v, b, full, note_full);
	for (uint64_t i = 0; i < l->kernel_pages; i++)
		if (!full[i])
			list[n++] = b->p2m[l->kernel_pfn + i];
	rc = hv_clear_frames(v, b->domid, list, n);
out:
	free(list);
	free(full);
	return vane_hv_refused(v, rc, b->config->name, "clearing memory");
}

/* In a child (@arg: true) the mapping is left to the end of the process. */
static int load_piece(struct vane *v, struct build *b,
		      const struct image_segment *piece, void *arg)
{
	const struct kernel_file *k = &b->kernel;
	struct span s = segment_span(&k->image, piece);
	const bool *ends = arg;
	uint8_t *at, *to;
	int rc;

	at = map(v, b, s.first, s.end - s.first);
	if (!at)
		return -errno;
	to = at + (piece->paddr - k->image.paddr_offset) % PAGE_SIZE;
	rc = read_all(k->fd, to, piece->filesz, piece->offset);
	if (!*ends)
		privcmd_unmap(at, s.end - s.first);
	return rc ? vane_fail(v, rc, "kernel %s: %s (did somebody change it "
			      "meanwhile? try again)", k->path,
			      strerror(-rc)) : 0;
}

/* Likewise, by @ends. */
static int load_ramdisk(struct vane *v, struct build *b, bool ends)
{
	const struct layout *l = &b->layout;
	size_t size = l->ramdisk_pages * PAGE_SIZE;
	uint8_t *at;
	int rc;

	if (!l->ramdisk_pages)
		return 0;
	at = map(v, b, l->ramdisk_pfn, l->ramdisk_pages);
	if (!at)
		return -errno;
	rc = read_all(b->ramdisk, at, b->ramdisk_size, 0);
	memset(at + b->ramdisk_size, 0, size - b->ramdisk_size);
	if (!ends)
		privcmd_unmap(at, l->ramdisk_pages);
	return rc ? vane_fail(v, rc, "ramdisk %s: %s (did somebody change it "
			      "meanwhile? try again)", b->config->ramdisk,
			      strerror(-rc)) : 0;
}

static uint64_t va_of(const struct layout *l, uint64_t pfn)
{
	return l->virt_base + pfn * PAGE_SIZE;
}

static void fill_start_info(const struct build *b, start_info_t *si,
			    uint64_t shared_info_mfn)
{
	const struct layout *l = &b->layout;

	strcpy(si->magic, "xen-3.0-x86_64");
	si->nr_pages = l->nr_pages;
	si->shared_info = shared_info_mfn << PAGE_SHIFT;
	si->store_mfn = b->p2m[l->store_pfn];
	si->store_evtchn = b->store_port;
	si->console.domU.mfn = b->p2m[l->console_pfn];
	si->console.domU.evtchn = b->console_port;
	si->pt_base = va_of(l, l->boot.pfn);
	si->nr_pt_frames = tables_count(&l->boot);
	si->mfn_list = l->p2m_va;
	if (l->ramdisk_pages) {
		si->mod_len = b->ramdisk_size;
		si->mod_start = l->ramdisk_mapped ?
			va_of(l, l->ramdisk_pfn) : l->ramdisk_pfn;
		if (!l->ramdisk_mapped)
			si->flags |= SIF_MOD_START_PFN;
	}
	if (l->p2m_separate) {
		si->first_p2m_pfn = l->p2m_pfn;
		si->nr_p2m_frames = l->p2m_pages + tables_count(&l->p2m);
	}
	if (b->config->cmdline)
		strncpy((char *)si->cmd_line, b->config->cmdline,
			sizeof(si->cmd_line) - 1);
}

/* start_info to boot stack; then the P2M list, whose tables hang below @l4. */
static int fill_boot(struct vane *v, struct build *b, uint64_t shared_info_mfn)
{
	const struct layout *l = &b->layout;
	uint64_t first = l->start_info_pfn;
	uint64_t nr_boot = l->stack_pfn + 1 - first, nr_p2m = l->p2m_pages;
	unsigned int nr_pt = tables_count(&l->boot);
	uint64_t *tables, *list;
	uint8_t *boot;

	if (l->p2m_separate)
		nr_p2m += tables_count(&l->p2m);
	boot = map(v, b, first, nr_boot);
	if (!boot)
		return -errno;
	list = map(v, b, l->p2m_pfn, nr_p2m);
	if (!list) {
		int rc = -errno;

		privcmd_unmap(boot, nr_boot);
		return rc;
	}
	memset(boot, 0, (l->boot.pfn - first) * PAGE_SIZE);
	memset(boot + (l->stack_pfn - first) * PAGE_SIZE, 0, PAGE_SIZE);
	fill_start_info(b, (void *)boot, shared_info_mfn);

	tables = (void *)(boot + (l->boot.pfn - first) * PAGE_SIZE);
	tables_fill(&l->boot, tables, tables, b->p2m, 0,
		    (l->boot.end - l->boot.start) / PAGE_SIZE, l->boot.pfn,
		    nr_pt);
	memcpy(list, b->p2m, l->nr_pages * sizeof(*list));
	memset(list + l->nr_pages, 0xff,
	       l->p2m_pages * PAGE_SIZE - l->nr_pages * sizeof(*list));
	if (l->p2m_separate)
		tables_fill(&l->p2m, tables, list + l->p2m_pages * 512, b->p2m,
			    l->p2m_pfn, l->p2m_pages, 0, 0);
	privcmd_unmap(list, nr_p2m);
	privcmd_unmap(boot, nr_boot);
	return 0;
}

/* Writes the hypercall page for kernels that have room for one. */
static int fill_hypercall_page(struct vane *v, struct build *b)
{
	const struct image *image = &b->kernel.image;
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_hypercall_init, .domain = b->domid,
	};
	int rc;

	if (!image->has_hypercall_page)
		return 0;
	op.u.hypercall_init.gmfn =
		b->p2m[(image->hypercall_page - image->virt_base) / PAGE_SIZE];
	rc = hv_domctl(v, &op);
	return vane_hv_refused(v, rc, b->config->name, "hypercall page");
}

static int load_files(struct vane *v, struct build *b, bool ends)
{
	int rc = b->kernel.packed < 0 ?
		each_piece(v, b, &ends, load_piece) : 0;

	return rc ? rc : load_ramdisk(v, b, ends);
}

static bool is_small(const struct build *b)
{
	const struct image *image = &b->kernel.image;
	uint64_t pages = b->layout.ramdisk_pages;

	for (unsigned int i = 0; b->kernel.packed < 0 &&
	     i < image->nr_segments; i++) {
		struct span s = segment_span(image, &image->segment[i]);

		pages += s.end - s.first;
	}
	return pages <= SMALL_PAGES;
}

/* By a child; see above. */
static int load_apart(struct vane *v, struct build *b)
{
	int rc, status;
	pid_t child = fork();

	if (child < 0)
		return vane_fail(v, -errno, "%s: no process to load the "
				 "kernel: %s (Dom0 has too little memory, or "
				 "too many processes)", b->config->name,
				 strerror(errno));
	if (!child) {
		rc = load_files(v, b, true);
		_exit(-rc & 0x7f);	/* errno values are small */
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	/* A file that shrinks while it is being read ends it by SIGBUS. */
	return vane_fail(v, -EIO, "%s: the process that loads the kernel was "
			 "ended by signal %d (did somebody change the file "
			 "meanwhile? try again)", b->config->name,
			 WTERMSIG(status));
}

int build_load(struct vane *v, struct build *b, uint64_t shared_info_mfn)
{
	int rc = hv_gives_clean_frames(v) ? 0 : clear_rest(v, b);

	if (!rc)
		rc = is_small(b) ? load_files(v, b, false) : load_apart(v, b);
	if (!rc)
		rc = fill_boot(v, b, shared_info_mfn);
	if (!rc)
		rc = fill_hypercall_page(v, b);
	return rc;
}

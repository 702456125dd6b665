/*
 * A domain's core: an ELF file in the published format of Xen's tools
 * (docs/misc/dump-core-format.txt), which crash and gdbsx read. Its sections:
 * notes, the vCPUs' contexts, the shared info page, the P2M list, and the
 * content of all frames.
 */
#include "toolstack/libvane/p2m.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/elfnote.h>
#include <xen/version.h>

#include "toolstack/sys/privcmd.h"

#define CORE_MAGIC	0xf00febedull	/* a PV domain */
#define BATCH		1024u		/* frames mapped at a time */

enum { NONE, NAMES, NOTES, VCPUS, SHARED, P2M, PAGES, NR_SECTIONS };

static const char names[] = "\0.shstrtab\0.note.Xen\0.xen_prstatus\0"
	".xen_shared_info\0.xen_p2m\0.xen_pages";
static const Elf64_Word name_at[NR_SECTIONS] = { 0, 1, 11, 21, 35, 52, 61 };

struct core {
	struct vane *v;
	uint32_t domid;
	int fd;
	struct xen_domctl_getdomaininfo info;
	struct p2m p2m;
	uint64_t nr_pages;		/* entries of p2m that are frames */
	uint64_t at;			/* end of what has been written */
	Elf64_Shdr section[NR_SECTIONS];
};

/* --- writing ------------------------------------------------------------- */

static int put(struct core *c, const void *data, size_t len)
{
	while (len) {
		ssize_t n = pwrite(c->fd, data, len, c->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data = (const char *)data + n;
		c->at += n;
		len -= n;
	}
	return 0;
}

static void begin(struct core *c, int which, Elf64_Word type, uint64_t align,
		  uint64_t each)
{
	Elf64_Shdr *s = &c->section[which];

	c->at = (c->at + align - 1) & ~(align - 1);
	s->sh_name = name_at[which];
	s->sh_type = type;
	s->sh_offset = c->at;
	s->sh_addralign = align;
	s->sh_entsize = each;
}

static void end(struct core *c, int which)
{
	c->section[which].sh_size = c->at - c->section[which].sh_offset;
}

/* --- sections ------------------------------------------------------------ */

static int put_note(struct core *c, uint32_t type, const void *desc,
		    size_t size)
{
	struct {
		Elf64_Nhdr head;
		char name[4];
	} n = { { sizeof(n.name), size, type }, "Xen" };
	int rc = put(c, &n, sizeof(n));

	return rc ? rc : put(c, desc, size);
}

struct header_note {
	uint64_t magic, nr_vcpus, nr_pages, page_size;
};

struct version_note {
	uint64_t major, minor;
	xen_extraversion_t extra;
	xen_compile_info_t compiled;
	xen_capabilities_info_t capabilities;
	xen_changeset_info_t changeset;
	xen_platform_parameters_t platform;
	uint64_t page_size;
};

static void read_version(struct vane *v, struct version_note *n)
{
	long version = hv_version(v, XENVER_version, NULL, 0);

	memset(n, 0, sizeof(*n));
	n->major = version >> 16;
	n->minor = version & 0xffff;
	n->page_size = PAGE_SIZE;
	(void)hv_version(v, XENVER_extraversion, &n->extra,
			 sizeof(n->extra));
	(void)hv_version(v, XENVER_compile_info, &n->compiled,
			 sizeof(n->compiled));
	(void)hv_version(v, XENVER_capabilities, &n->capabilities,
			 sizeof(n->capabilities));
	(void)hv_version(v, XENVER_changeset, &n->changeset,
			 sizeof(n->changeset));
	(void)hv_version(v, XENVER_platform_parameters, &n->platform,
			 sizeof(n->platform));
}

static int put_notes(struct core *c)
{
	struct header_note head = {
		CORE_MAGIC, c->info.max_vcpu_id + 1, c->nr_pages, PAGE_SIZE,
	};
	struct version_note version;
	uint64_t format = 1;
	int rc;

	read_version(c->v, &version);
	begin(c, NOTES, SHT_NOTE, 8, 0);
	rc = put_note(c, XEN_ELFNOTE_DUMPCORE_NONE, NULL, 0);
	if (!rc)
		rc = put_note(c, XEN_ELFNOTE_DUMPCORE_HEADER, &head,
			      sizeof(head));
	if (!rc)
		rc = put_note(c, XEN_ELFNOTE_DUMPCORE_XEN_VERSION, &version,
			      sizeof(version));
	if (!rc)
		rc = put_note(c, XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, &format,
			      sizeof(format));
	end(c, NOTES);
	return rc;
}

static int put_vcpus(struct core *c)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_getvcpucontext, .domain = c->domid,
	};
	vcpu_guest_context_t *ctx = c->v->hc_data;
	int rc = 0;

	begin(c, VCPUS, SHT_PROGBITS, 8, sizeof(*ctx));
	for (uint32_t i = 0; !rc && i <= c->info.max_vcpu_id; i++) {
		memset(ctx, 0, sizeof(*ctx)); /* of one that never ran */
		op.u.vcpucontext.vcpu = i;
		set_xen_guest_handle(op.u.vcpucontext.ctxt, (void *)ctx);
		(void)hv_domctl(c->v, &op);
		rc = put(c, ctx, sizeof(*ctx));
	}
	end(c, VCPUS);
	return rc;
}

static int put_shared(struct core *c)
{
	void *page = privcmd_map_foreign(c->v->privcmd, c->domid, PROT_READ,
					 &c->info.shared_info_frame, 1, NULL);
	int rc;

	if (!page)
		return -errno;
	begin(c, SHARED, SHT_PROGBITS, 8, PAGE_SIZE);
	rc = put(c, page, PAGE_SIZE);
	end(c, SHARED);
	privcmd_unmap(page, 1);
	return rc;
}

static int put_p2m(struct core *c)
{
	uint64_t pairs[256][2];
	unsigned int n = 0;
	int rc = 0;

	begin(c, P2M, SHT_PROGBITS, 8, sizeof(pairs[0]));
	for (uint64_t pfn = 0; !rc && pfn < c->p2m.count; pfn++) {
		if (p2m_is_frame(c->p2m.mfn[pfn])) {
			pairs[n][0] = pfn;
			pairs[n++][1] = c->p2m.mfn[pfn];
		}
		if (n == 256 || pfn == c->p2m.count - 1) {
			rc = put(c, pairs, n * sizeof(pairs[0]));
			n = 0;
		}
	}
	end(c, P2M);
	return rc;
}

/* A frame that cannot be mapped - given away, a grant - reads as zeroes. */
static int put_batch(struct core *c, const uint64_t *mfns, unsigned int n)
{
	static const char zero[PAGE_SIZE];
	int errs[BATCH], rc = 0;
	char *pages = privcmd_map_foreign(c->v->privcmd, c->domid, PROT_READ,
					  mfns, n, errs);

	if (!pages)
		return -errno;
	for (unsigned int i = 0; !rc && i < n; i++)
		rc = put(c, errs[i] ? zero : pages + i * PAGE_SIZE, PAGE_SIZE);
	privcmd_unmap(pages, n);
	return rc;
}

static int put_pages(struct core *c)
{
	uint64_t mfns[BATCH];
	unsigned int n = 0;
	int rc = 0;

	begin(c, PAGES, SHT_PROGBITS, PAGE_SIZE, PAGE_SIZE);
	for (uint64_t pfn = 0; !rc && pfn < c->p2m.count; pfn++) {
		if (p2m_is_frame(c->p2m.mfn[pfn]))
			mfns[n++] = c->p2m.mfn[pfn];
		if (n == BATCH || (n && pfn == c->p2m.count - 1)) {
			rc = put_batch(c, mfns, n);
			n = 0;
		}
	}
	end(c, PAGES);
	return rc;
}

/* Last, since only then is it known where everything lies. */
static int put_headers(struct core *c)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_shoff = sizeof(e),
		.e_ehsize = sizeof(e), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = NR_SECTIONS, .e_shstrndx = NAMES,
	};
	int rc;

	c->at = 0;
	rc = put(c, &e, sizeof(e));
	return rc ? rc : put(c, c->section, sizeof(c->section));
}

static int write_all(struct core *c)
{
	int rc;

	c->at = sizeof(Elf64_Ehdr) + sizeof(c->section);
	begin(c, NAMES, SHT_STRTAB, 1, 0);
	rc = put(c, names, sizeof(names));
	end(c, NAMES);
	if (!rc)
		rc = put_notes(c);
	if (!rc)
		rc = put_vcpus(c);
	if (!rc)
		rc = put_shared(c);
	if (!rc)
		rc = put_p2m(c);
	if (!rc)
		rc = put_pages(c);
	return rc ? rc : put_headers(c);
}

/* --- the whole ----------------------------------------------------------- */

static int dump(struct core *c, const char *path)
{
	int rc;

	c->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	if (c->fd < 0)
		return vane_fail(c->v, -errno, "core %s: %s", path,
				 strerror(errno));
	rc = write_all(c);
	if (close(c->fd) && !rc)
		rc = -errno;
	if (!rc)
		return 0;
	(void)unlink(path);
	return vane_fail(c->v, rc, "core %s of domain %u: %s", path, c->domid,
			 strerror(-rc));
}

int vane_dump_core(struct vane *v, uint32_t domid, const char *path)
{
	struct core c = { .v = v, .domid = domid };
	bool running;
	int rc = hv_domain_info(v, domid, &c.info);

	if (rc)
		return vane_no_domain(v, rc, domid);
	/* Dom0 would stand still, and we with it. */
	if (!domid)
		return vane_fail(v, -EPERM, "domain 0 has no core");
	running = !(c.info.flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown));
	if (running)
		(void)hv_domctl_simple(v, XEN_DOMCTL_pausedomain, domid);
	rc = p2m_read(v, domid, c.info.shared_info_frame, &c.p2m);
	if (rc) {
		(void)vane_fail(v, rc, "core of domain %u: its P2M list: %s",
				domid, rc == -ENODATA ? "its kernel publishes "
				"none" : strerror(-rc));
		goto out;
	}
	for (uint64_t pfn = 0; pfn < c.p2m.count; pfn++)
		c.nr_pages += p2m_is_frame(c.p2m.mfn[pfn]);
	rc = dump(&c, path);
	free(c.p2m.mfn);
out:
	if (running)
		(void)hv_domctl_simple(v, XEN_DOMCTL_unpausedomain, domid);
	return rc;
}

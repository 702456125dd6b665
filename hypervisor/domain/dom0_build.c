/*
 * The first domain. What the boot loader gave (an ELF kernel and perhaps an
 * initrd) becomes a running PV domain with all privileges: memory, image,
 * start_info, tables, then the same steps as for any domain - validation of its
 * page tables, a vCPU context, unpause.
 *
 * There is nobody to return an error to: whatever fails here ends in one line
 * that says what to change, and panic.
 */
#include "boot.h"
#include "cpu.h"
#include "dom0.h"
#include "frame.h"
#include "hypercall.h"
#include "lib.h"
#include "printk.h"

struct builder {
	struct domain *d;
	struct elf_kernel kernel;
	struct dom0_layout layout;
	struct dom0_memory memory;
};

/* dom0_max_vcpus=N, or MIN-MAX as the original has it: the upper bound. */
static unsigned int choose_vcpus(void)
{
	char buf[32];
	const char *p = boot_option("dom0_max_vcpus", buf, sizeof(buf));
	uint64_t n = cpus_present, low;

	if (p && *p) {
		low = n = str_to_u64(p, &p);
		if (*p == '-') { /* as many as there are CPUs, within these */
			n = p[1] ? str_to_u64(p + 1, &p) : MAX_VCPUS;
			n = min(n, (uint64_t)cpus_present);
			n = max(n, low);
		}
	}
	n = min(n, (uint64_t)MAX_VCPUS);
	return n > 0 ? n : 1;
}

static void create(struct builder *b)
{
	struct domain_config c = {
		.domid = 0,
		.privileged = true,
		.max_vcpus = choose_vcpus(),
		.max_evtchn_port = ~0u,
		.max_grant_frames = 64,
		.max_maptrack_frames = 1024,
	};
	unsigned int i;
	int rc;

	rc = domain_create(&c, &b->d);
	for (i = 0; !rc && i < c.max_vcpus; i++)
		rc = vcpu_create(b->d, i);
	if (rc)
		panic("Dom0: cannot create it with %u vCPUs (%d)",
		      c.max_vcpus, rc);
	dom0 = b->d;
}

/*
 * The page through which a kernel calls us, for kernels that ask for one: 32
 * bytes for each number. Ours clobbers rcx and r11 only, which SYSCALL does.
 */
void hypercall_page_fill(uint8_t *page)
{
	static const uint8_t call[] = {
		0x51,			/* push %rcx */
		0x41, 0x53,		/* push %r11 */
		0xb8, 0, 0, 0, 0,	/* mov $number, %eax */
		0x0f, 0x05,		/* syscall */
		0x41, 0x5b,		/* pop %r11 */
		0x59,			/* pop %rcx */
		0xc3,			/* ret */
	};
	static const uint8_t iret[] = {
		0x51,			/* push %rcx */
		0x41, 0x53,		/* push %r11 */
		0x50,			/* push %rax */
		0xb8, __HYPERVISOR_iret, 0, 0, 0,
		0x0f, 0x05,		/* syscall: does not return */
	};
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 32; i++) {
		memcpy(page + 32 * i, call, sizeof(call));
		page[32 * i + 4] = i;
	}
	memcpy(page + 32 * __HYPERVISOR_iret, iret, sizeof(iret));
}

static void load_image(struct builder *b, const struct boot_module *initrd)
{
	const struct elf_kernel *k = &b->kernel;
	uint64_t va = k->note[XEN_ELFNOTE_HYPERCALL_PAGE], pfn;

	elf_load(k, &b->memory);
	if (k->notes >> XEN_ELFNOTE_HYPERCALL_PAGE & 1) {
		pfn = dom0_va_pfn(&b->layout, va);
		if (va % PAGE_SIZE || pfn >= DIV_ROUND_UP(k->high, PAGE_SIZE))
			panic("Dom0 kernel: hypercall page outside it");
		hypercall_page_fill(dom0_page(&b->memory, pfn));
	}
	if (initrd)
		dom0_copy(&b->memory, b->layout.initrd_pfn << PAGE_SHIFT,
			  map_boot(initrd->start, initrd->len), initrd->len);
}

/*
 * What the screen looks like: the BIOS left it in its data area (0x400: at 0x4a
 * columns, 0x50 cursor, 0x84 rows less one, 0x85 font height).
 */
static void fill_console(struct dom0_vga_console_info *info)
{
	const uint8_t *bda = map_boot(0x400, 0x100);

	info->video_type = XEN_VGATYPE_TEXT_MODE_3;
	info->u.text_mode_3.columns = bda[0x4a] ? bda[0x4a] : 80;
	info->u.text_mode_3.rows = bda[0x84] ? bda[0x84] + 1 : 25;
	info->u.text_mode_3.font_height = bda[0x85] ? bda[0x85] : 16;
	info->u.text_mode_3.cursor_x = bda[0x50];
	info->u.text_mode_3.cursor_y = bda[0x51];
}

static void fill_start_info(struct builder *b, const char *cmdline,
			    const struct boot_module *initrd)
{
	const struct dom0_layout *l = &b->layout;
	struct start_info *si;

	si = dom0_clear(&b->memory, dom0_va_pfn(l, l->start_info));
	str_copy(si->magic, "xen-3.0-x86_64p", sizeof(si->magic));
	si->nr_pages = b->memory.pages;
	si->shared_info =
		mfn_paddr(frame_mfn(virt_frame(b->d->shared)));
	si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
	si->pt_base = l->pt_base;
	si->nr_pt_frames = l->pt_pages;
	si->mfn_list = l->p2m_va;
	si->first_p2m_pfn = l->p2m_inside ? 0 : l->p2m_pfn;
	si->nr_p2m_frames = l->p2m_inside ? 0 : l->p2m_frames;
	if (initrd) {
		si->mod_len = initrd->len;
		si->mod_start = l->initrd_pfn;
		if (l->initrd_mapped)
			si->mod_start = l->virt_base +
				(l->initrd_pfn << PAGE_SHIFT);
		else
			si->flags |= SIF_MOD_START_PFN;
	}
	if (cmdline)
		str_copy((char *)si->cmd_line, cmdline, sizeof(si->cmd_line));

	si->console.dom0.info_off = sizeof(*si);
	si->console.dom0.info_size = sizeof(struct dom0_vga_console_info);
	fill_console((struct dom0_vga_console_info *)(si + 1));
}

/*
 * Pinning validates the whole tree: from here on its frames are page tables and
 * the other pages of the region writable, by the rules for every guest.
 */
static void type_tables(struct builder *b, mfn_t l4)
{
	struct frame *f = frame_get(b->d, l4);
	int rc = f ? frame_pin(f, TYPE_L4) : -EINVAL;

	if (rc)
		panic("Dom0: its first page tables are not valid (%d)", rc);
	frame_put(f);
}

static void start(struct builder *b, mfn_t l4)
{
	struct vcpu_guest_context *c = hv_alloc(sizeof(*c));
	const struct dom0_layout *l = &b->layout;
	int rc;

	if (!c)
		panic("Dom0: no memory left to start it");
	c->flags = VGCF_in_kernel | VGCF_online;
	c->user_regs.rip = b->kernel.note[XEN_ELFNOTE_ENTRY];
	c->user_regs.rsp = l->stack + PAGE_SIZE;
	c->user_regs.rsi = l->start_info;
	c->user_regs.rflags = 0x202; /* interrupts on; bit 1 is always set */
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = l->stack + PAGE_SIZE;
	c->ctrlreg[3] = mfn_paddr(l4);
	rc = vcpu_set_context(b->d->vcpu[0], c);
	hv_free(c);
	if (rc)
		panic("Dom0: its start state is not valid (%d)", rc);
	if (domain_unpause(b->d))
		panic("Dom0: not paused after creation");
}

void dom0_build(const struct boot_module *kernel,
		const struct boot_module *initrd)
{
	struct builder *b = hv_alloc(sizeof(*b));
	uint64_t initrd_len = initrd ? initrd->len : 0;
	struct dom0_layout *l;
	const char *why;
	mfn_t l4;

	if (!b)
		panic("Dom0: no memory to build it");
	l = &b->layout;
	why = elf_parse(&b->kernel, map_boot(kernel->start, kernel->len),
			kernel->len);
	if (why)
		panic("Dom0 kernel: %s", why);
	create(b);
	dom0_allocate(b->d, &b->memory,
		      DIV_ROUND_UP(b->kernel.high + initrd_len, PAGE_SIZE));
	why = dom0_lay_out(l, &b->kernel, initrd_len, b->memory.pages);
	if (why)
		panic("Dom0 kernel: %s", why);

	load_image(b, initrd);
	fill_start_info(b, kernel->cmdline, initrd);
	l4 = dom0_mfn(&b->memory, dom0_build_tables(l, &b->memory));
	heap_add(kernel->start, kernel->start + kernel->len);
	if (initrd)
		heap_add(initrd->start, initrd->start + initrd->len);
	type_tables(b, l4);

	log_line(LOG_INFO, "Dom0: %lu MiB, %u vCPUs, kernel at %lx, entry %lx",
		 b->memory.pages >> 8, b->d->max_vcpus,
		 l->virt_base + b->kernel.low,
		 b->kernel.note[XEN_ELFNOTE_ENTRY]);
	start(b, l4);
	hv_free(b);
}

/*
 * What the boot loader left: multiboot 1 (version 0.6.96, chapter 3.3) and
 * multiboot 2 (version 2.0, chapter 3.6), brought into struct boot_info. The
 * boot page tables show the first 4 GiB in the direct map, where loaders put
 * everything.
 */
#include "boot.h"
#include "layout.h"
#include "lib.h"
#include "printk.h"

struct boot_info boot_info;

#define MB1_LOADER_MAGIC 0x2badb002
#define MB2_LOADER_MAGIC 0x36d76289

struct mb1_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
	uint32_t drives[2], config, loader_name;
};

struct mb1_module {
	uint32_t start, end, cmdline, reserved;
};

struct mb1_mmap {
	uint32_t size;
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

struct mb2_tag {
	uint32_t type, size;
};

struct mb2_module {
	struct mb2_tag tag;
	uint32_t start, end;
	char cmdline[];
};

struct mb2_mmap {
	struct mb2_tag tag;
	uint32_t entry_size, entry_version;
	struct {
		uint64_t addr, len;
		uint32_t type, zero;
	} entry[];
};

enum { MB2_END, MB2_CMDLINE, MB2_LOADER, MB2_MODULE, MB2_MMAP = 6,
       MB2_ACPI_OLD = 14, MB2_ACPI_NEW = 15 };

static const void *at(paddr_t pa)
{
	return (const void *)(DIRECT_BASE + pa);
}

/* Command lines are kept: loaders' memory is handed out later. */
static char text[4096];
static size_t text_used;

static const char *keep(const char *s)
{
	char *to = text + text_used;
	size_t room = sizeof(text) - text_used;

	if (room < 2)
		return "";
	text_used += str_copy(to, s, room) + 1;
	return to;
}

/* A module's name, or what stands for it, comes first. */
static const char *drop_first_word(const char *s)
{
	while (*s == ' ')
		s++;
	while (*s != '\0' && *s != ' ')
		s++;
	while (*s == ' ')
		s++;
	return s;
}

static void add_module(paddr_t start, paddr_t end, const char *cmdline)
{
	struct boot_module *m;

	if (boot_info.module_count == MAX_MODULES || end < start)
		return;
	m = &boot_info.modules[boot_info.module_count++];
	m->start = start;
	m->len = end - start;
	m->cmdline = keep(drop_first_word(cmdline));
}

/* Keeps the map in the order of addresses, as the ABI wants it. */
static void add_range(uint64_t addr, uint64_t size, uint32_t type)
{
	struct e820entry *e = &boot_info.map[boot_info.map_entries];

	if (boot_info.map_entries == MAX_RAM_RANGES || !size)
		return;
	boot_info.map_entries++;
	for (; e > boot_info.map && e[-1].addr > addr; e--)
		*e = e[-1];
	*e = (struct e820entry){ addr, size, type };
}

static void set_cmdline(const char *s)
{
	str_copy(boot_info.cmdline, s, sizeof(boot_info.cmdline));
}

static void parse_mb1(const struct mb1_info *mb)
{
	const struct mb1_module *mod = at(mb->mods_addr);
	const struct mb1_mmap *e;
	uint32_t off, i;

	if (mb->flags & 1u << 2) /* the first word is our own name */
		set_cmdline(drop_first_word(at(mb->cmdline)));
	if (mb->flags & 1u << 9)
		str_copy(boot_info.loader, at(mb->loader_name),
			 sizeof(boot_info.loader));
	if (mb->flags & 1u << 3)
		for (i = 0; i < mb->mods_count; i++)
			add_module(mod[i].start, mod[i].end,
				   mod[i].cmdline ? at(mod[i].cmdline) : "");
	if (!(mb->flags & 1u << 6))
		panic("the boot loader gave no memory map");
	for (off = 0; off < mb->mmap_length; off += e->size + 4) {
		e = at(mb->mmap_addr + off);
		add_range(e->addr, e->len, e->type);
	}
}

static void parse_mb2_tag(const struct mb2_tag *tag)
{
	const struct mb2_module *mod = (const struct mb2_module *)tag;
	const struct mb2_mmap *m = (const struct mb2_mmap *)tag;

	switch (tag->type) {
	case MB2_CMDLINE: /* GRUB gives the arguments alone */
		set_cmdline((const char *)(tag + 1));
		break;
	case MB2_LOADER:
		str_copy(boot_info.loader, (const char *)(tag + 1),
			 sizeof(boot_info.loader));
		break;
	case MB2_MODULE:
		add_module(mod->start, mod->end, mod->cmdline);
		break;
	case MB2_MMAP:
		for (uint32_t i = 0;
		     i < (tag->size - sizeof(*m)) / m->entry_size; i++)
			add_range(m->entry[i].addr, m->entry[i].len,
				  m->entry[i].type);
		break;
	case MB2_ACPI_OLD:
	case MB2_ACPI_NEW: /* a copy of the RSDP, not its place */
		boot_info.rsdp = (paddr_t)(tag + 1) - DIRECT_BASE;
		break;
	}
}

static void parse_mb2(const uint32_t *info)
{
	const char *p = (const char *)(info + 2);
	const char *end = (const char *)info + info[0];
	const struct mb2_tag *tag;

	for (; p < end; p += ROUND_UP(tag->size, 8u)) {
		tag = (const struct mb2_tag *)p;
		if (tag->type == MB2_END || tag->size < sizeof(*tag))
			break;
		parse_mb2_tag(tag);
	}
}

void multiboot_parse(uint32_t magic, paddr_t info)
{
	if (magic == MB1_LOADER_MAGIC)
		parse_mb1(at(info));
	else if (magic == MB2_LOADER_MAGIC)
		parse_mb2(at(info));
	else
		panic("not started by a multiboot loader");
}

/* --- options --- */

const char *boot_option(const char *name, char *buf, size_t size)
{
	const char *s = boot_info.cmdline, *found = NULL;
	size_t len = strlen(name), n = 0;

	while (*s != '\0') {
		while (*s == ' ')
			s++;
		if (strncmp(s, name, len) == 0 &&
		    (s[len] == '=' || s[len] == ' ' || s[len] == '\0'))
			found = s + len + (s[len] == '=');
		while (*s != '\0' && *s != ' ')
			s++;
	}
	if (!found)
		return NULL;
	while (found[n] != '\0' && found[n] != ' ' && n + 1 < size) {
		buf[n] = found[n];
		n++;
	}
	buf[n] = '\0';
	return buf;
}

/*
 * ACPI tables (ACPI Specification 6.4, chapter 5): the few static ones that
 * say where CPUs, interrupt controllers, timers and the sleep registers are.
 * AML is Dom0's business. Tables are firmware's, not a guest's, but they are
 * wrong often enough: every length is checked against what is mapped.
 */
#include "acpi.h"
#include "boot.h"
#include "frame.h"
#include "lib.h"
#include "printk.h"

struct acpi_info acpi;

#define HEADER_LEN 36u
#define TABLE_MAX (1u << 20) /* longer ones hold nothing that we read */
#define MAX_TABLES 128u

/* Tables are packed: fields are read by offset. The caller checked the length. */
static uint64_t get(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static bool checksum_ok(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t acpi_id,
		    uint32_t flags)
{
	if (!(flags & 1)) /* disabled; "online capable" is for hot-plug */
		return;
	for (unsigned int i = 0; i < info->cpu_count; i++)
		if (info->apic_id[i] == apic_id)
			return;
	if (info->cpu_count == MAX_CPUS) {
		log_line(LOG_WARNING, "ACPI: CPU with APIC id %u is one too many",
			 apic_id);
		return;
	}
	info->acpi_id[info->cpu_count] = acpi_id;
	info->apic_id[info->cpu_count++] = apic_id;
}

/* One entry of the MADT; @n bytes long, as it says itself (chapter 5.2.12). */
static void madt_entry(struct acpi_info *info, const uint8_t *e, size_t n)
{
	switch (e[0]) {
	case 0: /* local APIC */
		if (n >= 8)
			add_cpu(info, e[3], e[2], get(e + 4, 4));
		break;
	case 1: /* I/O APIC */
		if (n >= 12 && info->ioapic_count < MAX_IOAPICS)
			info->ioapics[info->ioapic_count++] =
				(struct acpi_ioapic){ get(e + 4, 4),
						      get(e + 8, 4), e[2] };
		break;
	case 2: /* interrupt source override */
		if (n >= 10 && e[2] == 0 && e[3] < 16 &&
		    info->override_count < MAX_OVERRIDES)
			info->overrides[info->override_count++] =
				(struct acpi_override){ get(e + 4, 4),
							get(e + 8, 2), e[3] };
		break;
	case 5: /* local APIC address override */
		if (n >= 12)
			info->lapic_addr = get(e + 4, 8);
		break;
	case 9: /* local x2APIC */
		if (n >= 16)
			add_cpu(info, get(e + 4, 4), get(e + 12, 4),
				get(e + 8, 4));
		break;
	}
}

static void parse_madt(const uint8_t *t, size_t len, struct acpi_info *info)
{
	size_t at = HEADER_LEN + 8, n;

	if (len < at)
		return;
	info->lapic_addr = get(t + HEADER_LEN, 4);
	for (; at + 2 <= len; at += n) {
		n = t[at + 1];
		if (n < 2 || n > len - at)
			return;
		madt_entry(info, t + at, n);
	}
}

/* Extended field (address structure) if the table has it, else the old one. */
static uint16_t fadt_port(const uint8_t *t, size_t len, size_t ext,
			  size_t old, size_t old_len)
{
	uint64_t addr;

	if (len >= ext + 12 && t[ext] == 1) {
		addr = get(t + ext + 4, 8);
		if (addr && addr <= 0xffff)
			return (uint16_t)addr;
	}
	if (len < old + 4 || len <= old_len || !t[old_len])
		return 0;
	return get(t + old, 4) <= 0xffff ? (uint16_t)get(t + old, 4) : 0;
}

/* Fixed description table (chapter 5.2.9). */
static void parse_fadt(const uint8_t *t, size_t len, struct acpi_info *info)
{
	uint32_t flags;

	if (len < 116)
		return;
	flags = get(t + 112, 4);
	info->sci = get(t + 46, 2);
	info->dsdt = get(t + 40, 4);
	if (len >= 148 && get(t + 140, 8))
		info->dsdt = get(t + 140, 8);
	info->pm1a_control = fadt_port(t, len, 172, 64, 89);
	info->pm1b_control = fadt_port(t, len, 184, 68, 89);
	info->pm_timer = fadt_port(t, len, 208, 76, 91);
	info->pm_timer_32bit = flags & 1u << 8;
	if (len >= 129 && flags & 1u << 10) {
		info->reset.space = t[116];
		info->reset.addr = get(t + 120, 8);
		info->reset_value = t[128];
	}
}

static void parse_hpet(const uint8_t *t, size_t len, struct acpi_info *info)
{
	if (len >= HEADER_LEN + 20 && t[HEADER_LEN + 4] == 0)
		info->hpet = get(t + HEADER_LEN + 8, 8);
}

static void parse_mcfg(const uint8_t *t, size_t len, struct acpi_info *info)
{
	for (size_t at = HEADER_LEN + 8; at + 16 <= len; at += 16) {
		if (info->ecam_count == MAX_ECAM || t[at + 11] < t[at + 10])
			return;
		info->ecam[info->ecam_count++] = (struct acpi_ecam){
			.addr = get(t + at, 8), .segment = get(t + at + 8, 2),
			.start_bus = t[at + 10], .end_bus = t[at + 11],
		};
	}
}

/* An integer in AML (chapter 20.2.3): a constant, or a byte behind 0x0a. */
static bool aml_integer(const uint8_t **p, const uint8_t *end, uint8_t *v)
{
	if (*p < end && **p <= 1) {
		*v = *(*p)++;
		return true;
	}
	if (end - *p >= 2 && **p == 0x0a) {
		*v = (*p)[1];
		*p += 2;
		return true;
	}
	return false;
}

void acpi_parse_dsdt(const void *table, size_t len, struct acpi_info *info)
{
	const uint8_t *t = table, *end = t + len, *p;
	uint8_t a, b;

	for (size_t i = HEADER_LEN; i + 12 <= len; i++) {
		/* NameOp "_S5_" PackageOp length count ... */
		if (memcmp(t + i, "_S5_\x12", 5) ||
		    (t[i - 1] != 0x08 && t[i - 1] != '\\'))
			continue;
		p = t + i + 5;
		p += (*p >> 6) + 1; /* the package's length, 1..4 bytes */
		p++;                /* its number of elements */
		if (aml_integer(&p, end, &a) && aml_integer(&p, end, &b)) {
			info->s5_type_a = a & 7;
			info->s5_type_b = b & 7;
			info->s5_known = true;
			return;
		}
	}
}

void acpi_parse_table(const void *table, size_t len, struct acpi_info *info)
{
	static const struct {
		char signature[5];
		void (*parse)(const uint8_t *, size_t, struct acpi_info *);
	} parsers[] = {
		{ "APIC", parse_madt }, { "FACP", parse_fadt },
		{ "HPET", parse_hpet }, { "MCFG", parse_mcfg },
	};

	if (len < HEADER_LEN)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(parsers); i++)
		if (!memcmp(table, parsers[i].signature, 4))
			parsers[i].parse(table, len, info);
}

/* Maps the table at @pa whole; NULL if it is damaged. */
static const uint8_t *map_table(paddr_t pa, size_t *len)
{
	const uint8_t *t = pa ? map_boot(pa, HEADER_LEN) : NULL;

	if (!t)
		return NULL;
	*len = get(t + 4, 4);
	if (*len < HEADER_LEN || *len > TABLE_MAX)
		return NULL;
	t = map_boot(pa, *len);
	if (!t || !checksum_ok(t, *len)) {
		log_line(LOG_WARNING, "ACPI: bad table at %#lx", pa);
		return NULL;
	}
	return t;
}

static bool rsdp_valid(const uint8_t *p)
{
	return !memcmp(p, "RSD PTR ", 8) && checksum_ok(p, 20);
}

static paddr_t rsdp_search(paddr_t start, size_t len)
{
	const uint8_t *p = map_boot(start, len);

	for (size_t i = 0; p && i + 36 <= len; i += 16)
		if (rsdp_valid(p + i))
			return start + i;
	return 0;
}

/* Where a BIOS leaves it (chapter 5.2.5.1), if the loader did not say. */
static paddr_t rsdp_find(void)
{
	const uint8_t *bda = map_boot(0x40e, 2);
	paddr_t ebda = bda ? (paddr_t)get(bda, 2) << 4 : 0, found = 0;

	if (boot_info.rsdp)
		return boot_info.rsdp;
	if (ebda >= 0x400 && ebda < 0xa0000)
		found = rsdp_search(ebda, 1024);
	return found ? found : rsdp_search(0xe0000, 0x20000);
}

static void read_tables(const uint8_t *rsdp)
{
	bool wide = rsdp[15] >= 2 && get(rsdp + 24, 8) &&
		    checksum_ok(rsdp, 36);
	size_t entry = wide ? 8 : 4, len, table_len;
	const uint8_t *root, *t;

	root = map_table(wide ? get(rsdp + 24, 8) : get(rsdp + 16, 4), &len);
	if (!root)
		return;
	for (size_t at = HEADER_LEN, i = 0;
	     at + entry <= len && i < MAX_TABLES; at += entry, i++) {
		t = map_table(get(root + at, entry), &table_len);
		if (t)
			acpi_parse_table(t, table_len, &acpi);
	}
	t = map_table(acpi.dsdt, &table_len);
	if (t)
		acpi_parse_dsdt(t, table_len, &acpi);
}

/* The running CPU becomes cpus[0]. */
static void fill_cpus(void)
{
	uint32_t self = cpuid(1).b >> 24;
	unsigned int n = 1;

	if (cpuid(0).a >= 0xb && cpuid_count(0xb, 0).b)
		self = cpuid_count(0xb, 0).d;
	cpus[0].id = 0;
	cpus[0].apic_id = self;
	for (unsigned int i = 0; i < acpi.cpu_count; i++) {
		if (acpi.apic_id[i] == self || n == MAX_CPUS)
			continue;
		cpus[n].id = n;
		cpus[n++].apic_id = acpi.apic_id[i];
	}
	cpus_present = n;
}

/* The ports reach the first segment alone. */
static void map_ecam(struct acpi_ecam *e)
{
	size_t first = (size_t)e->start_bus << 20;
	size_t end = ((size_t)e->end_bus + 1) << 20;
	uint8_t *window = e->segment && e->addr ?
			  map_mmio(e->addr + first, end - first) : NULL;

	if (window)
		e->window = window - first;
}

void acpi_init(void)
{
	const uint8_t *rsdp;

	acpi.lapic_addr = 0xfee00000;
	acpi.rsdp = rsdp_find();
	rsdp = acpi.rsdp ? map_boot(acpi.rsdp, 36) : NULL;
	if (rsdp && rsdp_valid(rsdp))
		read_tables(rsdp);
	else
		log_line(LOG_WARNING, "ACPI: no tables found");
	if (acpi.reset.addr && acpi.reset.space == 0)
		acpi.reset_window = map_mmio(acpi.reset.addr, 1);
	for (unsigned int i = 0; i < acpi.ecam_count; i++)
		map_ecam(&acpi.ecam[i]);
	fill_cpus();
	log_line(LOG_INFO, "ACPI: %u CPUs, %u IOAPICs, PM timer at port %#x%s",
		 cpus_present, acpi.ioapic_count, acpi.pm_timer,
		 acpi.ecam_count ? ", PCI configuration in memory" : "");
}

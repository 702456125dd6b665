/*
 * The order in which everything comes up. The boot CPU runs hv_main() on the
 * boot stack, which becomes its idle vCPU's; the others arrive in ap_main().
 */
#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "desc.h"
#include "domain.h"
#include "features.h"
#include "irq.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"
#include "time.h"

#define PARAVANE_VERSION "0.1" /* guests see Xen's: hypercall/version.c */

/* From start.S, each on a stack whose top names its CPU. */
noreturn_fn void hv_main(uint32_t magic, paddr_t info);
noreturn_fn void ap_main(void);

static void print_banner(void)
{
	log_line(LOG_ERR, "Paravane " PARAVANE_VERSION " (Xen ABI 4.17)");
	log_line(LOG_INFO, "started by %s, options: %s", boot_info.loader,
		 boot_info.cmdline);
}

static void print_memory(void)
{
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < boot_info.map_entries; i++)
		if (boot_info.map[i].type == 1)
			total += boot_info.map[i].size;
	log_line(LOG_INFO, "memory: %lu KiB RAM, %lu KiB free, %lu KiB ours",
		 total >> 10, heap_free_frames() << 2,
		 (total >> 10) - (heap_free_frames() << 2));
}

static uint64_t boot_number(const char *name)
{
	char buf[16];
	const char *s = boot_option(name, buf, sizeof(buf));

	return s && *s ? str_to_u64(s, &s) : SCHED_DEFAULT;
}

static void start_scheduler(void)
{
	char policy[16];
	unsigned int i;

	if (!boot_option("sched", policy, sizeof(policy)))
		policy[0] = '\0';
	sched_init(policy, boot_number("sched_credit_tslice_ms"),
		   boot_number("sched_ratelimit_us"));
	for (i = 0; i < cpus_present; i++)
		sched_init_cpu(i);
}

static void start_dom0(void)
{
	const struct boot_module *m = boot_info.modules;

	if (boot_info.module_count == 0)
		panic("no kernel for Dom0: give it as the first module");
	dom0_build(&m[0], boot_info.module_count > 1 ? &m[1] : NULL);
}

void hv_main(uint32_t magic, paddr_t info)
{
	struct cpu *c = &cpus[0];

	c->online = true;
	multiboot_parse(magic, info);
	console_init();
	print_banner();
	features_init();
	features_init_cpu();
	memory_init();
	desc_init_cpu(c);
	print_memory();

	acpi_init();
	apic_init();
	time_init();
	time_init_cpu();
	irq_init();
	console_init_input();
	start_scheduler();
	smp_start();
	reaper_start();
	start_dom0();
	idle_loop();
}

void ap_main(void)
{
	struct cpu *c = this_cpu();

	features_init_cpu();
	desc_init_cpu(c);
	apic_init_cpu();
	smp_arrived(c);
	time_init_cpu();
	tlb_leave_guests();
	store_release(&c->online, true);
	idle_loop();
}

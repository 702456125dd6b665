/*
 * The machine's end: soft-off through the ACPI sleep register (ACPI 6.4,
 * 4.8.3.2), reset by each way that PCs have had, or a halt for ever.
 */
#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "lib.h"
#include "printk.h"

#define PM1_SLEEP_TYPE 0x1c00u
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_ENABLE 0x2000u

static bool stopping; /* all CPUs but one halt for good */

static noreturn_fn void halt_for_ever(void)
{
	for (;;)
		arch_halt();
}

void machine_nmi(void)
{
	if (READ_ONCE(stopping))
		halt_for_ever();
}

/* Everybody else halts. Two CPUs that end the machine at once: one wins. */
static void stop_others(void)
{
	static struct cpu *winner;
	struct cpu *none = NULL;

	if (!atomic_cmpxchg(&winner, &none, this_cpu()) && none != this_cpu())
		halt_for_ever();
	WRITE_ONCE(stopping, true);
	for (unsigned int i = 0; i < cpus_present; i++)
		if (&cpus[i] != this_cpu() && cpus[i].online)
			apic_send(cpus[i].apic_id, APIC_MODE_NMI);
	console_force();
}

/* Some 10 µs each, without any clock. */
static void settle(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds * 10; i++)
		outb(0x80, 0);
}

void machine_sleep(uint16_t pm1a, uint16_t pm1b)
{
	stop_others();
	for (int i = 0; i < 2; i++) {
		uint16_t enable = i ? PM1_SLEEP_ENABLE : 0;

		/* The type first, then the same with the trigger. */
		pm1a = (uint16_t)((pm1a & ~PM1_SLEEP_ENABLE) | enable);
		pm1b = (uint16_t)((pm1b & ~PM1_SLEEP_ENABLE) | enable);
		outw(acpi.pm1a_control, pm1a);
		if (acpi.pm1b_control)
			outw(acpi.pm1b_control, pm1b);
	}
	settle(200000); /* firmware, or a busy emulator, takes its time */
	log_line(LOG_ERR, "the machine does not switch itself off: halted");
	halt_for_ever();
}

static uint16_t sleep_value(uint16_t port, uint8_t type)
{
	return port ? (uint16_t)((inw(port) & ~PM1_SLEEP_TYPE) |
				 type << PM1_SLEEP_TYPE_SHIFT) : 0;
}

void machine_power_off(void)
{
	if (acpi.pm1a_control && acpi.s5_known)
		machine_sleep(sleep_value(acpi.pm1a_control, acpi.s5_type_a),
			      sleep_value(acpi.pm1b_control, acpi.s5_type_b));
	stop_others();
	log_line(LOG_INFO, "no way to switch off is known: halted");
	halt_for_ever();
}

/* No interrupt table: the next exception is a triple fault. */
static void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none;

	__asm__ volatile("lidt %0; int3" :: "m"(none));
}

static void reset_by_acpi(void)
{
	const struct acpi_register *r = &acpi.reset;

	if (!r->addr)
		return;
	if (r->space == 1 && r->addr <= 0xffff) {
		outb((uint16_t)r->addr, acpi.reset_value);
	} else if (r->space == 2) { /* device, function, register; bus 0 */
		outl(0xcf8, (uint32_t)(1u << 31 | (r->addr >> 32 & 31) << 11 |
				       (r->addr >> 16 & 7) << 8 |
				       (r->addr & 0xfc)));
		outb((uint16_t)(0xcfc + (r->addr & 3)), acpi.reset_value);
	} else if (acpi.reset_window) {
		*acpi.reset_window = acpi.reset_value;
	}
}

static void reset_by_keyboard(void)
{
	for (int i = 0; i < 10000 && inb(0x64) & 2; i++)
		settle(1);
	outb(0x64, 0xfe); /* pulse the reset line */
}

void machine_reboot(void)
{
	stop_others();
	reset_by_acpi();
	settle(1000);
	outb(0xcf9, 0x02); /* reset control: full, then the edge */
	settle(10);
	outb(0xcf9, 0x06);
	settle(1000);
	reset_by_keyboard();
	settle(10000);
	triple_fault();
	halt_for_ever();
}

/* An option without a value is on. */
static bool option_on(const char *name)
{
	static const char *const off[] = { "0", "no", "off", "false" };
	char buf[8];
	const char *s = boot_option(name, buf, sizeof(buf));

	for (unsigned int i = 0; s && i < ARRAY_SIZE(off); i++)
		if (!strcmp(s, off[i]))
			return false;
	return s != NULL;
}

void machine_panic(void)
{
	stop_others();
	if (option_on("noreboot")) {
		log_line(LOG_ERR, "noreboot: halted");
		halt_for_ever();
	}
	log_line(LOG_ERR, "reboot");
	machine_reboot();
}

/* The reference clocks below cpu/time.c, and the battery clock. */
#include "clock.h"
#include "acpi.h"
#include "cpu.h"
#include "frame.h"
#include "lib.h"

static uint32_t pm_read(void)
{
	return inl(acpi.pm_timer);
}

static volatile uint32_t *hpet;

static uint32_t hpet_read(void)
{
	return hpet[0xf0 / 4];
}

/* Latches channel 2, which counts down. */
static uint32_t pit_read(void)
{
	uint8_t low;

	outb(0x43, 0x80);
	low = inb(0x42);
	return (uint16_t)~(inb(0x42) << 8 | low);
}

static struct clock pm_clock = {
	"ACPI PM timer", 3579545, 0xffffff, pm_read, true,
};
static struct clock hpet_clock = { "HPET", 0, UINT32_MAX, hpet_read, true };
static struct clock pit_clock = { "PIT", 1193182, 0xffff, pit_read, false };

/* HPET specification 1.0a, chapter 2.3: period in femtoseconds; enable bit. */
static bool hpet_start(void)
{
	uint32_t period;

	hpet = acpi.hpet ? map_mmio(acpi.hpet, 1024) : NULL;
	if (!hpet)
		return false;
	period = hpet[1];
	if (period < 100000 || period > 100000000)
		return false;
	hpet_clock.hz = 1000000000000000ULL / period;
	hpet[0x10 / 4] |= 1;
	return true;
}

static void pit_start(void)
{
	outb(0x61, (uint8_t)((inb(0x61) & ~2) | 1)); /* gate on, speaker off */
	outb(0x43, 0xb4); /* channel 2, low and high byte, rate generator */
	outb(0x42, 0xff);
	outb(0x42, 0xff);
}

/* Firmware may name a timer that stands still. */
static bool runs(const struct clock *c)
{
	uint32_t first = c->read();

	for (int i = 0; i < 100000; i++)
		if (c->read() != first)
			return true;
	return false;
}

const struct clock *clock_find(void)
{
	if (acpi.pm_timer_32bit)
		pm_clock.mask = UINT32_MAX;
	if (acpi.pm_timer && runs(&pm_clock))
		return &pm_clock;
	if (hpet_start() && runs(&hpet_clock))
		return &hpet_clock;
	pit_start();
	return &pit_clock;
}

static uint8_t cmos(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

enum { RTC_SEC, RTC_MIN, RTC_HOUR, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_FIELDS };

static void rtc_fields(uint8_t f[RTC_FIELDS])
{
	static const uint8_t regs[RTC_FIELDS] = { 0, 2, 4, 7, 8, 9 };

	for (unsigned int i = 0; i < RTC_FIELDS; i++)
		f[i] = cmos(regs[i]);
}

/* Days from 1970-01-01 (proleptic Gregorian; years begin in March here). */
static uint64_t days_since_1970(unsigned int y, unsigned int m, unsigned int d)
{
	y -= m <= 2;
	m = (m + 9) % 12;
	return 365ULL * y + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 +
	       d - 1 - 719468;
}

uint64_t rtc_read(void)
{
	uint8_t f[RTC_FIELDS], again[RTC_FIELDS], mode = cmos(0x0b);
	bool pm;

	/* The same twice: no update was under way. At most a few rounds. */
	rtc_fields(f);
	for (int i = 0; i < 100; i++) {
		rtc_fields(again);
		if (!(cmos(0x0a) & 0x80) && !memcmp(f, again, sizeof(f)))
			break;
		memcpy(f, again, sizeof(f));
	}
	pm = f[RTC_HOUR] & 0x80;
	f[RTC_HOUR] &= 0x7f;
	if (!(mode & 4)) /* binary-coded decimal */
		for (unsigned int i = 0; i < RTC_FIELDS; i++)
			f[i] = (uint8_t)((f[i] >> 4) * 10 + (f[i] & 15));
	if (!(mode & 2)) /* twelve hours */
		f[RTC_HOUR] = (uint8_t)(f[RTC_HOUR] % 12 + (pm ? 12 : 0));
	return days_since_1970(2000u + f[RTC_YEAR], f[RTC_MONTH],
			       f[RTC_DAY]) * 86400 +
	       f[RTC_HOUR] * 3600ULL + f[RTC_MIN] * 60ULL + f[RTC_SEC];
}

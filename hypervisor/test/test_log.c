/*
 * lib/log.c and cpu/serial.c against a simulated 16550: what is printed, what
 * waits, what the ring holds, what is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot.h"
#include "console.h"
#include "desc.h"
#include "domain.h"
#include "irq.h"
#include "printk.h"
#include "time.h"

#define COM1 0x3f8

static char sent[200000]; /* by the port */
static size_t sent_len;
static uint8_t lcr, divisor[2], ier;
static const char *options[8][2];
static nsec_t clock_ns;

nsec_t now(void)
{
	return clock_ns;
}

const char *boot_option(const char *name, char *buf, size_t size)
{
	for (unsigned int i = 0; i < 8 && options[i][0]; i++) {
		if (strcmp(options[i][0], name))
			continue;
		strncpy(buf, options[i][1], size - 1);
		buf[size - 1] = '\0';
		return buf;
	}
	return NULL;
}

int irq_own_isa(unsigned int irq, void (*fn)(void))
{
	return 0;
}

void ports_deny(uint16_t first, uint16_t last)
{
}

void console_input(char c)
{
}

static uint32_t uart_in(uint16_t port, unsigned int size)
{
	switch (port - COM1) {
	case 2: return 0xc1; /* FIFO enabled */
	case 5: return 0x60; /* transmitter empty */
	default: return 0;
	}
}

static void uart_out(uint16_t port, unsigned int size, uint32_t v)
{
	switch (port - COM1) {
	case 0:
		if (lcr & 0x80)
			divisor[0] = (uint8_t)v;
		else if (sent_len < sizeof(sent) - 1)
			sent[sent_len++] = (char)v;
		break;
	case 1:
		if (lcr & 0x80)
			divisor[1] = (uint8_t)v;
		else
			ier = (uint8_t)v;
		break;
	case 3:
		lcr = (uint8_t)v;
		break;
	}
}

/* What the port has sent since the last call. */
static const char *port(void)
{
	static char text[sizeof(sent)];

	memcpy(text, sent, sent_len);
	text[sent_len] = '\0';
	sent_len = 0;
	return text;
}

/* Once for all tests: they share the log, as the machine does. */
static int setup(void **state)
{
	host_machine.in = uart_in;
	host_machine.out = uart_out;
	return 0;
}

static void test_early_lines_wait(void **state)
{
	log_line(LOG_INFO, "first");
	console_write("lost", 4); /* a domain's: there is none so early */
	assert_string_equal(port(), "");
	options[0][0] = "com1";
	options[0][1] = "9600,7e2";
	options[1][0] = "guest_loglvl";
	options[1][1] = "error/info";
	options[2][0] = "loglvl";
	options[2][1] = "nonsense";
	console_init();
	assert_non_null(strstr(port(), "(PV) first\r\n(PV) loglvl=nonsense: "));
	assert_int_equal(divisor[0], 12);
	assert_int_equal(divisor[1], 0);
	assert_int_equal(lcr, 0x02 | 0x18 | 0x04); /* 7, even, 2 */
}

static void test_lines(void **state)
{
	port();
	log_line(LOG_ERR, "a %u %s", 5u, "b");
	assert_string_equal(port(), "(PV) a 5 b\r\n");
	log_line(LOG_ERR, "ends itself\n\n");
	assert_string_equal(port(), "(PV) ends itself\r\n");
	log_line(LOG_DEBUG, "above the level");
	assert_string_equal(port(), "");
	console_write("x\r\ny\n", 5);
	assert_string_equal(port(), "x\r\ny\r\n");
}

static void test_long_line(void **state)
{
	char text[1000];
	const char *p;

	memset(text, 'z', sizeof(text));
	text[999] = '\0';
	log_line(LOG_ERR, "%s", text);
	p = port();
	assert_true(strlen(p) < 300);
	assert_string_equal(p + strlen(p) - 3, "z\r\n");
}

/* A domain's half line is not torn; a second later it is. */
static void test_unfinished_line(void **state)
{
	console_write("login: ", 7);
	log_line(LOG_ERR, "one");
	log_line(LOG_ERR, "two");
	assert_string_equal(port(), "login: ");
	console_write("root\n", 5);
	assert_string_equal(port(), "root\r\n(PV) one\r\n(PV) two\r\n");
	console_write("# ", 2);
	log_line(LOG_ERR, "three");
	log_flush();
	assert_string_equal(port(), "# \r\n(PV) three\r\n");
	log_flush();
	assert_string_equal(port(), "");
}

static void test_read(void **state)
{
	uint32_t at = log_first(), start;
	char buf[64];

	while (log_read(&at, buf, sizeof(buf)))
		;
	start = at;
	log_line(LOG_ERR, "0123456789");
	assert_int_equal(log_read(&at, buf, 8), 8);
	assert_memory_equal(buf, "(PV) 012", 8);
	assert_int_equal(log_read(&at, buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "3456789\n", 8);
	assert_int_equal(log_read(&at, buf, sizeof(buf)), 0);
	assert_int_equal(at, start + 16);
	/* Beyond the end, or long ago: from the oldest on. */
	at = start + 1000;
	assert_int_equal(log_read(&at, buf, 5), 5);
	assert_int_equal(at, log_first() + 5);
	log_clear(start + 1000); /* bogus: nothing happens */
	at = start;
	assert_int_equal(log_read(&at, buf, 5), 5);
	log_clear(start + 16);
	assert_int_equal(log_first(), start + 16);
	at = start;
	assert_int_equal(log_read(&at, buf, 5), 0);
}

static void test_ring_wraps(void **state)
{
	static char all[40000];
	uint32_t at;
	size_t n, len = 0;

	for (unsigned int i = 0; i < 5000; i++)
		log_line(LOG_ERR, "line %u", i);
	at = log_first();
	while ((n = log_read(&at, all + len, 777)))
		len += n;
	assert_int_equal(len, 32768);
	assert_memory_equal(all + len - 15, "(PV) line 4999\n", 15);
	port();
}

static unsigned int count_lines(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void test_domain_limit(void **state)
{
	struct domain *d = calloc(1, sizeof(*d));
	unsigned int i;

	d->id = 7;
	clock_ns = 100 * NSEC_PER_SEC;
	domain_log(d, LOG_DEBUG, "never");
	assert_string_equal(port(), "");
	for (i = 0; i < 100; i++)
		domain_log(d, LOG_INFO, "again");
	assert_int_equal(count_lines(port()), 20);
	for (i = 0; i < 30; i++) /* these are always shown */
		domain_log(d, LOG_ERR, "bad");
	assert_int_equal(count_lines(port()), 30);
	clock_ns += 6 * NSEC_PER_SEC;
	domain_log(d, LOG_WARNING, "later");
	assert_string_equal(port(), "(PV) d7: 80 lines left out\r\n"
			    "(PV) d7: later\r\n");
	free(d);
}

#define NONE { 0, 0, 0, 0 } /* refused: nothing is changed */

static void test_serial_options(void **state)
{
	static const struct {
		const char *text;
		int rc;
		struct serial_settings s;
	} cases[] = {
		{ "115200,8n1", 0, { 0x3f8, 4, 3, 115200 } },
		{ "auto", 0, { 0x3f8, 4, 3, 0 } },
		{ "", 0, { 0x3f8, 4, 3, 115200 } },
		{ "38400,8o1,0x2f8,3", 0, { 0x2f8, 3, 0x0b, 38400 } },
		{ ",,0x2f8", 0, { 0x2f8, 4, 3, 115200 } },
		{ "0", -EINVAL, NONE }, { "115201", -EINVAL, NONE }, { "1", -EINVAL, NONE },
		{ "x", -EINVAL, NONE }, { "9600x", -EINVAL, NONE }, { ",9n1", -EINVAL, NONE },
		{ ",8x1", -EINVAL, NONE }, { ",8n3", -EINVAL, NONE }, { ",8", -EINVAL, NONE },
		{ ",8n1x", -EINVAL, NONE }, { ",,0x10000", -EINVAL, NONE },
		{ ",,,16", -EINVAL, NONE }, { ",,,,1", -EINVAL, NONE },
		{ "00000000000000000000000000000009600", -EINVAL, NONE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct serial_settings s = { 0x3f8, 4, 3, 115200 };
		struct serial_settings want = cases[i].rc ? s : cases[i].s;

		assert_int_equal(serial_parse(cases[i].text, &s), cases[i].rc);
		assert_int_equal(s.base, want.base);
		assert_int_equal(s.irq, want.irq);
		assert_int_equal(s.lcr, want.lcr);
		assert_int_equal(s.baud, want.baud);
	}
}

static void test_force(void **state)
{
	console_write("half", 4);
	log_line(LOG_ERR, "waits");
	port();
	console_force();
	assert_string_equal(port(), "\r\n(PV) waits\r\n");
	log_line(LOG_DEBUG, "all levels");
	assert_string_equal(port(), "(PV) all levels\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_early_lines_wait),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_unfinished_line),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_domain_limit),
		cmocka_unit_test(test_serial_options),
		cmocka_unit_test(test_force),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, NULL);
}

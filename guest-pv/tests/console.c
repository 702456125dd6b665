/*
 * console_io: write and read, their refusals, and unsigned lengths (security
 * lesson 40: a bound is checked at the copy). Rules: CONSOLEIO_* in
 * <xen/xen.h>. Dom0 has the right to it; a domain is told -EPERM (map, 6).
 */
#include "tap.h"

static void write_some(void)
{
	static const char text[] = "# written by console_io\n";

	if (!is_dom0()) {
		CHECK_EQ(hcall_console_io(CONSOLEIO_write, sizeof(text) - 1,
					  text), -EPERM);
		return;
	}
	CHECK_EQ(hcall_console_io(CONSOLEIO_write, sizeof(text) - 1, text),
		 0);
	CHECK_EQ(hcall_console_io(CONSOLEIO_write, 0, text), 0);
	CHECK_EQ(hcall_console_io(CONSOLEIO_write, 0, NULL), 0);
}

static void write_long(void)
{
	static char text[3000];

	if (!is_dom0())
		tap_skip("Dom0 alone");
	memset(text, '-', sizeof(text));
	for (unsigned int i = 0; i < sizeof(text); i += 75) {
		text[i] = '#';
		text[i + 74] = '\n';
	}
	CHECK_EQ(hcall_console_io(CONSOLEIO_write, sizeof(text), text), 0);
}

static void read_nothing(void)
{
	char buf[16];

	if (!is_dom0())
		tap_skip("Dom0 alone");
	CHECK_EQ(hcall_console_io(CONSOLEIO_read, sizeof(buf), buf), 0);
	CHECK_EQ(hcall_console_io(CONSOLEIO_read, 0, buf), 0);
}

static void bad_buffers(void)
{
	static const unsigned long bad[] = {
		UNMAPPED_VA, XEN_VA, NONCANONICAL, 0xffff87fffffffff8,
	};

	if (!is_dom0())
		tap_skip("Dom0 alone");
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(hcall_console_io(CONSOLEIO_write, 8, bad[i]),
			 -EFAULT);
		CHECK(hcall_console_io(CONSOLEIO_write, 0x7fffffff,
				       bad[i]) < 0);
		CHECK(hcall_console_io(CONSOLEIO_write, 0x80000000,
				       bad[i]) < 0);
		CHECK(hcall_console_io(CONSOLEIO_write, 0xffffffff,
				       bad[i]) < 0);
	}
}

static void unknown_command(void)
{
	char buf[8] = "";

	CHECK_EQ(hcall_console_io(2, 1, buf),
		 is_dom0() ? -ENOSYS : -EPERM);
	CHECK_EQ(hcall_console_io(-1, 1, buf),
		 is_dom0() ? -ENOSYS : -EPERM);
}

static const struct test_case cases[] = {
	{ "write", write_some },
	{ "write 3000 bytes", write_long },
	{ "read with nothing there", read_nothing },
	{ "bad buffers and huge counts", bad_buffers },
	{ "unknown command", unknown_command },
};

TEST_PROGRAM(console, "console_io", cases);

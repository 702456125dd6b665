/*
 * Output. Dom0 writes with the console_io hypercall. A domain without that
 * right gets -EPERM from it and uses the ring that the builder put into the
 * bootstrap allocation (start_info.console.domU).
 */
#include "kernel.h"
#include "frontend-drivers/console/console.h"

static void ring_write(const char *text, size_t length)
{
	struct console ring = { .port = start_info->console.domU.evtchn };
	size_t n;

	if (!start_info->console.domU.mfn)
		return;
	ring.ring = mfn_to_virt(start_info->console.domU.mfn);
	for (;;) {
		n = console_put(&ring, text, length);
		text += n;
		length -= n;
		if (!length)
			return;
		hcall_sched_op(SCHEDOP_yield, NULL);
	}
}

void console_write(const char *text, size_t length)
{
	if (hcall_console_io(CONSOLEIO_write, length, text) < 0)
		ring_write(text, length);
}

void printk(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	console_write(line, (size_t)length);
}

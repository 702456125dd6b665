/*
 * Output. Dom0 writes with the console_io hypercall. A domain without that
 * right gets -EPERM from it and uses the ring that the builder put into the
 * bootstrap allocation (start_info.console.domU).
 */
#include "kernel.h"
#include <xen/io/console.h>

static void ring_write(const char *text, size_t length)
{
	struct xencons_interface *ring;
	struct evtchn_send send = { start_info->console.domU.evtchn };

	if (!start_info->console.domU.mfn)
		return;
	ring = mfn_to_virt(start_info->console.domU.mfn);
	while (length) {
		XENCONS_RING_IDX cons = READ_ONCE(ring->out_cons);
		XENCONS_RING_IDX prod = ring->out_prod;

		while (length && prod - cons < sizeof(ring->out)) {
			ring->out[MASK_XENCONS_IDX(prod++, ring->out)] =
				*text++;
			length--;
		}
		/* The text before the index that publishes it. */
		barrier();
		WRITE_ONCE(ring->out_prod, prod);
		hcall_event_channel_op(EVTCHNOP_send, &send);
		if (length)
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

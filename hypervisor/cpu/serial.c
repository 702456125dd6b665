/*
 * A 16550 serial port, COM1 unless told otherwise. Output is polled: it works
 * from the first instruction on and in a panic. Input comes by interrupt once
 * the IOAPIC is set up. The console's lock (lib/log.c) is held by all callers
 * that write; the interrupt handler only reads the receive register.
 */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "desc.h"
#include "irq.h"
#include "lib.h"
#include "printk.h"

/* Register offsets (PC16550D data sheet). */
enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2,
       LCR = 3, MCR = 4, LSR = 5 };
#define IER_RECEIVE 0x01
#define FCR_ENABLE_CLEAR 0x07
#define IIR_FIFO 0xc0
#define LCR_DLAB 0x80
#define MCR_DTR_RTS_OUT2 0x0b /* OUT2 gates the interrupt line on PCs */
#define LSR_DATA 0x01
#define LSR_THR_EMPTY 0x20

#define CLOCK 115200u   /* divisor 1 */
#define SPIN_LIMIT 200000u /* port reads of about 1 µs: more than a FIFO takes */

static struct serial_settings port = {
	.base = 0x3f8, .irq = 4, .lcr = 3, .baud = 115200,
};
static unsigned int depth; /* of the transmit FIFO; 0: there is no port */
static unsigned int room;  /* bytes that the FIFO takes without a look */
static char sent;         /* last byte sent */

static unsigned int rd(unsigned int reg)
{
	return inb((uint16_t)(port.base + reg));
}

static void wr(unsigned int reg, unsigned int v)
{
	outb((uint16_t)(port.base + reg), (uint8_t)v);
}

/* "8n1", to @end: data bits, parity, stop bits. */
static bool parse_frame(const char *s, const char *end, uint8_t *lcr)
{
	static const char parities[] = "noems"; /* line control bits 3-5 */
	static const uint8_t bits[] = { 0x00, 0x08, 0x18, 0x28, 0x38 };
	const char *p;

	if (end - s != 3 || s[0] < '5' || s[0] > '8')
		return false;
	p = strchr(parities, s[1]);
	if (!p || (s[2] != '1' && s[2] != '2'))
		return false;
	*lcr = (uint8_t)((s[0] - '5') | bits[p - parities] |
			 (s[2] == '2' ? 4 : 0));
	return true;
}

/* Field @i of com1=, to @end; false: not valid. Empty leaves the default. */
static bool parse_field(unsigned int i, const char *f, const char *end,
			struct serial_settings *s)
{
	const char *stop;
	uint64_t n;

	if (f == end)
		return true;
	if (i == 1)
		return parse_frame(f, end, &s->lcr);
	if (i == 0 && end - f == 4 && !strncmp(f, "auto", 4)) {
		s->baud = 0;
		return true;
	}
	n = str_to_u64(f, &stop);
	if (stop != end || end - f > 15) /* more may have overflowed */
		return false;
	switch (i) {
	case 0:
		s->baud = (uint32_t)n;
		return n && n <= CLOCK && CLOCK / n <= 0xffff;
	case 2:
		s->base = (uint16_t)n;
		return n && n <= 0xfff8;
	case 3:
		s->irq = (uint8_t)n;
		return n < 16;
	default:
		return false;
	}
}

int serial_parse(const char *text, struct serial_settings *s)
{
	struct serial_settings r = *s;
	const char *end;

	for (unsigned int i = 0; ; i++, text = end + 1) {
		end = strchr(text, ',');
		if (!end)
			end = text + strlen(text);
		if (!parse_field(i, text, end, &r))
			return -EINVAL;
		if (!*end)
			break;
	}
	*s = r;
	return 0;
}

/* console= holds a list of devices; com1 is the only one that we drive. */
static bool console_wants_com1(void)
{
	char buf[64];
	const char *s = boot_option("console", buf, sizeof(buf));

	if (!s)
		return true;
	for (; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		if (!strncmp(s, "com1", 4) && (!s[4] || s[4] == ','))
			return true;
	return false;
}

void serial_init(void)
{
	char buf[64];
	const char *s = boot_option("com1", buf, sizeof(buf));
	unsigned int divisor;

	if (!console_wants_com1())
		return;
	if (s && serial_parse(s, &port))
		log_line(LOG_WARNING, "com1=%s: not understood (example: 115200,8n1,0x3f8,4)",
			 s);
	if (rd(LSR) == 0xff)
		return; /* nothing answers there */
	wr(IER, 0);
	wr(LCR, port.lcr);
	if (port.baud) {
		divisor = CLOCK / port.baud;
		wr(LCR, port.lcr | LCR_DLAB);
		wr(DLL, divisor & 0xff);
		wr(DLM, divisor >> 8);
		wr(LCR, port.lcr);
	}
	wr(FCR, FCR_ENABLE_CLEAR);
	depth = (rd(IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
	wr(MCR, MCR_DTR_RTS_OUT2);
	ports_deny(port.base, port.base + 7);
}

/* A port that does not drain within SPIN_LIMIT loses the byte, and goes on. */
static void put(char c)
{
	unsigned int spins = 0;

	if (!room) {
		while (!(rd(LSR) & LSR_THR_EMPTY)) {
			if (++spins == SPIN_LIMIT)
				return;
			cpu_pause();
		}
		room = depth;
	}
	room--;
	wr(THR, (uint8_t)c);
	sent = c;
}

void serial_write(const char *s, size_t len)
{
	if (!depth)
		return;
	for (size_t i = 0; i < len; i++) {
		/* Linux's hvc driver sends its own carriage returns. */
		if (s[i] == '\n' && sent != '\r')
			put('\r');
		put(s[i]);
	}
}

/*
 * Empties the receive FIFO, as far as is decent. The line is an edge to the
 * I/O APIC: turning the source off and on makes a new one if there is more.
 */
static void receive(void)
{
	for (int i = 0; i < 64 && rd(LSR) & LSR_DATA; i++)
		console_input((char)rd(RBR));
	wr(IER, 0);
	wr(IER, IER_RECEIVE);
}

void console_init_input(void)
{
	int rc;

	if (!depth)
		return;
	rc = irq_own_isa(port.irq, receive);
	if (rc) {
		log_line(LOG_WARNING, "no console input: interrupt %u (%d)",
			 port.irq, rc);
		return;
	}
	receive(); /* what came before left no edge behind */
}

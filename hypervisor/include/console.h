/*
 * The console: one log ring, one serial port, one lock. The hypervisor's
 * lines go to the ring first and from there to the port, so that nothing is
 * lost before the port is set up. See lib/log.c, cpu/serial.c and
 * hypercall/console.c.
 */
#ifndef PV_CONSOLE_H
#define PV_CONSOLE_H

#include "types.h"

/*
 * Boot CPU, as soon as boot_option() works: log levels from loglvl= and
 * guest_loglvl=, then the port from console= and com1=, then what waits in
 * the ring is printed. Nothing else needs to be initialised.
 */
void console_init(void);

/* Receive interrupt of the port; needs the IOAPIC (irq_init() before). */
void console_init_input(void);

/*
 * The log ring, for sysctl readconsole. Positions count bytes since boot,
 * modulo 2^32.
 */
uint32_t log_first(void); /* oldest byte still held */
/*
 * Copies up to @size bytes from *@position on, or from the oldest byte held
 * when that is gone or bogus. Moves *@position behind them; 0: no more.
 */
size_t log_read(uint32_t *position, char *buf, size_t size);
void log_clear(uint32_t position); /* forgets what lies before */

/* Prints lines held back behind somebody's unfinished one; every second. */
void log_flush(void);

/* The machine is about to die: opens the console's lock, prints everything. */
void console_force(void);

/* Bytes from the port (cpu/serial.c), interrupts off. */
void console_input(char c);

/*
 * The port below it (cpu/serial.c), under the console's lock. serial_init()
 * reads console= and com1=, and leaves the port off when there is none.
 */
void serial_init(void);
/* Polled; a newline is sent as carriage return and newline. */
void serial_write(const char *s, size_t len);

struct serial_settings {
	uint16_t base;
	uint8_t irq;
	uint8_t lcr;      /* line control: data, parity, stop bits */
	uint32_t baud;    /* 0: as the firmware left it */
};

/*
 * Parses "115200,8n1,0x3f8,4": each field may be empty or left out, "auto"
 * keeps the firmware's speed. 0, or -EINVAL with *@s untouched.
 */
must_check int serial_parse(const char *text, struct serial_settings *s);

/* As if @key had been typed while the hypervisor had the keyboard. */
void debug_key(char key);
#endif

/* The serial port below the console; all calls but init under its lock. */
#ifndef PV_SERIAL_H
#define PV_SERIAL_H

#include "types.h"

/* Reads console= and com1=; leaves the port off when there is none. */
void serial_init(void);
/* Polled; a newline is sent as carriage return and newline. */
void serial_write(const char *s, size_t len);

/* I/O ports that belong to the console; false: none. */
bool serial_ports(unsigned int *first, unsigned int *last);

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

#endif

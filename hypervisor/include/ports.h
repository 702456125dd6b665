/*
 * I/O ports: what Dom0 may touch, and how (cpu/ports.c). Other domains have
 * none.
 */
#ifndef PV_PORTS_H
#define PV_PORTS_H

#include "types.h"

struct domain;

/*
 * An access of @size bytes (1, 2, 4) by the guest kernel, or by a program that
 * the guest lets: denied ports read as all ones and ignore writes, others are
 * emulated or passed on. @port + @size <= 65536.
 */
uint32_t port_read(struct domain *d, unsigned int port, unsigned int size);
void port_write(struct domain *d, unsigned int port, unsigned int size,
		uint32_t v);

/* Whether @d has any use of these ports: none of them is denied. */
bool port_allowed(const struct domain *d, unsigned int port,
		  unsigned int size);

/*
 * A TSS bitmap for the domain that owns the machine's ports: zeroes for those
 * that its kernel touches without us. 8192 bytes. After console_init().
 */
void ports_fill_bitmap(uint8_t *bitmap);

#endif

/*
 * I/O port policy. The table below lists what Dom0 does not reach natively;
 * everything else is open to its kernel through the I/O bitmap of the TSS.
 * Denied are the devices that the hypervisor drives itself.
 *
 * A domain's configuration address (port 0xcf8) is latched for it alone: the
 * hardware's register is shared with the hypervisor's own accesses.
 */
#include "desc.h"
#include "cpu.h"
#include "domain.h"
#include "lib.h"
#include "pci.h"
#include "printk.h"

enum policy { NATIVE, DENIED, CONFIG_ADDRESS, CONFIG_DATA };

struct rule {
	uint16_t first, last;
	enum policy policy;
};

static struct rule rules[8] = {
	{ 0x20, 0x21, DENIED }, { 0xa0, 0xa1, DENIED },   /* 8259 */
	{ 0x40, 0x43, DENIED }, { 0x61, 0x61, DENIED },   /* PIT, its gate */
	{ 0xcf8, 0xcfb, CONFIG_ADDRESS },
	{ 0xcfc, 0xcff, CONFIG_DATA },
};
static unsigned int rule_count = 6; /* then what ports_deny() adds */

void ports_deny(uint16_t first, uint16_t last)
{
	assert(rule_count < ARRAY_SIZE(rules));
	rules[rule_count++] = (struct rule){ first, last, DENIED };
}

static enum policy port_policy(unsigned int port)
{
	for (unsigned int i = 0; i < rule_count; i++)
		if (port >= rules[i].first && port <= rules[i].last)
			return rules[i].policy;
	return NATIVE;
}

/* An access that crosses from one policy to another is nobody's. */
static enum policy access_policy(const struct domain *d, unsigned int port,
				 unsigned int size)
{
	enum policy policy = port_policy(port);

	if (!d->pv.io_all)
		return DENIED;
	for (unsigned int i = 1; i < size; i++)
		if (port_policy(port + i) != policy)
			return DENIED;
	return policy;
}

uint32_t port_read(struct domain *d, unsigned int port, unsigned int size)
{
	/*
	 * A timer that never counts down to all ones: Linux, calibrating in a
	 * domain, gives up at once on zero, and on ones after 100,000 reads.
	 */
	if (port == 0x42)
		return 0;
	switch (access_policy(d, port, size)) {
	case DENIED:
		return UINT32_MAX >> (32 - 8 * size);
	case CONFIG_ADDRESS:
		/* Only the whole register is the address; 0xcf9 is another. */
		return size == 4 ? d->pv.cf8 : in_sized((uint16_t)port, size);
	case CONFIG_DATA:
		return pci_port_read(d->pv.cf8, port & 3, size);
	default:
		return in_sized((uint16_t)port, size);
	}
}

void port_write(struct domain *d, unsigned int port, unsigned int size,
		uint32_t v)
{
	switch (access_policy(d, port, size)) {
	case DENIED:
		return;
	case CONFIG_ADDRESS:
		if (size == 4)
			d->pv.cf8 = v;
		else
			out_sized((uint16_t)port, size, v);
		return;
	case CONFIG_DATA:
		pci_port_write(d->pv.cf8, port & 3, size, v);
		return;
	default:
		out_sized((uint16_t)port, size, v);
	}
}

void ports_fill_bitmap(uint8_t *bitmap)
{
	unsigned int i, port;

	memset(bitmap, 0, 8192);
	for (i = 0; i < rule_count; i++)
		for (port = rules[i].first; port <= rules[i].last; port++)
			bitmap[port / 8] |= (uint8_t)(1 << port % 8);
}

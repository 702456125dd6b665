/* The wire protocol's numbers; their header counts on its includer for these. */
#ifndef XENSTORE_WIRE_H
#define XENSTORE_WIRE_H

#include <errno.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#endif

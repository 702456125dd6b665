/* Parts of memory_op that change who has how much (hypercall/reservation.c). */
#ifndef PV_RESERVATION_H
#define PV_RESERVATION_H

#include "types.h"

#include <xen/memory.h>

/*
 * increase_reservation, decrease_reservation, populate_physmap by sub-op
 * number: how many extents were done, or an error before the first.
 */
long reservation_change(unsigned int op, uint64_t arg);
long reservation_exchange(uint64_t arg);
long reservation_claim(uint64_t arg);

/*
 * The domain that an operation names, with a reference: the caller's own, or
 * any for a privileged caller. 0, -EPERM, -ESRCH.
 */
struct domain;
must_check int memory_target(uint16_t id, struct domain **d);

#endif

/* Parts of memory_op that change who has how much (hypercall/reservation.c). */
#ifndef PV_RESERVATION_H
#define PV_RESERVATION_H

#include "subop.h"

/* These three: how many extents were done, or an error before the first. */
subop_fn reservation_increase, reservation_decrease, reservation_populate;
subop_fn reservation_exchange, reservation_claim;

#endif

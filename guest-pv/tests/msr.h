/* Model-specific registers as a guest asks for them. */
#ifndef GUEST_TESTS_MSR_H
#define GUEST_TESTS_MSR_H

#include <stdint.h>

/* -1, or the vector of the trap that came instead. */
int msr_read(uint32_t nr, uint64_t *value);
int msr_write(uint32_t nr, uint64_t value);

#endif

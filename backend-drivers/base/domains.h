/*
 * Which domains there are, asked from the hypervisor.
 */
#ifndef BACKEND_BASE_DOMAINS_H
#define BACKEND_BASE_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

/** Returns 0 or -errno. */
int domains_init(void);

/**
 * Finds the first domain whose number is at least @from. Returns 1 and sets
 * *@domid and *@dying (it only waits for its pages), 0 if there is none, or
 * -errno.
 */
int domain_next(uint32_t from, uint32_t *domid, bool *dying);

/** True if @domid exists and is not dying; also if nobody can tell. */
bool domain_lives(uint32_t domid);

/** True if @domid exists, dying or not; also if nobody can tell. */
bool domain_exists(uint32_t domid);

#endif

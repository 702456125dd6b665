/*
 * What a worker gives up before it looks at anything of a guest's: every
 * user's right but that of a user of its domain's own, and every system call
 * but those of its data path. What it opened before stays open.
 */
#ifndef BACKEND_BASE_CONFINE_H
#define BACKEND_BASE_CONFINE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Users 1,900,000,000 and up belong to nobody: neither Debian nor systemd
 * gives them out. A kind of device has 65,536 of them, one per domain.
 */
#define CONFINE_USERS 1900000000u
#define CONFINE_USERS_PER_KIND 65536u

/* A system call that a kind of worker needs beside those that all need. */
struct confine_call {
	int number;
	uint64_t request;	/* of ioctl(): this one; 0: any arguments */
};

/**
 * Translates the filter, once in a process that will fork many workers.
 * @calls: ends with number -1. Returns 0 or -errno.
 */
int confine_prepare(const struct confine_call *calls);

/** Gives all else up, for good. Returns 0 or -errno: end then. */
int confine(uid_t user);

#endif

/*
 * The last output of each domain's console, kept after the domain is gone:
 * one small file per domain in a folder that lives in memory. A file is a
 * head and a ring of bytes. The daemon maps it and writes there; whoever wants
 * to see the output reads it, without asking the daemon.
 *
 * A domain begins anew with each of its lives, under its name. Of those that
 * are gone the latest HISTORY_FILES are kept.
 */
#ifndef BACKEND_CONSOLE_HISTORY_H
#define BACKEND_CONSOLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_DIR	"/run/vane/console"
#define HISTORY_SIZE	(64u << 10)	/* a power of two */
#define HISTORY_FILES	128
#define HISTORY_MAGIC	"vanehst1"

struct history_head {
	char magic[8];
	uint32_t domid;
	uint32_t alive;		/* 0: the domain is gone */
	uint64_t total;		/* bytes ever written; index: modulo the size */
	char name[80], uuid[40];
};

struct history_file {
	struct history_head head;
	char data[HISTORY_SIZE];
};

struct history {
	struct history_file *file;	/* mapping; NULL: nothing is kept */
	int fd;
};

/**
 * Begins a history, or goes on with that of the same domain. Without memory
 * nothing is kept: the error is for the log. @uuid may be "".
 */
int history_open(struct history *h, const char *dir, const char *name,
		 const char *uuid, uint32_t domid);

/** Removes what an earlier domain of that name has left. */
void history_forget(const char *dir, const char *name, uint32_t domid);

void history_add(struct history *h, const char *bytes, size_t len);

/** @gone: its domain is, not only the daemon. */
void history_close(struct history *h, bool gone);

/**
 * The reader's part. Copies the oldest to the latest byte that the file at
 * @fd holds to @to, of HISTORY_SIZE bytes; returns how many, or -errno.
 */
long history_read(int fd, struct history_head *head, char *to);

#endif

/*
 * A manifest: digests of an appliance's files, a line each:
 * "SHA256(disk1.vmdk)= 0123...".
 */
#ifndef TOOLSTACK_IMPORT_MANIFEST_H
#define TOOLSTACK_IMPORT_MANIFEST_H

#include "toolstack/import/ova.h"

#define MANIFEST_LINES 128

struct manifest_line {
	char name[256];
	unsigned int bits;		/* 160, 256, 512 */
	uint8_t digest[64];
};

struct manifest {
	struct manifest_line lines[MANIFEST_LINES];
	unsigned int count;
};

/* 0; or the number of the first line that is none of the kind. */
int manifest_parse(struct manifest *m, const char *text, size_t len);

/* 1: the file has this digest, 0: it has another, -1: it is not listed. */
int manifest_check(const struct manifest *m, const char *name,
		   const struct digests *d);

#endif

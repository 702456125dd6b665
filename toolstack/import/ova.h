/*
 * Where an appliance's files are: in a tar archive (OVA) or in the folder of
 * its descriptor. Files are taken by their plain names alone, are regular
 * files, and become known by their digests when they are copied.
 */
#ifndef TOOLSTACK_IMPORT_OVA_H
#define TOOLSTACK_IMPORT_OVA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SHA-1, SHA-256 and SHA-512 of a file; which one is wanted, is told later. */
struct digests {
	uint8_t sha1[20], sha256[32], sha512[64];
};

struct ova {
	char *path;			/* of the archive, or of the folder */
	bool archive;
	char *descriptor, *manifest;	/* names; manifest may be NULL */
	bool certificate;
	char error[512];
};

/* Looks what there is. 0 or -errno with the reason in @a->error. */
int ova_open(struct ova *a, const char *path);
void ova_close(struct ova *a);

/* A small file whole, with a NUL behind it; *@data is freed by free(). */
int ova_read(struct ova *a, const char *name, size_t max, char **data,
	     size_t *len, struct digests *d);

/*
 * Copies those of the files @names to the folder @dir_fd that @want agrees to,
 * which is asked for other members, too; @done gets their digests, and is not
 * called for what is missing.
 */
int ova_extract(struct ova *a, const char *const *names, unsigned int count,
		int dir_fd,
		bool (*want)(void *arg, const char *name, uint64_t size),
		void (*done)(void *arg, const char *name,
			     const struct digests *d), void *arg);

#endif

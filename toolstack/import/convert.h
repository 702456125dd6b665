/*
 * A disk of an appliance becomes a raw one.
 */
#ifndef TOOLSTACK_IMPORT_CONVERT_H
#define TOOLSTACK_IMPORT_CONVERT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes the raw disk @to of the file @from, both in the folder @dir_fd; @from
 * is removed. @capacity: its size in bytes, at least. 0 or -errno with the
 * reason in @why.
 */
int convert_disk(int dir_fd, const char *from, const char *to,
		 uint64_t capacity, char *why, size_t why_size);

/* An empty one. */
int convert_empty(int dir_fd, const char *to, uint64_t capacity, char *why,
		  size_t why_size);

#endif

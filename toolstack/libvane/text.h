/*
 * Small conversions between text and values. Pure.
 */
#ifndef TOOLSTACK_LIBVANE_TEXT_H
#define TOOLSTACK_LIBVANE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_TEXT 37			/* with its NUL */
#define MAC_TEXT 18

/** Whether a domain may be called that. */
#define NAME_ALLOWED "1 to 64 letters, digits and signs, not digits alone, " \
	"no blank and no slash"
bool name_is_good(const char *text);

/** 8-4-4-4-12 hexadecimal digits, dashes optional. 0 or -EINVAL. */
int uuid_parse(const char *text, uint8_t uuid[16]);
void uuid_format(const uint8_t uuid[16], char text[UUID_TEXT]);
bool uuid_is_nil(const uint8_t uuid[16]);

/** A random one, version 4. */
void uuid_make(uint8_t uuid[16]);

/** Six hexadecimal bytes with colons; a multicast address is -EINVAL. */
int mac_parse(const char *text, uint8_t mac[6]);
void mac_format(const uint8_t mac[6], char text[MAC_TEXT]);

/** A random one from the range 00:16:3e. */
void mac_make(uint8_t mac[6]);

/**
 * Number of a virtual disk name: xvda, xvdb3, sda, hdc1, d0p2, or a plain
 * number. 0 or -EINVAL. Facts: the published disk numbering (xen/io/blkif.h
 * and docs of the xl disk syntax).
 */
int vdev_parse(const char *text, unsigned int *number);

/**
 * List of CPUs: items `N`, `A-B`, `all`, `node:N`, `nodes:A-B`, each with an
 * optional `^` in front, separated by commas, applied from left to right.
 * @map: @bits bits. @node_of: the node of each CPU, NULL: all are of node 0.
 * 0, -EINVAL for a wrong text, -ERANGE for a CPU that does not fit.
 */
int cpulist_parse(const char *text, uint8_t *map, unsigned int bits,
		  const uint32_t *node_of);

#endif

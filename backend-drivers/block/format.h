/*
 * Image files in formats of their own (qcow2, vmdk, vhd, ...): qemu-nbd knows
 * them, and runs for one disk, with no more than it needs. It is the worker's
 * child: when one of the two ends, so does the other.
 */
#ifndef BACKEND_BLOCK_FORMAT_H
#define BACKEND_BLOCK_FORMAT_H

#include <stdbool.h>

/** True if a disk may have this format; raw is none of them. */
bool format_known(const char *format);

#define FORMAT_ARGV 6

/** The program that serves @path: what nbd_open() takes. */
void format_argv(char *argv[FORMAT_ARGV], const char *format, const char *path,
		 bool read_only);

/**
 * This program, called as format_argv() says: confines itself and becomes
 * qemu-nbd. Returns in any other process, ends if it cannot.
 */
void format_serve(int argc, char **argv);

#endif

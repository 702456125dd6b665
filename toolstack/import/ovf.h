/*
 * An OVF descriptor: what it says of virtual machines, as far as a PV domain
 * can have it. Facts: DMTF DSP0243 (OVF 1.1, 2.0), DSP0004 for units, CIM's
 * resource types.
 *
 * The text is a stranger's. A document type is refused, and with it every
 * entity; nothing is fetched; lists have limits.
 */
#ifndef TOOLSTACK_IMPORT_OVF_H
#define TOOLSTACK_IMPORT_OVF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVF_FILES	64
#define OVF_DISKS	64
#define OVF_NICS	16
#define OVF_SYSTEMS	16
#define OVF_NOTES	128

struct ovf_file {
	char *id, *href;
	uint64_t size;			/* 0: not said */
	bool odd;			/* compressed or in pieces */
};

struct ovf_disk {
	char *id, *file;		/* file NULL: an empty disk */
	char *format;
	uint64_t capacity;		/* bytes */
	bool child;			/* holds differences to another one */
};

struct ovf_nic {
	char *network, *mac;		/* mac may be NULL */
};

/* A disk drive of a system. */
struct ovf_drive {
	unsigned int disk;		/* in ovf.disks */
	unsigned int controller, unit;	/* for their order */
};

struct ovf_system {
	char *name, *os;		/* os may be NULL */
	unsigned int vcpus;
	uint64_t memory;		/* bytes */
	struct ovf_drive drives[OVF_DISKS];
	unsigned int nr_drives;
	struct ovf_nic nics[OVF_NICS];
	unsigned int nr_nics;
};

struct ovf {
	struct ovf_file files[OVF_FILES];
	unsigned int nr_files;
	struct ovf_disk disks[OVF_DISKS];
	unsigned int nr_disks;
	struct ovf_system systems[OVF_SYSTEMS];
	unsigned int nr_systems;
	/* What was left out, or is to be known: a line each. */
	char *notes[OVF_NOTES];
	unsigned int nr_notes;
	char error[256];
};

/*
 * 0, or -EINVAL with the reason in @o->error. Free with ovf_free() in either
 * case.
 */
int ovf_parse(struct ovf *o, const char *text, size_t len);
void ovf_free(struct ovf *o);

void ovf_note(struct ovf *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A file that an archive may hold and we may write: no path, no dot first. */
bool ovf_plain_name(const char *name);

#endif

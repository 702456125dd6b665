/*
 * See ovf.h. Elements and attributes are found by their local names: which
 * prefix a tool gives to which namespace is its own affair.
 */
#include "toolstack/import/ovf.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY	(512ull << 20)

/* CIM's ResourceType. */
enum { OTHER = 1, CPU = 3, MEMORY = 4, IDE = 5, SCSI = 6, NIC = 10,
       CDROM = 15, DVD = 16, DISK = 17, STORAGE = 20 };

static const char *const type_names[] = {
	[1] = "other device", [2] = "computer system", [5] = "IDE controller",
	[6] = "SCSI controller", [7] = "Fibre Channel adapter",
	[8] = "iSCSI adapter", [9] = "InfiniBand adapter",
	[11] = "other network adapter", [12] = "I/O slot", [13] = "I/O device",
	[14] = "floppy drive", [15] = "CD drive", [16] = "DVD drive",
	[18] = "tape drive", [19] = "storage extent",
	[20] = "storage controller", [21] = "serial port",
	[22] = "parallel port", [23] = "USB controller",
	[24] = "graphics controller", [25] = "IEEE 1394 controller",
	[32] = "framebuffer", [35] = "sound card",
};

/* --- text and tree ------------------------------------------------------- */

static bool fail(struct ovf *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct ovf *o, const char *fmt, ...)
{
	va_list ap;

	if (o->error[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(o->error, sizeof(o->error), fmt, ap);
	va_end(ap);
	return false;
}

/* A copy in which nothing but plain characters is left. */
static char *clean(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return copy;
}

void ovf_note(struct ovf *o, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (o->nr_notes == OVF_NOTES)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o->notes[o->nr_notes] = clean(text);
	o->nr_notes += o->notes[o->nr_notes] != NULL;
}

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE &&
		!strcmp((const char *)n->name, name);
}

static const xmlNode *child(const xmlNode *n, const char *name)
{
	for (n = n ? n->children : NULL; n; n = n->next)
		if (is(n, name))
			return n;
	return NULL;
}

/* An attribute, whatever its prefix; NULL: there is none. For free(). */
static char *attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a; a = a->next)
		if (!strcmp((const char *)a->name, name)) {
			xmlChar *value = xmlNodeListGetString(n->doc,
							      a->children, 1);
			char *copy = clean(value ? (char *)value : "");

			xmlFree(value);
			return copy;
		}
	return NULL;
}

/* Text of an element below @n without blanks around it; NULL: none. */
static char *text_of(const xmlNode *n, const char *name)
{
	const xmlNode *c = child(n, name);
	xmlChar *value = c ? xmlNodeGetContent(c) : NULL;
	char *copy, *start;
	size_t len;

	if (!value)
		return NULL;
	start = (char *)value + strspn((char *)value, " \t\r\n");
	len = strlen(start);
	while (len && strchr(" \t\r\n", start[len - 1]))
		start[--len] = '\0';
	copy = clean(start);
	xmlFree(value);
	return copy;
}

static bool number(const char *text, uint64_t *n)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && !*end;
}

static uint64_t number_of(const xmlNode *n, const char *name, uint64_t other)
{
	char *text = text_of(n, name);
	uint64_t value = other;

	if (!number(text, &value))
		value = other;
	free(text);
	return value;
}

/*
 * Units: "byte * 2^20" as the standard has them, "MegaBytes" and the like as
 * tools write them. 0: unknown.
 */
static uint64_t unit_of(const char *text)
{
	static const struct {
		const char *name;
		unsigned int shift;
	} words[] = {
		{ "byte", 0 }, { "bytes", 0 }, { "kilobytes", 10 },
		{ "kb", 10 }, { "megabytes", 20 }, { "mb", 20 },
		{ "gigabytes", 30 }, { "gb", 30 }, { "terabytes", 40 },
	};
	unsigned int power;

	if (!text || !*text)
		return 1;
	if (sscanf(text, "byte * 2^%u", &power) == 1 ||
	    sscanf(text, "byte*2^%u", &power) == 1)
		return power < 50 ? 1ull << power : 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i].name))
			return 1ull << words[i].shift;
	return 0;
}

static bool bytes(struct ovf *o, const char *what, uint64_t count,
		  const char *units, uint64_t *result)
{
	uint64_t unit = unit_of(units);

	if (!unit)
		return fail(o, "%s: the unit \"%.60s\" is unknown", what,
			    units);
	if (__builtin_mul_overflow(count, unit, result) ||
	    *result > 1ull << 50)
		return fail(o, "%s: %llu of \"%.60s\" is too large", what,
			    (unsigned long long)count, units ? units : "byte");
	return true;
}

/* --- files and disks ----------------------------------------------------- */

bool ovf_plain_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 200 || *name == '.' || *name == '-')
		return false;
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ')
			return false;
	return true;
}

static bool take_file(struct ovf *o, const xmlNode *n)
{
	struct ovf_file *f = &o->files[o->nr_files];
	char *size, *compression, *chunk;

	if (o->nr_files == OVF_FILES)
		return fail(o, "more than %d files", OVF_FILES);
	f->id = attribute(n, "id");
	f->href = attribute(n, "href");
	o->nr_files++;
	if (!f->id || !f->href)
		return fail(o, "a File without id or href");
	if (!ovf_plain_name(f->href))
		return fail(o, "file \"%.100s\": only files beside the "
			    "descriptor are taken", f->href);
	size = attribute(n, "size");
	compression = attribute(n, "compression");
	chunk = attribute(n, "chunkSize");
	if (size && !number(size, &f->size))
		f->size = 0;
	f->odd = (compression && *compression &&
		  strcmp(compression, "identity")) || chunk;
	free(size);
	free(compression);
	free(chunk);
	return true;
}

static bool take_disk(struct ovf *o, const xmlNode *n)
{
	struct ovf_disk *d = &o->disks[o->nr_disks];
	char *capacity, *units, *parent;
	uint64_t count;
	bool good = true;

	if (o->nr_disks == OVF_DISKS)
		return fail(o, "more than %d disks", OVF_DISKS);
	d->id = attribute(n, "diskId");
	d->file = attribute(n, "fileRef");
	d->format = attribute(n, "format");
	o->nr_disks++;
	capacity = attribute(n, "capacity");
	units = attribute(n, "capacityAllocationUnits");
	parent = attribute(n, "parentRef");
	d->child = parent;
	if (!d->id)
		good = fail(o, "a Disk without diskId");
	else if (!number(capacity, &count) || !count)
		good = fail(o, "disk %.60s: its capacity \"%.60s\" is no "
			    "number", d->id, capacity ? capacity : "");
	else
		good = bytes(o, d->id, count, units, &d->capacity);
	free(capacity);
	free(units);
	free(parent);
	return good;
}

/* Elements of one name below a section. */
static bool each(struct ovf *o, const xmlNode *section, const char *name,
		 bool (*take)(struct ovf *o, const xmlNode *n))
{
	for (const xmlNode *n = section ? section->children : NULL; n;
	     n = n->next)
		if (is(n, name) && !take(o, n))
			return false;
	return true;
}

/* --- hardware ------------------------------------------------------------ */

/* Which disk "ovf:/disk/ID" or "/disk/ID" or "ovf:/file/ID" means. */
static int find_disk(struct ovf *o, const char *resource)
{
	const char *id = strrchr(resource, '/');
	bool file = strstr(resource, "/file/");

	id = id ? id + 1 : resource;
	for (unsigned int i = 0; i < o->nr_disks; i++)
		if (file ? o->disks[i].file && !strcmp(o->disks[i].file, id) :
		    !strcmp(o->disks[i].id, id))
			return (int)i;
	return -1;
}

static bool take_drive(struct ovf *o, struct ovf_system *s, const xmlNode *n)
{
	char *resource = text_of(n, "HostResource");
	struct ovf_drive *d = &s->drives[s->nr_drives];
	int disk = resource ? find_disk(o, resource) : -1;
	bool good = true;

	if (disk < 0)
		good = fail(o, "%.60s: a disk drive of \"%.100s\", which is "
			    "no disk of this descriptor", s->name,
			    resource ? resource : "nothing");
	else if (s->nr_drives == OVF_DISKS)
		good = fail(o, "%.60s: more than %d drives", s->name,
			    OVF_DISKS);
	free(resource);
	if (!good)
		return false;
	d->disk = (unsigned int)disk;
	d->controller = (unsigned int)number_of(n, "Parent", 0);
	d->unit = (unsigned int)number_of(n, "AddressOnParent", 0);
	s->nr_drives++;
	return true;
}

static bool take_nic(struct ovf *o, struct ovf_system *s, const xmlNode *n)
{
	struct ovf_nic *nic = &s->nics[s->nr_nics];
	char *model;

	if (s->nr_nics == OVF_NICS) {
		ovf_note(o, "%s: more than %d network interfaces: the others "
			 "are left out", s->name, OVF_NICS);
		return true;
	}
	nic->network = text_of(n, "Connection");
	nic->mac = text_of(n, "Address");
	model = text_of(n, "ResourceSubType");
	if (model && *model)
		ovf_note(o, "%s: network interface of type \"%s\" becomes a "
			 "paravirtual one", s->name, model);
	free(model);
	s->nr_nics++;
	return true;
}

static bool take_memory(struct ovf *o, struct ovf_system *s, const xmlNode *n)
{
	char *units = text_of(n, "AllocationUnits");
	bool good = bytes(o, "memory", number_of(n, "VirtualQuantity", 0),
			  units, &s->memory);

	free(units);
	return good;
}

static void leave_out(struct ovf *o, const struct ovf_system *s,
		      uint64_t type, const xmlNode *n)
{
	char *name = text_of(n, "ElementName");
	bool known = type < sizeof(type_names) / sizeof(type_names[0]) &&
		type_names[type];

	ovf_note(o, "%s: not taken over: %s%s(type %llu)%s%s", s->name,
		 known ? type_names[type] : "", known ? " " : "",
		 (unsigned long long)type, name ? ": " : "",
		 name ? name : "");
	free(name);
}

/* Items of other configurations than the default, and bounds, are not meant. */
static bool is_meant(const xmlNode *n, const char *configuration)
{
	char *mine = attribute(n, "configuration");
	char *bound = attribute(n, "bound");
	bool meant = !bound;
	size_t len = configuration ? strlen(configuration) : 0;

	if (mine && *mine) {
		bool listed = false;

		for (char *w = strtok(mine, " "); w; w = strtok(NULL, " "))
			listed |= configuration && strlen(w) == len &&
				!strcmp(w, configuration);
		meant = meant && listed;
	}
	free(mine);
	free(bound);
	return meant;
}

static bool take_item(struct ovf *o, struct ovf_system *s, const xmlNode *n)
{
	uint64_t type = number_of(n, "ResourceType", 0);

	switch (type) {
	case CPU:
		s->vcpus = (unsigned int)number_of(n, "VirtualQuantity", 1);
		if (!s->vcpus || s->vcpus > 512)
			return fail(o, "%.60s: %u CPUs", s->name, s->vcpus);
		return true;
	case MEMORY:
		return take_memory(o, s, n);
	case NIC:
		return take_nic(o, s, n);
	case DISK:
		return take_drive(o, s, n);
	case IDE:
	case SCSI:
	case STORAGE:	/* disks need none here */
		return true;
	default:
		leave_out(o, s, type, n);
		return true;
	}
}

static bool take_hardware(struct ovf *o, struct ovf_system *s,
			  const xmlNode *section, const char *configuration)
{
	for (const xmlNode *n = section->children; n; n = n->next) {
		bool item = is(n, "Item") || is(n, "StorageItem") ||
			is(n, "EthernetPortItem");

		if (item && is_meant(n, configuration) && !take_item(o, s, n))
			return false;
	}
	return true;
}

static int compare_drives(const void *a, const void *b)
{
	const struct ovf_drive *x = a, *y = b;

	if (x->controller != y->controller)
		return x->controller < y->controller ? -1 : 1;
	return x->unit == y->unit ? 0 : x->unit < y->unit ? -1 : 1;
}

static bool take_system(struct ovf *o, const xmlNode *n,
			const char *configuration)
{
	struct ovf_system *s = &o->systems[o->nr_systems];
	const xmlNode *hardware = child(n, "VirtualHardwareSection");

	if (o->nr_systems == OVF_SYSTEMS)
		return fail(o, "more than %d systems", OVF_SYSTEMS);
	s->vcpus = 1;
	s->memory = DEFAULT_MEMORY;
	s->name = text_of(n, "Name");
	o->nr_systems++;
	if (!s->name || !*s->name) {
		free(s->name);
		s->name = attribute(n, "id");
	}
	if (!s->name)
		return fail(o, "a VirtualSystem without name and id");
	s->os = text_of(child(n, "OperatingSystemSection"), "Description");
	if (child(n, "EulaSection"))
		ovf_note(o, "%s: its makers want you to accept a licence; it "
			 "stands in the descriptor", s->name);
	if (!hardware)
		return fail(o, "%.60s: has no VirtualHardwareSection", s->name);
	if (!take_hardware(o, s, hardware, configuration))
		return false;
	qsort(s->drives, s->nr_drives, sizeof(s->drives[0]), compare_drives);
	return true;
}

/* --- the whole ----------------------------------------------------------- */

static char *default_configuration(const xmlNode *root)
{
	const xmlNode *section = child(root, "DeploymentOptionSection");
	char *first = NULL;

	for (const xmlNode *n = section ? section->children : NULL; n;
	     n = n->next) {
		char *is_default;

		if (!is(n, "Configuration"))
			continue;
		is_default = attribute(n, "default");
		if (!first || (is_default && !strcmp(is_default, "true"))) {
			free(first);
			first = attribute(n, "id");
		}
		if (is_default && !strcmp(is_default, "true")) {
			free(is_default);
			break;
		}
		free(is_default);
	}
	return first;
}

static bool take_systems(struct ovf *o, const xmlNode *n,
			 const char *configuration, int depth)
{
	for (n = n->children; n; n = n->next) {
		if (is(n, "VirtualSystem") &&
		    !take_system(o, n, configuration))
			return false;
		if (is(n, "VirtualSystemCollection") && depth < 8 &&
		    !take_systems(o, n, configuration, depth + 1))
			return false;
	}
	return true;
}

static bool take_envelope(struct ovf *o, const xmlNode *root)
{
	char *configuration;
	bool good;

	if (!root || !is(root, "Envelope"))
		return fail(o, "is no OVF descriptor: no Envelope");
	if (!each(o, child(root, "References"), "File", take_file) ||
	    !each(o, child(root, "DiskSection"), "Disk", take_disk))
		return false;
	configuration = default_configuration(root);
	if (configuration)
		ovf_note(o, "of its configurations \"%s\" was taken",
			 configuration);
	good = take_systems(o, root, configuration, 0);
	free(configuration);
	if (good && !o->nr_systems)
		return fail(o, "describes no virtual system");
	return good;
}

static void say_nothing(void *arg, const char *fmt, ...)
{
	(void)arg, (void)fmt;
}

int ovf_parse(struct ovf *o, const char *text, size_t len)
{
	const xmlError *why;
	xmlDoc *doc;
	bool good;

	memset(o, 0, sizeof(*o));
	/* Entities come from a document type, and nothing of an OVF does. */
	if (memchr(text, '\0', len))
		(void)fail(o, "is no text in UTF-8");
	else if (memmem(text, len, "<!DOCTYPE", 9))
		(void)fail(o, "has a document type (DOCTYPE)");
	if (o->error[0])
		return -EINVAL;
	xmlSetGenericErrorFunc(NULL, say_nothing);
	doc = len > 1u << 24 ? NULL :
		xmlReadMemory(text, (int)len, "descriptor", NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR |
			      XML_PARSE_NOWARNING | XML_PARSE_COMPACT);
	if (!doc) {
		why = xmlGetLastError();
		(void)fail(o, "line %d: %.150s", why ? why->line : 0,
			   why && why->message ? why->message : "no XML");
		o->error[strcspn(o->error, "\n")] = '\0';
		return -EINVAL;
	}
	good = take_envelope(o, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	return good ? 0 : -EINVAL;
}

void ovf_free(struct ovf *o)
{
	for (unsigned int i = 0; i < o->nr_files; i++) {
		free(o->files[i].id);
		free(o->files[i].href);
	}
	for (unsigned int i = 0; i < o->nr_disks; i++) {
		free(o->disks[i].id);
		free(o->disks[i].file);
		free(o->disks[i].format);
	}
	for (unsigned int i = 0; i < o->nr_systems; i++) {
		struct ovf_system *s = &o->systems[i];

		free(s->name);
		free(s->os);
		for (unsigned int j = 0; j < s->nr_nics; j++) {
			free(s->nics[j].network);
			free(s->nics[j].mac);
		}
	}
	for (unsigned int i = 0; i < o->nr_notes; i++)
		free(o->notes[i]);
	memset(o, 0, sizeof(*o));
}

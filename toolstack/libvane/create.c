/*
 * Creating a domain: check, reserve, build, store entries, devices, unpause.
 *
 * All that can be checked is checked before anything exists. From the moment
 * that the domain exists, one function undoes whatever has been done so far:
 * destroy.c's, which finds out what there is instead of being told.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/bootloader.h"
#include "toolstack/libvane/destroy.h"
#include "toolstack/libvane/device.h"
#include "toolstack/libvane/entries.h"
#include "toolstack/libvane/text.h"

#define RUN_DIR		"/run/vane"
#define LOCK_FILE	RUN_DIR "/create.lock"

/* What a domain costs the hypervisor beside its memory, at most. */
#define OVERHEAD_KIB	512

/* --- before anything exists ---------------------------------------------- */

/* All that is missing, not only the first. */
static int check_files(struct vane *v, const struct vane_config *config)
{
	int rc = check_file(v, "kernel", config->kernel, false), first = rc;

	rc = check_file(v, "ramdisk", config->ramdisk, false);
	first = first ? first : rc;
	rc = devices_check(v, config);
	first = first ? first : rc;
	return first;
}

static int open_ramdisk(struct vane *v, struct build *b)
{
	const char *path = b->config->ramdisk;
	struct stat st;

	if (!path)
		return 0;
	b->ramdisk = open(path, O_RDONLY | O_CLOEXEC);
	if (b->ramdisk < 0 || fstat(b->ramdisk, &st))
		return vane_fail(v, -errno, "ramdisk %s: %s; name one that "
				 "can be read", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vane_fail(v, -EINVAL, "ramdisk %s: is no regular file; "
				 "name one", path);
	b->ramdisk_size = st.st_size;
	return 0;
}

static int check_memory(struct vane *v, const struct vane_config *config)
{
	uint64_t total, free_kib;
	int rc = vane_host_memory(v, &total, &free_kib);

	if (rc)
		return rc;
	if (config->memory_kib + OVERHEAD_KIB <= free_kib)
		return 0;
	return vane_fail(v, -ENOMEM, "%s: not enough memory: %llu MiB are "
			 "needed, %llu MiB are free; give it less, or take it "
			 "from others (`vane list`, `vane mem-set`)",
			 config->name,
			 (unsigned long long)(config->memory_kib +
					      OVERHEAD_KIB + 1023) >> 10,
			 (unsigned long long)free_kib >> 10);
}

/* With its pages: a trap for each of them costs more than to fill it. */
static int make_p2m(struct build *b)
{
	size_t size = b->layout.nr_pages * sizeof(*b->p2m);
	void *p2m;

	if (posix_memalign(&p2m, PAGE_SIZE, size))
		return -ENOMEM;
	(void)madvise(p2m, size, MADV_POPULATE_WRITE);
	b->p2m = p2m;
	return 0;
}

int build_layout(struct vane *v, struct build *b)
{
	struct image_error err;
	int rc = layout_make(&b->layout, &b->kernel.image, b->ramdisk_size,
			     b->config->memory_kib / 4, &err);

	return rc ? vane_fail(v, rc, "%s: kernel %s: %s", b->config->name,
			      b->kernel.path, err.text) : 0;
}

int build_prepare(struct vane *v, const struct vane_config *config,
		  struct build *b)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->config = config;
	kernel_init(&b->kernel);
	b->ramdisk = -1;
	rc = check_files(v, config);
	if (!rc)
		rc = check_memory(v, config);
	if (!rc)
		rc = kernel_open(v, config, &b->kernel);
	if (!rc)
		rc = open_ramdisk(v, b);
	b->layout.nr_pages = config->memory_kib / 4;
	if (!rc && b->kernel.packed < 0)
		rc = build_layout(v, b);
	if (rc)
		return rc;
	rc = make_p2m(b);
	return rc ? vane_no_memory(v, "the list of its frames") : 0;
}

void build_free(struct build *b)
{
	kernel_close(&b->kernel);
	if (b->ramdisk >= 0)
		close(b->ramdisk);
	b->ramdisk = -1;
	free(b->p2m);
	b->p2m = NULL;
}

/* --- the domain and its name --------------------------------------------- */

static int take_lock(struct vane *v)
{
	int fd;

	if (mkdir(RUN_DIR, 0755) && errno != EEXIST)
		return vane_fail(v, -errno, RUN_DIR ": %s (only root may "
				 "create domains)", strerror(errno));
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		int rc = vane_fail(v, -errno, LOCK_FILE ": %s (only root may "
				   "create domains)", strerror(errno));

		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

static int check_unique(struct vane *v, const struct vane_config *config)
{
	struct vane_domain *all;
	unsigned int n;
	int rc = vane_domains(v, &all, &n);

	if (rc)
		return rc;
	for (unsigned int i = 0; !rc && i < n; i++) {
		if (all[i].name && !strcmp(all[i].name, config->name))
			rc = vane_fail(v, -EEXIST, "a domain named \"%s\" "
				       "exists already, with id %u; choose "
				       "another name, or destroy that one",
				       config->name, all[i].domid);
		else if (!memcmp(all[i].uuid, config->uuid, 16))
			rc = vane_fail(v, -EEXIST, "%s: domain %u has the "
				       "same UUID; leave uuid out and get a "
				       "new one", config->name, all[i].domid);
	}
	vane_domains_free(all, n);
	return rc;
}

static int make_domain(struct vane *v, const struct vane_config *config,
		       uint32_t *domid)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_createdomain };
	struct xen_domctl_createdomain *c = &op.u.createdomain;
	struct vane_pool pool = { 0 };
	int rc = config->pool ? vane_pool_find(v, config->pool, &pool) : 0;

	if (rc)
		return rc;
	memcpy(c->handle, config->uuid, 16);
	c->cpupool_id = pool.id;
	c->max_vcpus = config->maxvcpus;
	c->max_evtchn_port = config->max_event_channels;
	c->max_grant_frames = config->max_grant_frames;
	c->max_maptrack_frames = config->max_maptrack_frames;
	c->grant_opts = XEN_DOMCTL_GRANT_version(1);
	rc = hv_domctl(v, &op);
	if (rc < 0)
		return vane_hv_refused(v, rc, config->name, "a new domain");
	*domid = op.domain;
	return 0;
}

/* The new domain, its name taken; on failure there is neither. */
static int reserve_domain(struct vane *v, const struct vane_config *config,
			  uint32_t *domid)
{
	int lock = take_lock(v), rc;
	uint32_t id = 0;

	if (lock < 0)
		return lock;
	rc = check_unique(v, config);
	if (!rc)
		rc = make_domain(v, config, &id);
	if (!rc) {
		rc = entries_reserve(v, id, config->name);
		if (rc)
			(void)domain_remove(v, id, config->uuid);
		else
			*domid = id;
	}
	close(lock);
	return rc;
}

/* --- memory and all that is in it ---------------------------------------- */

int build_domain(struct vane *v, struct build *b)
{
	struct xen_domctl_getdomaininfo info;
	int rc = build_limits(v, b);

	if (!rc)
		rc = build_populate(v, b);
	if (!rc && b->kernel.packed >= 0)
		rc = build_unpack(v, b);
	if (rc)
		return rc;
	rc = hv_domain_info(v, b->domid, &info);
	if (rc)
		return vane_fail(v, rc, "%s: the new domain has vanished: %s "
				 "(somebody destroyed it; try again)",
				 b->config->name, strerror(-rc));
	rc = build_load(v, b, info.shared_info_frame);
	return rc ? rc : build_start(v, b, info.shared_info_frame);
}

/* --- all of it ----------------------------------------------------------- */

static int introduce(struct vane *v, const struct build *b)
{
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	rc = store_introduce(s, b->domid, b->p2m[b->layout.store_pfn],
			     b->store_port);
	return rc ? vane_fail(v, rc, "%s: the store daemon does not accept "
			      "it: %s (its log tells why)", b->config->name,
			      strerror(-rc)) : 0;
}

/* What the next domain of this configuration is to have, too. */
static void choose_identity(struct vane_config *config)
{
	static const uint8_t none[6];

	if (uuid_is_nil(config->uuid))
		uuid_make(config->uuid);
	for (unsigned int i = 0; i < config->nr_nics; i++)
		if (!memcmp(config->nics[i].mac, none, 6))
			mac_make(config->nics[i].mac);
}

static int try_create(struct vane *v, const struct vane_config *config,
		      bool paused, uint32_t *domid)
{
	struct build b;
	int rc = build_prepare(v, config, &b);

	if (!rc)
		rc = reserve_domain(v, config, &b.domid);
	if (rc)
		goto out;
	rc = build_domain(v, &b);
	if (!rc)
		rc = entries_write(v, &b, config->uuid);
	if (!rc)
		rc = introduce(v, &b);
	if (!rc)
		rc = devices_connect(v, b.domid, config);
	if (!rc && !paused)
		rc = vane_unpause(v, b.domid);
	if (rc)
		(void)domain_remove(v, b.domid, config->uuid);
	else
		*domid = b.domid;
out:
	build_free(&b);
	return rc;
}

/* Twice, if the kernel turns out to need that. */
static int create(struct vane *v, const struct vane_config *config,
		  bool paused, uint32_t *domid)
{
	int rc = try_create(v, config, paused, domid);

	return rc == -ESTALE ? try_create(v, config, paused, domid) : rc;
}

int vane_create(struct vane *v, struct vane_config *config,
		const struct vane_create_options *options, uint32_t *domid)
{
	struct booted booted = BOOTED_NOTHING;
	struct device_plan plan;
	int rc;

	choose_identity(config);
	rc = devices_choose(v, config, &plan);
	if (rc)
		return rc;
	if (config->bootloader)
		rc = devices_check(v, &plan.config);
	if (!rc && config->bootloader)
		rc = bootloader_run(v, &plan.config, options &&
				    options->terminal, &booted);
	if (!rc)
		rc = create(v, &plan.config, options && options->paused,
			    domid);
	booted_free(&booted);
	devices_unchoose(&plan);
	return rc;
}

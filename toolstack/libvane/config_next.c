/*
 * The configuration that a domain is to have when it is started anew: left by
 * `vane config-update` in a file of its own, taken by whoever watches over the
 * domain, removed with the domain.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/config_next.h"
#include "toolstack/libvane/text.h"

#define RUN_DIR		"/run/vane"
#define NEXT_DIR	RUN_DIR "/next"
#define MAX_FILE	(1u << 20)

static void next_path(uint32_t domid, const char *suffix, char path[64])
{
	snprintf(path, 64, NEXT_DIR "/%u.cfg%s", domid, suffix);
}

static void to_file(void *arg, const char *text, size_t len)
{
	fwrite(text, 1, len, arg);
}

/* A whole file takes the place of another, or nothing does. */
static int write_file(const char *path, const char *fresh,
		      const struct vane_config *config)
{
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int rc;

	if (!f) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = vane_config_text(config, to_file, f);
	if (fclose(f) && !rc)
		rc = -errno;
	if (!rc && rename(fresh, path))
		rc = -errno;
	return rc;
}

int vane_config_save(struct vane *v, uint32_t domid,
		     const struct vane_config *config)
{
	struct xen_domctl_getdomaininfo info;
	char path[64], fresh[64];
	int rc = hv_domain_info(v, domid, &info);

	if (rc)
		return vane_no_domain(v, rc, domid);
	next_path(domid, "", path);
	next_path(domid, ".new", fresh);
	(void)mkdir(RUN_DIR, 0755);
	if (mkdir(NEXT_DIR, 0700) && errno != EEXIST)
		rc = -errno;
	if (!rc)
		rc = write_file(path, fresh, config);
	return rc ? vane_fail(v, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* A domain stays the same machine where the new configuration is silent. */
static void keep_identity(struct vane_config *new,
			  const struct vane_config *old)
{
	static const uint8_t none[6];

	if (uuid_is_nil(new->uuid))
		memcpy(new->uuid, old->uuid, 16);
	for (unsigned int i = 0; i < new->nr_nics; i++)
		for (unsigned int j = 0; j < old->nr_nics; j++)
			if (new->nics[i].devid == old->nics[j].devid &&
			    !memcmp(new->nics[i].mac, none, 6))
				memcpy(new->nics[i].mac, old->nics[j].mac, 6);
}

static int read_next(const char *path, struct vane_config *config)
{
	struct vane_report report = { 0 };
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(MAX_FILE) : NULL;
	int rc = f ? -ENOMEM : -errno;

	if (text) {
		size_t len = fread(text, 1, MAX_FILE, f);

		rc = vane_config_parse(config, path, text, len, NULL, &report);
	}
	vane_report_free(&report);
	free(text);
	if (f)
		fclose(f);
	return rc;
}

int vane_config_take_saved(struct vane *v, uint32_t domid,
			   struct vane_config *config)
{
	struct vane_config new;
	char path[64];
	int rc;

	next_path(domid, "", path);
	rc = read_next(path, &new);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return vane_fail(v, rc, "%s: %s", path, strerror(-rc));
	keep_identity(&new, config);
	vane_config_free(config);
	*config = new;
	return 0;
}

void config_next_remove(uint32_t domid)
{
	char path[64];

	next_path(domid, "", path);
	(void)unlink(path);
}

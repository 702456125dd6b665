/*
 * Devices before they are made: what was left open is chosen, and what they
 * need of the host is looked at.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolstack/libvane/config.h"
#include "toolstack/libvane/script.h"
#include "toolstack/libvane/text.h"

int check_file(struct vane *v, const char *what, const char *path,
	       bool writable)
{
	if (!path || !access(path, writable ? R_OK | W_OK : R_OK))
		return 0;
	return vane_fail(v, -errno, "%s %s: %s", what, path, strerror(errno));
}

static int check_script(struct vane *v, const char *what, const char *path)
{
	if (!access(path, X_OK))
		return 0;
	return vane_fail(v, -errno, "%s script %s: %s", what, path,
			 strerror(errno));
}

int devices_check(struct vane *v, const struct vane_config *config)
{
	int rc, first = 0;

	for (unsigned int i = 0; i < config->nr_disks; i++) {
		const struct vane_disk *d = &config->disks[i];
		char what[40], script[SCRIPT_PATH];

		snprintf(what, sizeof(what), "disk %.20s:", d->vdev);
		if (script_path(d->script, script))
			rc = check_script(v, what, script);
		else if (!d->target || !disk_is_remote(d->target))
			rc = check_file(v, what, d->target, !d->readonly);
		else
			rc = 0;
		first = first ? first : rc;
	}
	for (unsigned int i = 0; i < config->nr_nics; i++) {
		const struct vane_nic *nic = &config->nics[i];
		char script[SCRIPT_PATH];

		rc = 0;
		if (nic->antispoof && nic->backend == VANE_BACKEND_KERNEL)
			rc = vane_fail(v, -EOPNOTSUPP, "vif %u: antispoof: "
				       "the kernel's back end does not look "
				       "at senders; allowed: backendtype=vane",
				       nic->devid);
		else if (script_path(nic->script, script))
			rc = check_script(v, "vif:", script);
		else if (!if_nametoindex(nic->bridge))
			rc = vane_fail(v, -ENODEV, "vif %u: there is no bridge "
				       "%s (`ip link add name %s type bridge` "
				       "makes one)", nic->devid, nic->bridge,
				       nic->bridge);
		first = first ? first : rc;
	}
	return first;
}

/* A disk's script works for the kernel's back end. */
static enum vane_backend by_script(const char *script,
				   enum vane_backend other)
{
	char path[SCRIPT_PATH];

	return script_path(script, path) ? VANE_BACKEND_KERNEL : other;
}

static void choose_disk(const struct settings *settings,
			struct vane_disk *disk)
{
	if (disk->backend)
		return;
	if (disk->target && (disk->format >= VANE_DISK_QCOW ||
			     disk_is_remote(disk->target)))
		disk->backend = VANE_BACKEND_OURS;
	else
		disk->backend = by_script(disk->script, settings->disk);
}

static void choose_nic(const struct settings *settings, struct vane_nic *nic)
{
	static const uint8_t none[6];

	if (!nic->backend)
		nic->backend = settings->nic;
	if (!nic->bridge)
		nic->bridge = (char *)settings->bridge;
	if (!memcmp(nic->mac, none, 6))
		mac_make(nic->mac);
}

int devices_choose(struct vane *v, const struct vane_config *config,
		   struct device_plan *plan)
{
	struct vane_config *full = &plan->config;
	int rc = settings_load(v, &plan->settings);

	if (rc)
		return rc;
	*full = *config;
	full->disks = calloc(config->nr_disks + 1, sizeof(*full->disks));
	full->nics = calloc(config->nr_nics + 1, sizeof(*full->nics));
	if (!full->disks || !full->nics) {
		devices_unchoose(plan);
		return vane_no_memory(v, "its devices");
	}
	for (unsigned int i = 0; i < config->nr_disks; i++) {
		full->disks[i] = config->disks[i];
		choose_disk(&plan->settings, &full->disks[i]);
	}
	for (unsigned int i = 0; i < config->nr_nics; i++) {
		full->nics[i] = config->nics[i];
		choose_nic(&plan->settings, &full->nics[i]);
	}
	return 0;
}

void devices_unchoose(struct device_plan *plan)
{
	free(plan->config.disks);
	free(plan->config.nics);
	plan->config.disks = NULL;
	plan->config.nics = NULL;
}

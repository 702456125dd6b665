/*
 * vane block-attach, block-list, block-detach, network-attach, network-list,
 * network-detach: devices of domains that live.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"

/* The arguments from the second on, joined by commas; freed by free(). */
static char *join(int argc, char **argv)
{
	size_t len = 1;
	char *text, *at;

	for (int i = 2; i < argc; i++)
		len += strlen(argv[i]) + 1;
	at = text = malloc(len);
	if (!text)
		return NULL;
	*at = '\0';
	for (int i = 2; i < argc; i++)
		at += sprintf(at, "%s%s", i > 2 ? "," : "", argv[i]);
	return text;
}

/* --- attaching ----------------------------------------------------------- */

static int attach_disk(struct vane *v, uint32_t domid, const char *text,
		       struct vane_report *report)
{
	struct vane_disk disk;
	int rc = vane_disk_parse(&disk, text, report);

	if (rc)
		return rc;
	rc = vane_disk_attach(v, domid, &disk);
	vane_disk_free(&disk);
	return rc;
}

static int attach_nic(struct vane *v, uint32_t domid, const char *text,
		      struct vane_report *report)
{
	struct vane_nic nic;
	int rc = vane_nic_parse(&nic, text, report);

	if (rc)
		return rc;
	rc = vane_nic_attach(v, domid, &nic);
	vane_nic_free(&nic);
	return rc;
}

static int attach(int argc, char **argv,
		  int (*one)(struct vane *v, uint32_t domid, const char *text,
			     struct vane_report *report))
{
	struct vane_report report = { 0 };
	struct vane *v = connect_or_exit();
	char *text = join(argc, argv);
	uint32_t domid;
	int rc = text ? vane_domain_find(v, argv[1], &domid) : -ENOMEM;

	if (!rc)
		rc = one(v, domid, text, &report);
	print_report(&report);
	vane_report_free(&report);
	free(text);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static int run_block_attach(int argc, char **argv)
{
	if (argc < 3)
		return usage(&cmd_block_attach);
	return attach(argc, argv, attach_disk);
}

const struct command cmd_block_attach = {
	.name = "block-attach", .arguments = "DOMAIN DISK...",
	.summary = "Give a running domain one more disk.",
	.options = "    DISK  as in the disk list of a configuration; several "
		"words are\n          joined by commas\n",
	.run = run_block_attach,
};

static int run_network_attach(int argc, char **argv)
{
	if (argc < 2)
		return usage(&cmd_network_attach);
	return attach(argc, argv, attach_nic);
}

const struct command cmd_network_attach = {
	.name = "network-attach", .arguments = "DOMAIN [KEY=VALUE...]",
	.summary = "Give a running domain one more network interface.",
	.options = "    KEY=VALUE  as in the vif list of a configuration\n",
	.run = run_network_attach,
};

/* --- detaching ----------------------------------------------------------- */

/* A number as it stands, or the device whose MAC address the user means. */
static int find_nic(struct vane *v, uint32_t domid, const char *text,
		    unsigned int *devid)
{
	struct vane_device *list;
	uint8_t mac[6], other[6];
	unsigned int count;
	char *end;
	int rc;

	*devid = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end)
		return 0;
	if (mac_parse(text, mac)) {
		complain(EINVAL, "interface: found \"%s\"; allowed: a number "
			 "of network-list or a MAC address", text);
		return -EINVAL;
	}
	rc = vane_devices(v, domid, "vif", &list, &count);
	if (rc)
		return rc;
	rc = -ENOENT;
	for (unsigned int i = 0; i < count; i++)
		if (!mac_parse(list[i].mac, other) && !memcmp(mac, other, 6)) {
			*devid = list[i].devid;
			rc = 0;
		}
	free(list);
	if (rc)
		complain(ENOENT, "domain %u has no interface with the address "
			 "%s; network-list shows them", domid, text);
	return rc;
}

static int find_disk(struct vane *v, uint32_t domid, const char *text,
		     unsigned int *devid)
{
	(void)v, (void)domid;
	if (!vdev_parse(text, devid))
		return 0;
	complain(EINVAL, "disk: found \"%s\"; allowed: xvda, sdb1 or a number "
		 "of block-list", text);
	return -EINVAL;
}

static int detach(const struct command *c, int argc, char **argv,
		  const char *kind,
		  int (*find)(struct vane *v, uint32_t domid, const char *text,
			      unsigned int *devid))
{
	static const struct option longs[] = {
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	bool force = false;
	unsigned int devid;
	uint32_t domid;
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "", longs)) >= 0) {
		if (opt != 'f')
			return usage(c);
		force = true;
	}
	if (argc - optind != 2)
		return usage(c);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[optind], &domid);
	if (!rc)
		rc = find(v, domid, argv[optind + 1], &devid);
	if (!rc)
		rc = vane_device_detach(v, domid, kind, devid, force);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

#define FORCE "    --force  without asking the guest, which may lose data\n"

static int run_block_detach(int argc, char **argv)
{
	return detach(&cmd_block_detach, argc, argv, "vbd", find_disk);
}

const struct command cmd_block_detach = {
	.name = "block-detach", .arguments = "[--force] DOMAIN VDEV|NUMBER",
	.summary = "Take a disk away from a running domain.",
	.options = FORCE, .run = run_block_detach,
};

static int run_network_detach(int argc, char **argv)
{
	return detach(&cmd_network_detach, argc, argv, "vif", find_nic);
}

const struct command cmd_network_detach = {
	.name = "network-detach", .arguments = "[--force] DOMAIN NUMBER|MAC",
	.summary = "Take a network interface away from a running domain.",
	.options = FORCE, .run = run_network_detach,
};

/* --- listing ------------------------------------------------------------- */

static void disk_row(const struct vane_device *d, uint32_t domid)
{
	printf("%-5u %-3u %-6u %-5d %-6d %-8d %-30s\n", d->devid,
	       d->back_domid, domid, d->state, d->port, d->ring_ref,
	       d->backend);
}

static void nic_row(const struct vane_device *d, uint32_t domid)
{
	(void)domid;
	printf("%-3u %-2u %s%6u %5d %6d %5d/%-11d %-30s\n", d->devid,
	       d->back_domid, d->mac, d->devid, d->state, d->port,
	       d->ring_ref, d->ring_ref_2, d->backend);
}

static void json_counts(yajl_gen g, const struct vane_disk_counts *c)
{
	json_number(g, "reads", (long long)c->reads);
	json_number(g, "writes", (long long)c->writes);
	json_number(g, "flushes", (long long)c->flushes);
	json_number(g, "discards", (long long)c->discards);
	json_number(g, "failed", (long long)c->failed);
	json_number(g, "read_bytes", (long long)c->read_bytes);
	json_number(g, "write_bytes", (long long)c->write_bytes);
}

static void json_device(yajl_gen g, uint32_t domid,
			const struct vane_device *d, bool vif)
{
	struct vane_disk_counts counts;

	yajl_gen_map_open(g);
	json_number(g, "devid", d->devid);
	json_number(g, "backend_domid", d->back_domid);
	json_text(g, "backend", d->backend);
	json_number(g, "state", d->state);
	json_number(g, "event_channel", d->port);
	if (vif) {
		json_text(g, "mac", d->mac);
		json_number(g, "tx_ring_ref", d->ring_ref);
		json_number(g, "rx_ring_ref", d->ring_ref_2);
	} else {
		json_text(g, "vdev", d->vdev);
		json_text(g, "target", d->target);
		json_number(g, "ring_ref", d->ring_ref);
		if (!vane_disk_counts(domid, d, &counts))
			json_counts(g, &counts);
	}
	yajl_gen_map_close(g);
}

static int list_one(struct vane *v, const char *name, bool vif, yajl_gen g)
{
	struct vane_device *list;
	unsigned int count;
	uint32_t domid;
	int rc = vane_domain_find(v, name, &domid);

	if (!rc)
		rc = vane_devices(v, domid, vif ? "vif" : "vbd", &list,
				  &count);
	if (rc && g)
		json_error(g, rc, name);
	if (rc)
		return EXIT_FAILED;
	if (g) {
		yajl_gen_map_open(g);
		json_number(g, "domid", domid);
		json_key(g, "devices");
		yajl_gen_array_open(g);
	}
	for (unsigned int i = 0; i < count; i++)
		if (g)
			json_device(g, domid, &list[i], vif);
		else
			(vif ? nic_row : disk_row)(&list[i], domid);
	if (g) {
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
	free(list);
	return EXIT_OK;
}

static int list(const struct command *c, int argc, char **argv, bool vif)
{
	yajl_gen g = json_asked ? json_begin() : NULL;
	struct vane *v;
	int status = EXIT_OK;

	if (argc < 2 || argv[1][0] == '-')
		return usage(c);
	v = connect_or_exit();
	if (g)
		json_open(g, "domains");
	else if (vif)
		printf("%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-11s %-30s\n",
		       "Idx", "BE", "Mac Addr.", "handle", "state", "evt-ch",
		       "tx-", "rx-ring-ref", "BE-path");
	else
		printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE",
		       "handle", "state", "evt-ch", "ring-ref", "BE-path");
	for (int i = 1; i < argc; i++)
		status |= list_one(v, argv[i], vif, g);
	if (g)
		json_close(g);
	vane_close(v);
	return status;
}

static int run_block_list(int argc, char **argv)
{
	return list(&cmd_block_list, argc, argv, false);
}

const struct command cmd_block_list = {
	.name = "block-list", .arguments = "[--json] DOMAIN...",
	.summary = "List the disks of domains.", .run = run_block_list,
};

static int run_network_list(int argc, char **argv)
{
	return list(&cmd_network_list, argc, argv, true);
}

const struct command cmd_network_list = {
	.name = "network-list", .arguments = "[--json] DOMAIN...",
	.summary = "List the network interfaces of domains.",
	.run = run_network_list,
};

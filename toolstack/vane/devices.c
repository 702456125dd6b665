/*
 * See devices.h.
 */
#include "toolstack/vane/devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int device_attach(int argc, char **argv,
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

int device_detach(const struct command *c, int argc, char **argv,
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

static void json_device(yajl_gen g, const struct vane_device *d,
			uint32_t domid, const struct device_table *t)
{
	yajl_gen_map_open(g);
	json_number(g, "devid", d->devid);
	json_number(g, "backend_domid", d->back_domid);
	json_text(g, "backend", d->backend);
	json_number(g, "state", d->state);
	json_number(g, "event_channel", d->port);
	t->json(g, d, domid);
	yajl_gen_map_close(g);
}

static int list_one(struct vane *v, const char *name,
		    const struct device_table *t, yajl_gen g)
{
	struct vane_device *list;
	unsigned int count;
	uint32_t domid;
	int rc = vane_domain_find(v, name, &domid);

	if (!rc)
		rc = vane_devices(v, domid, t->kind, &list, &count);
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
			json_device(g, &list[i], domid, t);
		else
			t->row(&list[i], domid);
	if (g) {
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
	free(list);
	return EXIT_OK;
}

int device_list(const struct command *c, int argc, char **argv,
		const struct device_table *t)
{
	yajl_gen g = json_asked ? json_begin() : NULL;
	struct vane *v;
	int status = EXIT_OK;

	if (argc < 2 || argv[1][0] == '-')
		return usage(c);
	v = connect_or_exit();
	if (g)
		json_open(g, "domains");
	else
		t->header();
	for (int i = 1; i < argc; i++)
		status |= list_one(v, argv[i], t, g);
	if (g)
		json_close(g);
	vane_close(v);
	return status;
}

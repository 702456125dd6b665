/* See serve.h. What is started first ends last. */
#include "backend-drivers/base/serve.h"

#include <string.h>

#include "backend-drivers/base/daemon.h"
#include "backend-drivers/base/domains.h"
#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"

/* What both ways have in common. */
static int start(void)
{
	int rc = loop_init();

	if (!rc)
		rc = daemon_signals();
	return rc ? rc : domains_init();
}

static int run(struct daemon *d, int rc)
{
	if (!rc)
		rc = daemon_ready(d);
	if (!rc)
		rc = loop_run();
	if (rc)
		log_line(d->name, "ends: error %d (%s)", -rc, strerror(-rc));
	bus_stop();
	daemon_end(d);
	return rc ? 1 : 0;
}

int serve(const char *name, const char *short_name,
	  const struct bus_ops *devices, int argc, char **argv)
{
	struct daemon d;
	int rc;

	daemon_start(&d, name, short_name, argc, argv);
	rc = start();
	if (!rc)
		rc = grants_init();
	if (!rc)
		rc = ports_init();
	if (!rc)
		rc = bus_start(devices);
	return run(&d, rc);
}

int serve_by_workers(const char *name, const char *short_name,
		     const struct served_ops *devices, int argc, char **argv)
{
	struct daemon d;
	int rc;

	daemon_start(&d, name, short_name, argc, argv);
	rc = start();
	if (!rc)
		rc = served_start(devices);
	return run(&d, rc);
}

/* See serve.h. What is started first ends last. */
#include "backend-drivers/base/serve.h"

#include <string.h>

#include "backend-drivers/base/daemon.h"
#include "backend-drivers/base/domains.h"
#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"

static int start(const struct bus_ops *devices)
{
	int rc;

	if ((rc = loop_init()) || (rc = daemon_signals()) ||
	    (rc = domains_init()) || (rc = grants_init()) ||
	    (rc = ports_init()))
		return rc;
	return bus_start(devices);
}

int serve(const char *name, const char *short_name,
	  const struct bus_ops *devices, int argc, char **argv)
{
	struct daemon d;
	int rc;

	daemon_start(&d, name, short_name, argc, argv);
	rc = start(devices);
	if (!rc)
		rc = daemon_ready(&d);
	if (!rc)
		rc = loop_run();
	if (rc)
		log_line(d.name, "ends: error %d (%s)", -rc, strerror(-rc));
	bus_stop();
	daemon_end(&d);
	return rc ? 1 : 0;
}

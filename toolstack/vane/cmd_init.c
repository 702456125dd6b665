/*
 * vane init-host: what the tools want to find in a fresh store. Run once
 * after the store daemon has started.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <string.h>

#include "xenstore/client/store.h"

static int run(int argc, char **argv)
{
	static const struct {
		const char *path, *value;
	} nodes[] = {
		{ "/local/domain/0/domid", "0" },
		{ "/local/domain/0/name", "Domain-0" },
		/* Debian's tools refuse to work without a name of the pool. */
		{ "/local/pool/0/name", "Pool-0" },
	};
	struct vane *v;
	struct store *s;
	int rc;

	(void)argv;
	if (argc != 1)
		return usage(&cmd_init);
	v = connect_or_exit();
	rc = vane_store(v, &s);
	for (size_t i = 0; !rc && i < 3; i++) {
		rc = store_write_str(s, STORE_NO_TX, nodes[i].path,
				     nodes[i].value);
		if (rc)
			complain(-rc, "store: %s: %s", nodes[i].path,
				 strerror(-rc));
	}
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_init = {
	.name = "init-host", .arguments = "",
	.summary = "Prepare a fresh store; run once after its daemon starts.",
	.run = run,
};

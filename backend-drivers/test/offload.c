/*
 * offload INTERFACE on|off: lets an interface send segments to be cut later
 * and leave checksums blank, or not; and the same of what it receives.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	/* Whoever needs another comes before it, and after it when it goes. */
	static const struct {
		unsigned int command;
		const char *name;
	} kinds[] = {
		{ ETHTOOL_SSG, "scatter-gather" },
		{ ETHTOOL_STXCSUM, "checksums" },
		{ ETHTOOL_STSO, "TCP segments" },
		{ ETHTOOL_SGSO, "any segments" },
		{ ETHTOOL_SGRO, "receiving segments" },
	};
	const int n = sizeof(kinds) / sizeof(kinds[0]);
	int on = argc == 3 && !strcmp(argv[2], "on");
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bad = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: offload INTERFACE on|off\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		int k = on ? i : n - 1 - i;
		struct ethtool_value v = { kinds[k].command, (unsigned)on };
		struct ifreq ifr = { .ifr_data = (void *)&v };

		strncpy(ifr.ifr_name, argv[1], sizeof(ifr.ifr_name) - 1);
		if (ioctl(fd, SIOCETHTOOL, &ifr)) {
			perror(kinds[k].name);
			bad++;
		}
	}
	return bad != 0;
}

/*
 * segment INTERFACE MAC ADDRESS BYTES: sends a TCP segment of so many bytes
 * to port 7 of ADDRESS in one piece, with a blank checksum, to be cut by the
 * card that sends it; whoever answers there sends it back. Says in how many
 * frames it came back, or fails when it does not, whole, within 5 s.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SIZE 1448u		/* of what it may be cut into */
#define PORT 40007u

struct frame {
	struct virtio_net_hdr h;
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char data[65000];
} __attribute__((packed));

static struct frame out, in;
static unsigned char back[sizeof(out.data)];

static unsigned int sum16(const void *from, size_t len, unsigned int sum)
{
	const unsigned char *at = from;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (unsigned int)at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void fill(const unsigned char *from, const unsigned char *to,
		 struct in_addr address, size_t len)
{
	memcpy(out.eth.ether_dhost, to, 6);
	memcpy(out.eth.ether_shost, from, 6);
	out.eth.ether_type = htons(ETHERTYPE_IP);
	out.ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.tot_len = htons((uint16_t)(40 + len)),
		.saddr = inet_addr("10.0.0.1"), .daddr = address.s_addr,
	};
	out.ip.check = htons((uint16_t)~sum16(&out.ip, 20, 0));
	out.tcp = (struct tcphdr){
		.source = htons(PORT), .dest = htons(7), .doff = 5, .ack = 1,
		.window = htons(1000), .seq = htonl(1),
	};
	out.tcp.check = htons((uint16_t)sum16(&out.ip.saddr, 8,
					      (unsigned int)(6 + 20 + len)));
	for (size_t i = 0; i < len; i++)
		out.data[i] = (unsigned char)(i * 7 + i / 251);
	out.h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .hdr_len = 54,
		.csum_start = 34, .csum_offset = 16,
	};
	if (len > SIZE) {
		out.h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		out.h.gso_size = SIZE;
	}
}

static int open_link(const char *name, unsigned char *mac)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL) };
	struct timeval patience = { .tv_sec = 5 };
	struct ifreq ifr = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1;

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	at.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

/* A piece of the answer: how many bytes of it; 0: it is something else. */
static size_t piece(ssize_t got, size_t len)
{
	size_t at = ntohl(in.tcp.seq) - 1, n;

	if (got < (ssize_t)offsetof(struct frame, data) ||
	    in.tcp.dest != htons(PORT) || in.ip.protocol != IPPROTO_TCP)
		return 0;
	n = ntohs(in.ip.tot_len) - 40u;
	if (n > (size_t)got - offsetof(struct frame, data) || at > len ||
	    n > len - at)
		return 0;
	memcpy(back + at, in.data, n);
	return n;
}

int main(int argc, char **argv)
{
	unsigned char from[6], to[6];
	struct in_addr address;
	size_t len, done = 0;
	int fd, frames = 0;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &address) != 1 ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to, to + 1,
		   to + 2, to + 3, to + 4, to + 5) != 6) {
		fprintf(stderr, "usage: segment INTERFACE MAC ADDRESS BYTES\n");
		return 2;
	}
	len = (size_t)atoi(argv[4]);
	fd = open_link(argv[1], from);
	if (fd < 0 || len > sizeof(out.data)) {
		perror("segment");
		return 1;
	}
	fill(from, to, address, len);
	if (send(fd, &out, offsetof(struct frame, data) + len, 0) < 0) {
		perror("segment: send");
		return 1;
	}
	while (done < len) {
		ssize_t got = recv(fd, &in, sizeof(in), 0);
		size_t n;

		if (got < 0)
			break;
		n = piece(got, len);
		done += n;
		frames += n != 0;
	}
	printf("%zu of %zu bytes in %d frames\n", done, len, frames);
	return done != len || memcmp(back, out.data, len);
}

/* udp ADDRESS PORT TEXT: sends a datagram, prints what comes back in 2 s. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char answer[1500];
	ssize_t n;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: udp ADDRESS PORT TEXT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				 sizeof(patience)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    send(fd, argv[3], strlen(argv[3]), 0) < 0) {
		perror("udp");
		return 1;
	}
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return 1;
	printf("%.*s\n", (int)n, answer);
	return 0;
}

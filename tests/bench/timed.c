/*
 * timed NAME PROGRAM [ARGUMENT...]: runs a program, with what it prints thrown
 * away, and prints "@@ cost NAME TICKS 1", as tests/bench/linux.c does: where
 * the time stamp counter counts instructions, the machine's whole work from
 * the program's start to its end, daemons and hypervisor included.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "guest-pv/include/marks.h"

static void run(char **argv)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	unsigned long long start;
	int status;

	if (argc < 3)
		return 2;
	mark_begin();
	start = __rdtsc();
	if (fork() == 0)
		run(argv + 2);
	wait(&status);
	start = __rdtsc() - start;
	mark_end();
	printf("@@ cost %s %llu 1\n", argv[1], start);
	return WEXITSTATUS(status);
}

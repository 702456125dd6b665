/*
 * What everyday operations cost a Linux program, in instructions: run where
 * the time stamp counter counts them (QEMU's -icount shift=0), by
 * tests/bench/linux.py. Prints "@@ cost NAME VALUE N": the least of several
 * rounds, since timers and daemons only ever add. One more round of N
 * operations runs between marks, for who counts what the counter does not see.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest-pv/include/marks.h"

#define ROUNDS 3
#define PAGE 4096UL
#define AREA (512 * PAGE)

static const char *self;
static char *area;       /* AREA bytes, mapped fresh where a row needs it */
static int zero_fd, pipes[2][2];
static pid_t echoer;     /* the other end of the pipes */

static uint64_t ticks(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void touch(char *p, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		((volatile char *)p)[i] = 1;
}

static void op_getppid(void)
{
	syscall(SYS_getppid);
}

static void op_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
}

static void op_read_zero4k(void)
{
	static char buf[PAGE];

	if (read(zero_fd, buf, sizeof(buf)) != sizeof(buf))
		die("read");
}

static void nothing(int sig)
{
	(void)sig;
}

static void op_signal(void)
{
	raise(SIGUSR1);
}

static void op_yield(void)
{
	sched_yield();
}

static void op_pipe(void)
{
	char c = 0;

	if (write(pipes[0][1], &c, 1) != 1 || read(pipes[1][0], &c, 1) != 1)
		die("pipe");
}

/* The same with its other end on the second CPU, where there is one. */
static void op_pipe_across(void)
{
	op_pipe();
}

/* Both CPUs for a process, or the one of them; false: there is none such. */
static int run_on(pid_t pid, int first, int last)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set) == 0;
}

static void op_fork_exit(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void exec_self(void)
{
	execl(self, self, "exit", (char *)NULL);
	_exit(1);
}

static void op_fork_exec(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_self();
	waitpid(pid, NULL, 0);
}

static void op_vfork_exec(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		exec_self();
	waitpid(pid, NULL, 0);
}

/* One page: a first touch. The area is made new when it is used up. */
static size_t next_page = AREA;

static void op_fault_page(void)
{
	if (next_page == AREA) {
		munmap(area, AREA);
		area = map(AREA);
		madvise(area, AREA, MADV_NOHUGEPAGE);
		next_page = 0;
	}
	((volatile char *)area)[next_page] = 1;
	next_page += PAGE;
}

static void op_mmap_touch1(void)
{
	char *p = map(PAGE);

	*(volatile char *)p = 1;
	munmap(p, PAGE);
}

/* A place of its own each time: page tables at every level are new. */
static void op_mmap_newtables(void)
{
	static uintptr_t at = 0x100000000000;
	char *p;

	at += 1UL << 39;
	if (at >> 46)
		at = 0x100000000000;
	p = mmap((void *)at, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	*(volatile char *)p = 1;
	munmap(p, PAGE);
}

static void op_mprotect1(void)
{
	mprotect(area, PAGE, PROT_READ);
	mprotect(area, PAGE, PROT_READ | PROT_WRITE);
}

static void op_mprotect_all(void)
{
	mprotect(area, AREA, PROT_READ);
	mprotect(area, AREA, PROT_READ | PROT_WRITE);
}

static void on_segv(int sig)
{
	(void)sig;
	mprotect(area, PAGE, PROT_READ | PROT_WRITE);
}

static void op_segv_fix(void)
{
	mprotect(area, PAGE, PROT_READ);
	*(volatile char *)area = 1;
}

static void op_compile(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/usr/bin/tcc", "tcc", "-c", "/compiled.c", "-o",
		      "/tmp/compiled.o", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void op_nanosleep(void)
{
	const struct timespec t = { .tv_nsec = 50000 };

	nanosleep(&t, NULL);
}

static void op_cpu(void)
{
	for (volatile int i = 0; i < 1000; i++)
		;
}

static const struct row {
	const char *name;
	void (*op)(void);
	unsigned int times; /* in a round */
	double per;         /* operations that one call makes */
} rows[] = {
	{ "cpu", op_cpu, 1000, 1000 },
	{ "getppid", op_getppid, 20000, 1 },
	{ "clock", op_clock, 20000, 1 },
	{ "read_zero4k", op_read_zero4k, 5000, 1 },
	{ "signal", op_signal, 5000, 1 },
	{ "sched_yield", op_yield, 10000, 1 },
	{ "pipe_rtt", op_pipe, 1000, 1 },
	{ "pipe_rtt_across", op_pipe_across, 1000, 1 },
	{ "fork_exit", op_fork_exit, 30, 1 },
	{ "vfork_exec", op_vfork_exec, 20, 1 },
	{ "fork_exec", op_fork_exec, 20, 1 },
	{ "fault_page", op_fault_page, 2048, 1 },
	{ "mmap_touch1", op_mmap_touch1, 1000, 1 },
	{ "mmap_newtables", op_mmap_newtables, 500, 1 },
	{ "mprotect1", op_mprotect1, 1000, 2 },
	{ "mprotect_page", op_mprotect_all, 20, 1024 },
	{ "segv_fix", op_segv_fix, 1000, 1 },
	{ "nanosleep50us", op_nanosleep, 200, 1 },
	{ "compile", op_compile, 10, 1 },
};

static uint64_t round_of(const struct row *r)
{
	uint64_t start = ticks();

	for (unsigned int i = 0; i < r->times; i++)
		r->op();
	return ticks() - start;
}

static void measure(const struct row *r)
{
	uint64_t best = UINT64_MAX, took;
	double operations = r->times * r->per;

	r->op();
	for (unsigned int round = 0; round < ROUNDS; round++) {
		took = round_of(r);
		if (took < best)
			best = took;
	}
	mark_begin();
	round_of(r);
	mark_end();
	printf("@@ cost %s %.1f %.0f\n", r->name, (double)best / operations,
	       operations);
	fflush(stdout);
}

/*
 * Where the two ends of the pipes run, or else it is luck which of two rows is
 * measured. False: the row is none here.
 */
static int place(const struct row *r)
{
	if (r->op == op_pipe)
		return run_on(0, 0, 0) && run_on(echoer, 0, 0);
	if (r->op == op_pipe_across)
		return run_on(0, 0, 0) && run_on(echoer, 1, 1);
	return run_on(0, 0, 1);
}

/* The other end of the pipes: sends back what comes. */
static void echo(void)
{
	char c;

	close(pipes[0][1]);
	while (read(pipes[0][0], &c, 1) == 1)
		if (write(pipes[1][1], &c, 1) != 1)
			break;
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return 0;
	self = argv[0];
	zero_fd = open("/dev/zero", O_RDONLY);
	if (zero_fd < 0 || pipe(pipes[0]) || pipe(pipes[1]))
		die("start");
	signal(SIGUSR1, nothing);
	signal(SIGSEGV, on_segv);
	echoer = fork();
	if (echoer == 0)
		echo();
	area = map(AREA);
	madvise(area, AREA, MADV_NOHUGEPAGE);
	touch(area, AREA);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].op == op_mprotect1)
			touch(area, AREA);
		if (place(&rows[i]))
			measure(&rows[i]);
	}
	return 0;
}

/*
 * vane sched-trace: what the hypervisor's scheduler does, a line for each event.
 */
#include "toolstack/vane/vane.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hypervisor/include/public/trace.h"

#define IDLE 0x7fff

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void print_vcpu(uint32_t domid, uint32_t vcpu)
{
	if (domid == IDLE)
		printf("idle");
	else
		printf("d%" PRIu32 "v%" PRIu32, domid, vcpu);
}

static int64_t word64(const uint32_t *words)
{
	return (int64_t)(words[0] | (uint64_t)words[1] << 32);
}

static void print_charged(const struct vane_trace_record *r)
{
	static const char *const classes[] = { "BOOST", "UNDER", "OVER" };
	int64_t value = word64(r->words + 2);
	bool credit = r->event == TRC_CREDIT_CHARGED;

	printf(credit ? "credit  " : "virtual ");
	print_vcpu(r->words[0], r->words[1]);
	if (credit)
		printf(" %.3f ms %s", (double)value / 1e6,
		       r->words[4] < 3 ? classes[r->words[4]] : "?");
	else
		printf(" %.3f ms%s", (double)value / 1e6,
		       r->words[4] ? " warped" : "");
}

static void print_record(const struct vane_trace_record *r)
{
	printf("%14.3f CPU%-2u ", r->us, r->cpu);
	switch (r->event) {
	case TRC_SCHED_WAKE:
		printf("wake    ");
		print_vcpu(r->words[0], r->words[1]);
		break;
	case TRC_SCHED_SWITCH:
		printf("switch  ");
		print_vcpu(r->words[0], r->words[1]);
		printf(" -> ");
		print_vcpu(r->words[2], r->words[3]);
		break;
	case TRC_LOST_RECORDS:
		printf("lost    %" PRIu32 " records", r->words[0]);
		break;
	case TRC_CREDIT_CHARGED:
	case TRC_BVT_CHARGED:
		print_charged(r);
		break;
	default:
		printf("%#07" PRIx32, r->event);
		for (unsigned int i = 0; i < r->nr_words; i++)
			printf(" %#" PRIx32, r->words[i]);
	}
	putchar('\n');
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int follow(struct vane *v, unsigned int seconds)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	double end = seconds_now() + seconds;
	struct vane_trace_record r;
	struct vane_trace *t;
	int rc = vane_trace_open(v, &t);

	if (rc)
		return rc;
	while (!interrupted && (!seconds || seconds_now() < end)) {
		nanosleep(&moment, NULL);
		while (vane_trace_next(t, &r))
			print_record(&r);
		fflush(stdout);
	}
	vane_trace_close(t);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "time", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const struct sigaction stop = { .sa_handler = interrupt };
	unsigned int seconds = 0;
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "t:", longs)) >= 0)
		if (opt != 't' || read_number("time", optarg, 1, 86400,
					      &seconds))
			return usage(&cmd_sched_trace);
	if (optind != argc)
		return usage(&cmd_sched_trace);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	v = connect_or_exit();
	rc = follow(v, seconds);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_sched_trace = {
	.name = "sched-trace", .arguments = "[-t SECONDS]",
	.summary = "Print what the hypervisor's scheduler does.",
	.options = "    -t, --time SECONDS  for so long; without: until it is "
		"interrupted\n",
	.run = run,
};

/*
 * Test programs and their results. A program is a table of cases; a case is
 * a function, and one line of TAP. A case ends in one of four ways:
 *	success	nothing was wrong
 *	failure	an expectation about the hypervisor did not hold
 *	skip	it does not apply here (tap_skip)
 *	error	the test itself could not work (tap_error, or a trap that the
 *		case did not expect)
 * A failed expectation is printed and the case goes on; REQUIRE ends it.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include "kernel.h"

struct test_case {
	const char *name;
	void (*run)(void);
};

struct program {
	const char *name;
	const char *about;
	const struct test_case *cases;
	unsigned int count;
	bool by_name_only;		/* test=all leaves it out */
	void (*run)(const char *arg);	/* instead of cases */
};

extern const struct program programs_start[], programs_end[];

#define TEST_PROGRAM(nm, text, table) \
	static const struct program program_##nm \
	__attribute__((used, section(".programs"), aligned(8))) = \
	{ #nm, text, table, ARRAY_SIZE(table), false, NULL }

/* For a boot of its own: what it does cannot be undone. */
#define TEST_PROGRAM_ALONE(nm, text, table) \
	static const struct program program_##nm \
	__attribute__((used, section(".programs"), aligned(8))) = \
	{ #nm, text, table, ARRAY_SIZE(table), true, NULL }

#define OTHER_PROGRAM(nm, text, fn) \
	static const struct program program_##nm \
	__attribute__((used, section(".programs"), aligned(8))) = \
	{ #nm, text, NULL, 0, true, fn }

/* Runs what `test=` of the command line names; true when all succeeded. */
bool tap_run(const char *names);

bool tap_check(bool ok, const char *file, int line, const char *what);
bool tap_check_eq(long got, long want, const char *file, int line,
		  const char *what);
bool tap_check_either(long got, long a, long b, const char *file, int line,
		      const char *what);
_Noreturn void tap_end_case(void);
_Noreturn void tap_skip(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
_Noreturn void tap_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#define CHECK(expr) tap_check(!!(expr), __FILE__, __LINE__, #expr)
#define CHECK_EQ(got, want) \
	tap_check_eq((long)(got), (long)(want), __FILE__, __LINE__, #got)
/* Two answers are right; the place says why. */
#define CHECK_EITHER(got, a, b) \
	tap_check_either((long)(got), (long)(a), (long)(b), __FILE__, \
			 __LINE__, #got)
/* A domain that is not: one without rights may be told just that. */
#define CHECK_NO_DOMAIN(got) \
	CHECK_EITHER(got, -ESRCH, is_dom0() ? -ESRCH : -EPERM)
#define REQUIRE(expr) \
	do { if (!CHECK(expr)) tap_end_case(); } while (0)
#define REQUIRE_EQ(got, want) \
	do { if (!CHECK_EQ(got, want)) tap_end_case(); } while (0)
/* For steps that prepare a test and that other tests are about. */
#define PREPARE(expr) \
	do { \
		long prepare_rc = (long)(expr); \
		if (prepare_rc) \
			tap_error("%s = %ld", #expr, prepare_rc); \
	} while (0)

#endif

/*
 * Runs programs and prints their results as TAP version 13; see tap.h. One
 * plan for the whole boot, at its end, since the command line may name
 * several programs. All of it happens on vCPU 0; other vCPUs report through
 * memory.
 */
#include "tap.h"

enum outcome { SUCCESS, FAILURE, SKIP, ERROR };

static struct {
	enum outcome outcome;
	char why[160];
	struct context end;
} now;

static unsigned int count, bad;

static void set_outcome(enum outcome outcome, const char *fmt, va_list ap)
{
	/* A failure that was seen is not undone by what follows. */
	if (now.outcome == FAILURE)
		return;
	now.outcome = outcome;
	vsnprintf(now.why, sizeof(now.why), fmt, ap);
}

static bool failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_outcome(FAILURE, fmt, ap);
	va_end(ap);
	return false;
}

bool tap_check(bool ok, const char *file, int line, const char *what)
{
	if (ok)
		return true;
	printk("# %s:%d: not true: %s\n", file, line, what);
	return failed("%s", what);
}

bool tap_check_eq(long got, long want, const char *file, int line,
		  const char *what)
{
	if (got == want)
		return true;
	printk("# %s:%d: %s\n#   got %ld (%#lx), wanted %ld (%#lx)\n",
	       file, line, what, got, (unsigned long)got, want,
	       (unsigned long)want);
	return failed("%s", what);
}

bool tap_check_either(long got, long a, long b, const char *file, int line,
		      const char *what)
{
	if (got == a || got == b)
		return true;
	printk("# %s:%d: %s\n#   got %ld (%#lx), wanted %ld or %ld\n",
	       file, line, what, got, (unsigned long)got, a, b);
	return failed("%s", what);
}

_Noreturn void tap_end_case(void)
{
	context_restore(&now.end);
}

_Noreturn void tap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_outcome(SKIP, fmt, ap);
	va_end(ap);
	tap_end_case();
}

_Noreturn void tap_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_outcome(ERROR, fmt, ap);
	va_end(ap);
	tap_end_case();
}

static void broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_outcome(ERROR, fmt, ap);
	va_end(ap);
}

static void call_case(void *arg)
{
	const struct test_case *c = arg;

	if (!context_save(&now.end))
		c->run();
}

static void print_result(const char *program, const char *name)
{
	static const char *const note[] = {
		[SUCCESS] = "", [FAILURE] = "", [SKIP] = " # SKIP ",
		[ERROR] = " # ERROR ",
	};
	bool ok = now.outcome == SUCCESS || now.outcome == SKIP;

	count++;
	bad += !ok;
	printk("%sok %u - %s: %s%s%s\n", ok ? "" : "not ", count, program,
	       name, note[now.outcome],
	       now.outcome == FAILURE ? "" : now.why);
}

static void run_case(const struct program *p, const struct test_case *c)
{
	struct trap trap;
	int vector;

	now.outcome = SUCCESS;
	now.why[0] = 0;
	vector = trap_catch(call_case, (void *)c, &trap);
	this_cpu()->catcher = NULL;
	this_cpu()->user = NULL;
	if (vector >= 0) {
		printk("# trap %d error %#lx at %#lx cr2 %#lx\n", vector,
		       trap.regs.error, trap.regs.rip, trap.cr2);
		broken("unexpected trap %d", vector);
	}
	memset(trap_hooks, 0, (VECTOR_SYSENTER + 1) * sizeof(trap_hooks[0]));
	events_enable();
	print_result(p->name, c->name);
}

/* A case as the command line can name it: with _ for blanks. */
static bool case_named(const char *arg, const char *name)
{
	for (; *arg && *name; arg++, name++)
		if (*arg != *name && !(*arg == '_' && *name == ' '))
			return false;
	return !*arg && !*name;
}

static void run_program(const struct program *p, const char *arg)
{
	if (p->run) {
		p->run(arg);
		return;
	}
	for (unsigned int i = 0; i < p->count; i++)
		if (!*arg || case_named(arg, p->cases[i].name))
			run_case(p, &p->cases[i]);
}

/* `name` or `name:argument`; `all` is every program that is a test. */
static bool run_named(char *name)
{
	char *arg = name;
	bool all = !strcmp(name, "all"), found = all;

	while (*arg && *arg != ':')
		arg++;
	if (*arg)
		*arg++ = 0;
	for (const struct program *p = programs_start; p < programs_end; p++) {
		if (all ? p->by_name_only : strcmp(p->name, name))
			continue;
		found = true;
		run_program(p, arg);
	}
	return found;
}

bool tap_run(const char *names)
{
	char buf[256], *name = buf, *end;

	snprintf(buf, sizeof(buf), "%s", names);
	printk("TAP version 13\n");
	for (bool last = false; !last; name = end + 1) {
		for (end = name; *end && *end != ',' && *end != '+'; end++)
			;
		last = !*end;
		*end = 0;
		if (!run_named(name)) {
			count++, bad++;
			printk("not ok %u - no program %s\n", count, name);
		}
	}
	printk("1..%u\n", count);
	return !bad;
}

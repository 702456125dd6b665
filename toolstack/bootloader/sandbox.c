/*
 * See sandbox.h. What is left of a process that has been taken over: the
 * descriptors that it was given, of which the guest's is open for reading
 * alone.
 */
#include "toolstack/bootloader/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY		65534
#define MEMORY		(1ull << 30)
#define FILE_SIZE	(2ull << 30)

static int limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };

	return setrlimit(what, &l) ? -errno : 0;
}

static int drop_user(void)
{
	if (geteuid())
		return 0;
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		setresuid(NOBODY, NOBODY, NOBODY) ? -errno : 0;
}

static int filter_calls(void)
{
	static const int allowed[] = {
		SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write),
		SCMP_SYS(pwrite64), SCMP_SYS(ftruncate),
		SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
		SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(exit),
		SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof(allowed) / sizeof(allowed[0]);
	     i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	/* libext2fs asks for the time, which may be a system call. */
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
				      SCMP_SYS(clock_gettime), 0);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

int sandbox_enter(unsigned int seconds)
{
	int rc = limit(RLIMIT_CPU, seconds);

	if (!rc)
		rc = limit(RLIMIT_AS, MEMORY);
	if (!rc)
		rc = limit(RLIMIT_FSIZE, FILE_SIZE);
	if (!rc)
		rc = limit(RLIMIT_CORE, 0);
	if (!rc)
		rc = drop_user();
	if (!rc)
		rc = limit(RLIMIT_NPROC, 0);
	if (!rc && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		rc = -errno;
	return rc ? rc : filter_calls();
}

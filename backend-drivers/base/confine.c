/*
 * See confine.h. A worker that has been taken over holds its disk or tap, its
 * event channels, and /dev/xen/gntdev: with the last it can reach what other
 * domains grant to Dom0 (the kernel's node knows no narrower right), so it is
 * the calls on it that are few.
 */
#include "backend-drivers/base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

/* Rings, events, grants, memory, messages, the log. */
static const struct confine_call common[] = {
	{ SCMP_SYS(read), 0 }, { SCMP_SYS(write), 0 }, { SCMP_SYS(close), 0 },
	{ SCMP_SYS(epoll_pwait2), 0 }, { SCMP_SYS(epoll_ctl), 0 },
	{ SCMP_SYS(recvfrom), 0 }, { SCMP_SYS(sendto), 0 },
	{ SCMP_SYS(brk), 0 }, { SCMP_SYS(munmap), 0 },
	{ SCMP_SYS(mremap), 0 }, { SCMP_SYS(madvise), 0 },
	{ SCMP_SYS(clock_gettime), 0 }, { SCMP_SYS(timerfd_settime), 0 },
	{ SCMP_SYS(restart_syscall), 0 },
	{ SCMP_SYS(rt_sigreturn), 0 }, { SCMP_SYS(exit), 0 },
	{ SCMP_SYS(exit_group), 0 },
	{ SCMP_SYS(ioctl), IOCTL_EVTCHN_BIND_INTERDOMAIN },
	{ SCMP_SYS(ioctl), IOCTL_EVTCHN_UNBIND },
	{ SCMP_SYS(ioctl), IOCTL_EVTCHN_NOTIFY },
	{ SCMP_SYS(ioctl), IOCTL_GNTDEV_MAP_GRANT_REF },
	{ SCMP_SYS(ioctl), IOCTL_GNTDEV_UNMAP_GRANT_REF },
	{ SCMP_SYS(ioctl), IOCTL_GNTDEV_GRANT_COPY },
	{ -1, 0 },
};

static struct sock_fprog filter;	/* as the kernel takes it */

static int allow(scmp_filter_ctx ctx, const struct confine_call *calls)
{
	int rc = 0;

	for (; !rc && calls->number != -1; calls++)
		rc = calls->request ?
			seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls->number, 1,
					 SCMP_A1(SCMP_CMP_MASKED_EQ,
						 0xffffffff, calls->request)) :
			seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls->number,
					 0);
	return rc;
}

/* The filter's program, through a file in memory as libseccomp writes it. */
static int translate(scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), rc;
	struct stat st;
	void *code;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(ctx, fd);
	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (!rc) {
		code = malloc((size_t)st.st_size);
		if (!code)
			rc = -ENOMEM;
		else if (pread(fd, code, (size_t)st.st_size, 0) != st.st_size)
			rc = -EIO;
		filter.filter = code;
		filter.len = (unsigned short)((size_t)st.st_size /
					      sizeof(struct sock_filter));
	}
	close(fd);
	return rc;
}

int confine_prepare(const struct confine_call *calls)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -ENOMEM;

	/* Memory that can be executed is not to be had any more. */
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
					      0));
	if (!rc)
		rc = allow(ctx, common);
	if (!rc)
		rc = allow(ctx, calls);
	if (!rc)
		rc = translate(ctx);
	seccomp_release(ctx);
	return rc;
}

int confine(uid_t user)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) || setgroups(0, NULL) ||
	    setresgid(user, user, user) || setresuid(user, user, user) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter))
		return -errno;
	return 0;
}

/*
 * The hypervisor's log: lines go to the log ring (read by sysctl readconsole)
 * and to the serial console. Levels as Xen's loglvl=: a line is shown when
 * its level is at or below the threshold.
 */
#ifndef PV_PRINTK_H
#define PV_PRINTK_H

#include "types.h"

enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct domain;
struct cpu_user_regs;

void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);
/* A line about, and caused by, a domain: rate-limited per domain. */
void domain_log(struct domain *d, enum log_level level, const char *fmt, ...)
	printf_like(3, 4);
noreturn_fn void panic(const char *fmt, ...) printf_like(1, 2);
noreturn_fn void assert_failed(const char *expr, const char *file, int line);

#define assert(e) \
	((e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))

/* Prints registers and, for hypervisor context, a stack trace by symbol. */
void regs_dump(const struct cpu_user_regs *regs);

/* Implemented by the console (cpu/serial.c): raw bytes, any context. */
void console_write(const char *s, size_t len);

#endif

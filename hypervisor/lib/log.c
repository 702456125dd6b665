/*
 * The log. A line is formatted on the caller's stack, then appended to a
 * ring; what the ring holds and the serial port has not seen yet is printed
 * at once, unless a domain's line is unfinished there: then it waits for that
 * line's end, at most a second (log_flush()).
 *
 * One lock guards the ring, the levels' counters and the port. It is the
 * innermost of all, so that any code can log.
 */
#include "console.h"
#include "boot.h"
#include "cpu.h"
#include "domain.h"
#include "lib.h"
#include "printk.h"
#include "spinlock.h"
#include "time.h"

#define RING_SIZE 32768u /* a power of two */
#define LINE_MAX 240
#define PREFIX "(PV) "

/* A domain may cause this many limited lines per window. */
#define LIMIT_LINES 20
#define LIMIT_WINDOW (5 * NSEC_PER_SEC)

static struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);

/* All positions count bytes since boot, modulo 2^32. console_lock. */
static char ring[RING_SIZE];
static uint32_t ring_head;  /* next byte goes here */
static uint32_t ring_first; /* oldest byte that is still wanted */
static uint32_t ring_shown; /* the port has everything before */
static bool port_ready;
static bool mid_line;       /* the last byte at the port was no newline */
static bool forced;         /* the machine dies: nobody waits any more */

/* Highest level printed; -1 none. Written at boot only. */
static int host_level = LOG_INFO;
static int guest_level = -1;
static int guest_limited_level = LOG_INFO;

static void lock(void)
{
	if (!forced)
		spin_lock(&console_lock);
}

static void unlock(void)
{
	if (!forced)
		spin_unlock(&console_lock);
}

static void ring_put(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[ring_head++ % RING_SIZE] = s[i];
	if (ring_head - ring_first > RING_SIZE)
		ring_first = ring_head - RING_SIZE;
	if (ring_head - ring_shown > RING_SIZE)
		ring_shown = ring_head - RING_SIZE;
}

static void port_put(const char *s, size_t len)
{
	if (!len)
		return;
	serial_write(s, len);
	mid_line = s[len - 1] != '\n';
}

/* Brings the port up to date with the ring. */
static void ring_show(void)
{
	while (port_ready && ring_shown != ring_head) {
		uint32_t at = ring_shown % RING_SIZE;
		uint32_t n = min(ring_head - ring_shown, RING_SIZE - at);

		port_put(ring + at, n);
		ring_shown += n;
	}
}

/* Appends one line, given without its newline. */
static void put_line(const char *text, size_t len)
{
	ring_put(PREFIX, sizeof(PREFIX) - 1);
	ring_put(text, len);
	ring_put("\n", 1);
	if (!mid_line)
		ring_show();
}

static size_t format_line(char *buf, size_t size, const char *fmt,
			  __builtin_va_list ap)
{
	int n = vsnprintf_(buf, size, fmt, ap);
	size_t len = n < 0 ? 0 : min((size_t)n, size - 1);

	/* Callers may or may not end their line; we always do. */
	while (len && buf[len - 1] == '\n')
		len--;
	return len;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char buf[LINE_MAX];
	__builtin_va_list ap;
	size_t len;

	if ((int)level > host_level)
		return;
	__builtin_va_start(ap, fmt);
	len = format_line(buf, sizeof(buf), fmt, ap);
	__builtin_va_end(ap);
	lock();
	put_line(buf, len);
	unlock();
}

/*
 * Whether @d may log one more limited line. A new window tells how many were
 * left out of the one before. console_lock held: it guards d->log_*.
 */
static bool limit_passes(struct domain *d, nsec_t when)
{
	char buf[64];
	uint32_t missed;

	if (!d->log_count || when - d->log_window >= LIMIT_WINDOW) {
		missed = d->log_count > LIMIT_LINES ?
			 d->log_count - LIMIT_LINES : 0;
		d->log_window = when;
		d->log_count = 0;
		if (missed)
			put_line(buf, (size_t)snprintf_(buf, sizeof(buf),
				"d%u: %u lines left out", d->id, missed));
	}
	if (d->log_count != UINT32_MAX)
		d->log_count++;
	return d->log_count <= LIMIT_LINES;
}

void domain_log(struct domain *d, enum log_level level, const char *fmt, ...)
{
	char buf[LINE_MAX];
	__builtin_va_list ap;
	nsec_t when = now();
	size_t len, id;

	if ((int)level > max(guest_level, guest_limited_level))
		return;
	id = (size_t)snprintf_(buf, sizeof(buf), "d%u: ", d->id);
	__builtin_va_start(ap, fmt);
	len = id + format_line(buf + id, sizeof(buf) - id, fmt, ap);
	__builtin_va_end(ap);
	lock();
	if ((int)level <= guest_level || limit_passes(d, when))
		put_line(buf, len);
	unlock();
}

void console_write(const char *s, size_t len)
{
	lock();
	if (port_ready)
		port_put(s, len);
	if (!mid_line)
		ring_show();
	unlock();
}

void log_flush(void)
{
	if (READ_ONCE(ring_shown) == READ_ONCE(ring_head))
		return;
	lock();
	if (ring_shown != ring_head && mid_line && port_ready)
		port_put("\n", 1);
	ring_show();
	unlock();
}

void console_force(void)
{
	/*
	 * Whoever holds the lock is stopped or is the one that dies here; a
	 * torn line is better than none.
	 */
	forced = true;
	if (!port_ready) {
		serial_init();
		port_ready = true;
	}
	host_level = LOG_DEBUG;
	if (mid_line)
		port_put("\n", 1);
	ring_show();
}

uint32_t log_first(void)
{
	return READ_ONCE(ring_first);
}

size_t log_read(uint32_t *position, char *buf, size_t size)
{
	uint32_t n;

	lock();
	if (ring_head - *position > ring_head - ring_first)
		*position = ring_first;
	n = min((size_t)(ring_head - *position), size);
	for (uint32_t i = 0; i < n; i++)
		buf[i] = ring[(*position)++ % RING_SIZE];
	unlock();
	return n;
}

void log_clear(uint32_t position)
{
	lock();
	if (position - ring_first <= ring_head - ring_first)
		ring_first = position;
	unlock();
}

/* A level's name, as in Xen's options; *end is where it stopped. */
static bool parse_level(const char *s, const char **end, int *level)
{
	static const struct {
		const char *name;
		int level;
	} names[] = {
		{ "none", -1 }, { "error", LOG_ERR },
		{ "warning", LOG_WARNING }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG }, { "all", LOG_DEBUG },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i].name);

		if (strncmp(s, names[i].name, n))
			continue;
		*level = names[i].level;
		*end = s + n;
		return true;
	}
	return false;
}

/* "shown" or "shown/limited", as loglvl= and guest_loglvl= of Xen. */
static void read_levels(const char *option, int *shown, int *limited)
{
	char buf[32];
	const char *s = boot_option(option, buf, sizeof(buf));
	int a, b = -1;

	if (!s)
		return;
	if (!parse_level(s, &s, &a) ||
	    (*s == '/' && !parse_level(s + 1, &s, &b)) || *s) {
		log_line(LOG_WARNING, "%s=%s: not a level (none, error, warning, info, debug, all)",
			 option, buf);
		return;
	}
	*shown = a;
	*limited = max(a, b);
}

void console_init(void)
{
	int unused;

	read_levels("loglvl", &host_level, &unused);
	read_levels("guest_loglvl", &guest_level, &guest_limited_level);
	serial_init();
	lock();
	port_ready = true;
	ring_show();
	unlock();
}

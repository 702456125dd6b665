/*
 * The console seen from its two ends: Dom0's reads and writes (console_io),
 * and what is typed at the port. Typed bytes go to Dom0, or, after Ctrl-a
 * three times, to the hypervisor, where each is a debug key.
 */
#include "console.h"
#include "cpu.h"
#include "domain.h"
#include "event.h"
#include "frame.h"
#include "guest.h"
#include "hypercall.h"
#include "irq.h"
#include "lib.h"
#include "printk.h"
#include "sched.h"
#include "spinlock.h"
#include "time.h"

#define SWITCH_KEY 0x01 /* Ctrl-a */
#define SWITCH_COUNT 3
/*
 * Bytes between two preemption points. Output is polled: at 115200 baud a byte
 * takes 87 µs once the port's FIFO is full, so few of them at a time.
 */
#define CHUNK 32u

/* Typed for Dom0 and not yet read: a ring. input_lock guards all of it. */
#define INPUT_SIZE 1024u
static struct spinlock input_lock = SPINLOCK(RANK_CONSOLE);
static char input[INPUT_SIZE];
static unsigned int input_head, input_tail;
static unsigned int switch_count;
static bool to_hypervisor;

static void key_help(void);

static void key_domains(void)
{
	struct domain *d = NULL;
	struct vcpu *v;

	while ((d = domain_next(d))) {
		log_line(LOG_ERR, "domain %u: %lu pages of %lu, %u references, "
			 "state %d, pauses %u, shutdown %d", d->id,
			 d->tot_pages, d->max_pages, d->refs, d->state,
			 d->pause_count, d->shutdown_code);
		for_each_vcpu(d, v)
			log_line(LOG_ERR, "  vCPU %u on CPU %u: %s%s%s, upcall pending %u, mask %u",
				 v->id, v->sched.cpu,
				 v->sched.blocked ? "blocked" : "runnable",
				 v->sched.down ? ", down" : "",
				 v->sched.parked ? ", parked" : "",
				 v->info ? v->info->evtchn_upcall_pending : 0,
				 v->info ? v->info->evtchn_upcall_mask : 0);
	}
}

static void key_dom0_registers(void)
{
	struct vcpu *v;

	for_each_vcpu(dom0, v) {
		log_line(LOG_ERR, "Dom0 vCPU %u, as it last came in:", v->id);
		if (v->regs)
			regs_dump(v->regs);
	}
}

static void key_memory(void)
{
	log_line(LOG_ERR, "memory: %lu of %lu frames free",
		 heap_free_frames(), heap_total_frames());
}

static void key_reboot(void)
{
	log_line(LOG_ERR, "reboot by debug key");
	machine_reboot();
}

static void key_cpus(void)
{
	for (unsigned int i = 0; i < cpus_present; i++) {
		struct vcpu *v = READ_ONCE(cpus[i].running);

		log_line(LOG_ERR, "CPU %u (APIC id %u): runs d%uv%u", i,
			 cpus[i].apic_id,
			 v && v->domain ? v->domain->id : 0x7fff,
			 v ? v->id : 0);
	}
}

static const struct {
	char key;
	const char *help;
	void (*fn)(void);
} keys[] = {
	{ 'h', "this list", key_help },
	{ '0', "registers of Dom0", key_dom0_registers },
	{ 'a', "time and timers", time_dump },
	{ 'i', "interrupts", irq_dump },
	{ 'm', "memory", key_memory },
	{ 'q', "domains and their vCPUs", key_domains },
	{ 'r', "what CPUs run", key_cpus },
	{ 'R', "reboot the machine", key_reboot },
};

static void key_help(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		log_line(LOG_ERR, "key '%c': %s", keys[i].key, keys[i].help);
}

void debug_key(char key)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].key != key)
			continue;
		log_line(LOG_ERR, "'%c' pressed: %s", key, keys[i].help);
		keys[i].fn();
		return;
	}
	log_line(LOG_ERR, "key '%c' does nothing; 'h' lists those that do",
		 key >= ' ' && key < 127 ? key : '?');
}

/* True when this byte was part of the switch, and done with. */
static bool switch_input(char c)
{
	if (c != SWITCH_KEY) {
		switch_count = 0;
		return false;
	}
	if (++switch_count < SWITCH_COUNT)
		return false;
	switch_count = 0;
	to_hypervisor = !to_hypervisor;
	log_line(LOG_ERR, "*** Serial input to %s (type Ctrl-a three times to switch)",
		 to_hypervisor ? "the hypervisor" : "Dom0");
	return true;
}

void console_input(char c)
{
	bool queued = false;

	if (switch_input(c))
		return;
	if (to_hypervisor) {
		if (c != SWITCH_KEY)
			debug_key(c);
		return;
	}
	spin_lock(&input_lock);
	if (input_head - input_tail < INPUT_SIZE) {
		input[input_head++ % INPUT_SIZE] = c;
		queued = true;
	}
	spin_unlock(&input_lock);
	if (queued && dom0)
		virq_raise_domain(dom0, VIRQ_CONSOLE);
}

/* Up to @size typed bytes. */
static unsigned int take_input(char *buf, unsigned int size)
{
	unsigned int n = 0;

	spin_guard(&input_lock);
	while (n < size && input_tail != input_head)
		buf[n++] = input[input_tail++ % INPUT_SIZE];
	return n;
}

static long console_from_guest(uint64_t va, uint32_t count)
{
	char buf[CHUNK];
	uint32_t done, n;

	for (done = 0; done < count; done += n) {
		n = min(count - done, CHUNK);
		if (copy_from_guest_va(buf, va + done, n))
			return -EFAULT;
		console_write(buf, n);
		if (done + n < count && preempt_point())
			return -EINTR;
	}
	return 0;
}

static long console_to_guest(uint64_t va, uint32_t count)
{
	char buf[CHUNK];
	uint32_t done = 0, n;

	while (done < count) {
		n = take_input(buf, min(count - done, CHUNK));
		if (!n)
			break;
		if (copy_to_guest_va(va + done, buf, n))
			return -EFAULT;
		done += n;
	}
	return done;
}

/* (command, count, buffer), unsigned all of them; Dom0's alone. */
long hc_console_io(uint64_t cmd, uint64_t count, uint64_t va, uint64_t a3,
		   uint64_t a4)
{
	uint32_t n = (uint32_t)count;

	/* A result of more than this would look like an error. */
	if (n > INT32_MAX)
		return -EINVAL;
	switch ((uint32_t)cmd) {
	case CONSOLEIO_write:
		return console_from_guest(va, n);
	case CONSOLEIO_read:
		return console_to_guest(va, n);
	default:
		return hypercall_unknown("console_io", cmd);
	}
}

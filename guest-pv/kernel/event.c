/*
 * Events, two-level ABI: pending and mask bits in the shared page, a selector
 * word per vCPU. A port's handler runs with upcalls masked. Ports without a
 * handler are cleared and forgotten. Tests of the FIFO ABI bring their own.
 */
#include "kernel.h"

#define NR_PORTS 4096

struct vcpu_info *vcpu_infos[MAX_CPUS];

static event_handler *handlers[NR_PORTS];

void event_init(void)
{
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		vcpu_infos[i] = &shared_info->vcpu_info[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(shared_info->evtchn_mask); i++)
		WRITE_ONCE(shared_info->evtchn_mask[i], 0);
}

struct vcpu_info *vcpu_info(void)
{
	return vcpu_infos[this_cpu()->id];
}

void event_set_handler(unsigned int port, event_handler *fn)
{
	handlers[port] = fn;
}

static void set_bit(volatile unsigned long *words, unsigned int bit)
{
	__asm__ volatile("lock btsq %1, %0"
			 : "+m"(words[bit / 64]) : "r"(bit % 64ul) : "cc");
}

static void clear_bit(volatile unsigned long *words, unsigned int bit)
{
	__asm__ volatile("lock btrq %1, %0"
			 : "+m"(words[bit / 64]) : "r"(bit % 64ul) : "cc");
}

void event_mask_port(unsigned int port)
{
	set_bit(shared_info->evtchn_mask, port);
}

void event_unmask_port(unsigned int port)
{
	clear_bit(shared_info->evtchn_mask, port);
}

bool event_pending(unsigned int port)
{
	return READ_ONCE(shared_info->evtchn_pending[port / 64]) >>
	       (port % 64) & 1;
}

void event_clear(unsigned int port)
{
	clear_bit(shared_info->evtchn_pending, port);
}

static void dispatch_word(unsigned int word)
{
	unsigned long ports;

	while ((ports = READ_ONCE(shared_info->evtchn_pending[word]) &
			~READ_ONCE(shared_info->evtchn_mask[word]))) {
		unsigned int port = word * 64 +
				    (unsigned int)__builtin_ctzl(ports);

		event_clear(port);
		if (handlers[port])
			handlers[port](port);
	}
}

void event_dispatch(void)
{
	struct vcpu_info *info = vcpu_info();
	unsigned long words;

	this_cpu()->upcalls++;
	do {
		WRITE_ONCE(info->evtchn_upcall_pending, 0);
		/* A full barrier: clear the flag before the words are read. */
		words = __atomic_exchange_n(&info->evtchn_pending_sel, 0,
					    __ATOMIC_SEQ_CST);
		for (; words; words &= words - 1)
			dispatch_word((unsigned int)__builtin_ctzl(words));
	} while (READ_ONCE(info->evtchn_upcall_pending));
}

bool events_disable(void)
{
	struct vcpu_info *info = vcpu_info();
	bool enabled = !READ_ONCE(info->evtchn_upcall_mask);

	WRITE_ONCE(info->evtchn_upcall_mask, 1);
	barrier();
	return enabled;
}

void events_enable(void)
{
	struct vcpu_info *info = vcpu_info();

	barrier();
	WRITE_ONCE(info->evtchn_upcall_mask, 0);
	barrier();
	/*
	 * What became pending while masked is delivered on the next way out
	 * of the hypervisor: make one.
	 */
	if (READ_ONCE(info->evtchn_upcall_pending))
		hcall_xen_version(XENVER_version, NULL);
}

static uint64_t scale(uint64_t delta, uint32_t mul, int8_t shift)
{
	if (shift < 0)
		delta >>= -shift;
	else
		delta <<= shift;
	return (uint64_t)(((unsigned __int128)delta * mul) >> 32);
}

uint64_t time_ns(void)
{
	struct vcpu_time_info *t = &vcpu_info()->time;
	uint32_t version;
	uint64_t now;

	do {
		uint32_t low, high;

		version = READ_ONCE(t->version);
		barrier();
		__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
		now = t->system_time +
		      scale(((uint64_t)high << 32 | low) - t->tsc_timestamp,
			    t->tsc_to_system_mul, t->tsc_shift);
		barrier();
	} while ((version & 1) || version != READ_ONCE(t->version));
	return now;
}

void delay_ns(uint64_t ns)
{
	uint64_t end = time_ns() + ns;

	while (time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
}

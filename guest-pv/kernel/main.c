/*
 * Start of the guest: takes what the builder left in start_info, sets up the
 * parts in the order of their needs, runs the test programs that the command
 * line names, and ends the domain.
 *
 * Command line: test=NAME[:CASE],...	programs to run (default hello), between
 *					commas or plus signs
 *		 end=WAY		how to end: poweroff (default), reboot,
 *					crash, watchdog, or wait: not at all
 */
#include "tap.h"

struct start_info *start_info;
struct shared_info *shared_info;

_Noreturn void kernel_main(struct start_info *si);

/* A page to be replaced by the shared info page. */
static uint8_t shared_info_window[PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));

bool is_dom0(void)
{
	return start_info->flags & SIF_INITDOMAIN;
}

_Noreturn void guest_shutdown(unsigned int reason)
{
	struct sched_shutdown s = { reason };

	for (;;)
		hcall_sched_op(SCHEDOP_shutdown, &s);
}

_Noreturn void panic(const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printk("Bail out! guest panic: %s\n", line);
	guest_shutdown(SHUTDOWN_crash);
}

bool option_get(const char *name, char *buf, size_t size)
{
	const char *s = (const char *)start_info->cmd_line;
	size_t length = strlen(name);

	while (*s) {
		if (!strncmp(s, name, length) && s[length] == '=') {
			s += length + 1;
			while (*s && *s != ' ' && size > 1) {
				*buf++ = *s++;
				size--;
			}
			*buf = 0;
			return true;
		}
		while (*s && *s != ' ')
			s++;
		while (*s == ' ')
			s++;
	}
	return false;
}

static void shared_info_init(void)
{
	shared_info = (struct shared_info *)shared_info_window;
	if (hcall_update_va_mapping(shared_info,
				    start_info->shared_info | PTE_RWX,
				    UVMF_INVLPG))
		panic("cannot map the shared info page");
	/* Where our P2M list lies: who writes our core wants it. */
	shared_info->arch.p2m_cr3 =
		p2m[virt_to_pfn((void *)start_info->pt_base)] << PAGE_SHIFT;
	shared_info->arch.p2m_vaddr = (unsigned long)p2m;
	shared_info->arch.max_pfn = start_info->nr_pages;
}

static _Noreturn void end_as(const char *way)
{
	static const struct {
		const char *way;
		unsigned int reason;
	} ends[] = {
		{ "poweroff", SHUTDOWN_poweroff },
		{ "reboot", SHUTDOWN_reboot },
		{ "crash", SHUTDOWN_crash },
		{ "watchdog", SHUTDOWN_watchdog },
	};

	for (unsigned int i = 0; i < 4; i++)
		if (!strcmp(way, ends[i].way))
			guest_shutdown(ends[i].reason);
	for (;;)
		hcall_sched_op(SCHEDOP_block, NULL);
}

_Noreturn void kernel_main(struct start_info *si)
{
	char names[256] = "hello", end[16] = "poweroff";

	start_info = si;
	memory_init();
	/* Direct stores to page tables: the original wants to be asked. */
	(void)hypercall2(__HYPERVISOR_vm_assist, VMASST_CMD_enable,
			 VMASST_TYPE_writable_pagetables);
	shared_info_init();
	event_init();
	trap_init();
	events_enable();

	option_get("test", names, sizeof(names));
	option_get("end", end, sizeof(end));
	printk("# guest-pv: %s, %lu pages, test=%s\n", si->magic,
	       si->nr_pages, names);
	tap_run(names);
	end_as(end);
}

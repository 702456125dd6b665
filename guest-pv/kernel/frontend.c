/*
 * What the front ends ask of a kernel (frontend-drivers/os.h), and their
 * start. One vCPU uses them.
 */
#include "kernel.h"
#include "frontend-drivers/os.h"
#include "frontend-drivers/xenbus/store.h"

#define GRANT_FRAMES 4
#define GRANTS (GRANT_FRAMES * PAGE_SIZE / sizeof(struct grant_entry_v1))
#define GRANTS_RESERVED GNTTAB_NR_RESERVED_ENTRIES
#define GRANT_VA (TEST_VA + (1ul << 39)) /* the L4 slot after the tests' */

static struct grant_entry_v1 *const grants = (void *)GRANT_VA;
static uint16_t free_refs[GRANTS];
static unsigned int free_count;
static volatile uint32_t events;
static unsigned int timer_port;

static void count_event(unsigned int port)
{
	(void)port;
	events++;
}

static void grants_init(void)
{
	xen_pfn_t frames[GRANT_FRAMES];
	struct gnttab_setup_table t = {
		.dom = DOMID_SELF, .nr_frames = GRANT_FRAMES,
	};

	set_xen_guest_handle(t.frame_list, frames);
	if (hcall_grant_table_op(GNTTABOP_setup_table, &t, 1) || t.status)
		panic("no grant table: %d", t.status);
	for (unsigned int i = 0; i < GRANT_FRAMES; i++)
		pt_map(GRANT_VA + i * PAGE_SIZE, mfn_pte(frames[i], PTE_RWX));
	for (unsigned int ref = GRANTS; ref-- > GRANTS_RESERVED;)
		free_refs[free_count++] = (uint16_t)ref;
}

void frontend_init(void)
{
	struct evtchn_bind_virq b = { .virq = VIRQ_TIMER };

	if (hcall_event_channel_op(EVTCHNOP_bind_virq, &b))
		panic("no timer");
	timer_port = b.port;
	grants_init();
	store_init(mfn_to_virt(start_info->store_mfn),
		   start_info->store_evtchn);
}

void *os_page_alloc(void)
{
	return pages_free() ? page_alloc() : NULL;
}

void os_page_free(void *page)
{
	page_free(page);
}

int os_grant(uint16_t domid, const void *page, bool readonly)
{
	unsigned int ref;

	if (!free_count)
		return -ENOSPC;
	ref = free_refs[--free_count];
	grants[ref].domid = domid;
	grants[ref].frame = (uint32_t)virt_to_mfn(page);
	/* The flags make it valid: last. */
	__atomic_store_n(&grants[ref].flags,
			 GTF_permit_access | (readonly ? GTF_readonly : 0),
			 __ATOMIC_RELEASE);
	return (int)ref;
}

int os_grant_end(uint32_t ref)
{
	uint16_t flags = READ_ONCE(grants[ref].flags);

	do {
		if (flags & (GTF_reading | GTF_writing))
			return -EBUSY;
	} while (!__atomic_compare_exchange_n(&grants[ref].flags, &flags, 0,
					      false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	free_refs[free_count++] = (uint16_t)ref;
	return 0;
}

int os_event_open(uint16_t domid)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = domid,
	};
	long rc = hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a);

	if (rc)
		return (int)rc;
	os_event_adopt(a.port);
	return (int)a.port;
}

void os_event_adopt(uint32_t port)
{
	event_set_handler(port, count_event);
	event_unmask_port(port);
}

void os_event_send(uint32_t port)
{
	struct evtchn_send s = { port };

	hcall_event_channel_op(EVTCHNOP_send, &s);
}

void os_event_close(uint32_t port)
{
	struct evtchn_close c = { port };

	event_set_handler(port, NULL);
	hcall_event_channel_op(EVTCHNOP_close, &c);
}

uint32_t os_events(void)
{
	return events;
}

void os_wait(uint32_t seen, uint64_t until)
{
	events_disable();
	if (events == seen && time_ns() < until) {
		/* The timer's event ends the sleep; none: no timer. */
		hypercall1(__HYPERVISOR_set_timer_op,
			   until == OS_NEVER ? 0 : until);
		hcall_sched_op(SCHEDOP_block, NULL); /* lets events in */
	}
	events_enable();
}

uint64_t os_now(void)
{
	return time_ns();
}

void os_log(const char *line)
{
	printk("# %s\n", line);
}

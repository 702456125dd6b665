// SPDX-License-Identifier: GPL-2.0
/*
 * A module for Debian's kernel that measures hypercalls from where Linux makes
 * them: prints "@@ cost NAME VALUE N" on the kernel's log, as
 * tests/bench/linux.c does, and does nothing any more. Interrupts stay on, the
 * processor stays the same; the best round counts.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/vmalloc.h>
#include <asm/msr.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/version.h>
#include <xen/interface/xen.h>
#include <xen/interface/vcpu.h>

#include "guest-pv/include/marks.h"

#define ROUNDS 8
#define TIMES 300

static unsigned long window;
static struct mmu_update update;
static struct multicall_entry calls[16];
static evtchn_port_t port;

static int null_hypercall(void)
{
	return HYPERVISOR_xen_version(XENVER_version, NULL);
}

static int multicall_16(void)
{
	return HYPERVISOR_multicall(calls, ARRAY_SIZE(calls));
}

static int mmu_update_x1(void)
{
	return HYPERVISOR_mmu_update(&update, 1, NULL, DOMID_SELF);
}

static int update_va_mapping(void)
{
	return HYPERVISOR_update_va_mapping(window, native_make_pte(update.val), 0);
}

/* To a port that nobody listens to: it stays pending after the first. */
static int event_send(void)
{
	struct evtchn_send s = { .port = port };

	return HYPERVISOR_event_channel_op(EVTCHNOP_send, &s);
}

static int vcpu_is_up(void)
{
	return HYPERVISOR_vcpu_op(VCPUOP_is_up, 0, NULL);
}

static const struct row {
	const char *name;
	int (*op)(void);	/* negative: refused */
} rows[] = {
	{ "linux_null_hypercall", null_hypercall },
	{ "linux_multicall_null_x16", multicall_16 },
	{ "linux_vcpu_is_up", vcpu_is_up },
	{ "linux_mmu_update_same_x1", mmu_update_x1 },
	{ "linux_uva_same", update_va_mapping },
	{ "linux_evtchn_send", event_send },
};

static u64 round_of(const struct row *r)
{
	u64 start = rdtsc_ordered();
	unsigned int i;

	for (i = 0; i < TIMES; i++)
		r->op();
	return rdtsc_ordered() - start;
}

static int measure(const struct row *r)
{
	u64 best = U64_MAX, tenths;
	unsigned int i;
	int rc = r->op();

	if (rc < 0)
		return rc;
	preempt_disable();
	for (i = 0; i < ROUNDS; i++)
		best = min(best, round_of(r));
	mark_begin();
	round_of(r);
	mark_end();
	preempt_enable();
	tenths = best * 10 / TIMES;
	pr_emerg("@@ cost %s %llu.%llu %u\n", r->name, tenths / 10,
		 tenths % 10, TIMES);
	return 0;
}

/* A page whose entry may be written again and again with its own value. */
static int prepare_window(void)
{
	unsigned int level;
	pte_t *entry;

	window = (unsigned long)vmalloc(PAGE_SIZE);
	if (!window)
		return -ENOMEM;
	*(volatile char *)window = 1;
	entry = lookup_address(window, &level);
	if (!entry || level != PG_LEVEL_4K)
		return -EINVAL;
	update.ptr = arbitrary_virt_to_machine(entry).maddr |
		MMU_NORMAL_PT_UPDATE;
	update.val = entry->pte;
	return 0;
}

static int __init bench_init(void)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };
	struct evtchn_close c;
	unsigned int i;
	int rc;

	rc = prepare_window();
	if (!rc)
		rc = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &a);
	if (!rc) {
		b.remote_port = a.port;
		rc = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain,
						 &b);
	}
	if (rc)
		goto out;
	port = b.local_port;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i].op = __HYPERVISOR_xen_version;
	for (i = 0; !rc && i < ARRAY_SIZE(rows); i++)
		rc = measure(&rows[i]);
	c.port = b.local_port;
	HYPERVISOR_event_channel_op(EVTCHNOP_close, &c);
	c.port = a.port;
	HYPERVISOR_event_channel_op(EVTCHNOP_close, &c);
out:
	vfree((void *)window);
	return rc;
}
module_init(bench_init);
MODULE_DESCRIPTION("What hypercalls cost Linux");
MODULE_LICENSE("GPL");

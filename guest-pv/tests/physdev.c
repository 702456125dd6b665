/*
 * physdev_op and platform_op as Dom0 uses them, and their refusals. Rules:
 * <xen/physdev.h>, <xen/platform.h>; map, 4.3 and 7. Indices are bounded
 * before use (security lesson 35); platform_op insists on its interface
 * version.
 */
#include "tap.h"

static void need_dom0(void)
{
	if (!is_dom0())
		tap_skip("Dom0 alone");
}

static void iopl(void)
{
	struct physdev_set_iopl i = { .iopl = 3 };

	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &i), 0);
	i.iopl = 4;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &i), -EINVAL);
	i.iopl = 0xffffffff;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &i), -EINVAL);
	i.iopl = 1;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iopl, &i), 0);
}

static void iobitmap(void)
{
	static uint8_t bits[8192];
	struct physdev_set_iobitmap b = { .nr_ports = 65536 };

	set_xen_guest_handle(b.bitmap, bits);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &b), 0);
	b.nr_ports = 65537;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &b), -EINVAL);
	b.nr_ports = 0xffffffff;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &b), -EINVAL);
	b.nr_ports = 0;
	set_xen_guest_handle(b.bitmap, NULL);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &b), 0);
}

/* One GSI through its life: mapped, bound, asked, unbound, unmapped. */
static void gsi(void)
{
	struct physdev_map_pirq m = {
		.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 12,
		.pirq = 12,
	};
	struct physdev_irq_status_query q = { .irq = 12 };
	struct physdev_irq a = { .irq = 12 };
	struct evtchn_bind_pirq b = { .pirq = 12 };
	struct evtchn_status s = { .dom = DOMID_SELF };
	struct evtchn_close c;
	struct physdev_eoi e = { .irq = 12 };
	struct physdev_unmap_pirq u = { .domid = DOMID_SELF, .pirq = 12 };

	need_dom0();
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), 0);
	CHECK_EQ(m.pirq, 12);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_alloc_irq_vector, &a), 0);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_irq_status_query, &q), 0);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_bind_pirq, &b), 0);
	s.port = c.port = b.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_status, &s), 0);
	CHECK_EQ(s.status, EVTCHNSTAT_pirq);
	CHECK_EQ(s.u.pirq, 12);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send,
					&(struct evtchn_send){ b.port }),
		 -EINVAL);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_bind_pirq,
					&(struct evtchn_bind_pirq)
					{ .pirq = 12 }), -EEXIST);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_eoi, &e), 0);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_close, &c), 0);
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u), 0);
	CHECK(hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u) < 0);
}

static void map_refused(void)
{
	static const int bad[] = { 100000, 0x7fffffff, -5 };
	struct physdev_map_pirq m = { .domid = DOMID_SELF,
				      .type = MAP_PIRQ_TYPE_GSI };

	need_dom0();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		m.index = bad[i];
		m.pirq = -1;
		CHECK(hcall_physdev_op(PHYSDEVOP_map_pirq, &m) < 0);
		m.index = 5;
		m.pirq = bad[i] == -5 ? 0x70000000 : bad[i];
		CHECK(hcall_physdev_op(PHYSDEVOP_map_pirq, &m) < 0);
	}
	m.type = 99;
	m.index = 5;
	m.pirq = -1;
	CHECK(hcall_physdev_op(PHYSDEVOP_map_pirq, &m) < 0);
	m.type = MAP_PIRQ_TYPE_GSI;
	m.domid = 1234;
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), -ESRCH);
	/* MSI of a device that is not there. */
	m = (struct physdev_map_pirq){ .domid = DOMID_SELF, .index = -1,
				       .type = MAP_PIRQ_TYPE_MSI_SEG,
				       .pirq = -1, .bus = 0xfe,
				       .devfn = 0xff };
	CHECK(hcall_physdev_op(PHYSDEVOP_map_pirq, &m) < 0);
}

static void eoi_refused(void)
{
	static const uint32_t bad[] = { 100000, 0x7fffffff, 0xffffffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct physdev_eoi e = { .irq = bad[i] };
		struct physdev_irq_status_query q = { .irq = bad[i] };

		CHECK_EITHER(hcall_physdev_op(PHYSDEVOP_eoi, &e), -EINVAL,
			     is_dom0() ? -EINVAL : -EPERM);
		CHECK(hcall_physdev_op(PHYSDEVOP_irq_status_query, &q) < 0);
	}
}

static void apic(void)
{
	struct physdev_apic a = { .apic_physbase = 0xfec00000, .reg = 1 };

	need_dom0();
	CHECK_EQ(hcall_physdev_op(PHYSDEVOP_apic_read, &a), 0);
	CHECK_EQ(a.value & 0xff, 0x20);
	a.apic_physbase = 0x12345000;
	CHECK(hcall_physdev_op(PHYSDEVOP_apic_read, &a) < 0);
	a.apic_physbase = 0xfec00000;
	a.reg = 0x10000;
	(void)hcall_physdev_op(PHYSDEVOP_apic_read, &a);
}

static void gsi_setup(void)
{
	struct physdev_setup_gsi g = { .gsi = 9, .triggering = 1 };
	long rc;

	need_dom0();
	rc = hcall_physdev_op(PHYSDEVOP_setup_gsi, &g);
	CHECK_EITHER(rc, 0, -EEXIST);
	g.gsi = 100000;
	CHECK(hcall_physdev_op(PHYSDEVOP_setup_gsi, &g) < 0);
	g.gsi = -1;
	CHECK(hcall_physdev_op(PHYSDEVOP_setup_gsi, &g) < 0);
}

static void bad_calls(void)
{
	static const unsigned int ops[] = {
		PHYSDEVOP_eoi, PHYSDEVOP_irq_status_query,
		PHYSDEVOP_set_iopl, PHYSDEVOP_set_iobitmap,
		PHYSDEVOP_map_pirq, PHYSDEVOP_unmap_pirq,
		PHYSDEVOP_apic_read, PHYSDEVOP_setup_gsi,
	};

	/* Rights may be looked at first. */
	long other = is_dom0() ? -EFAULT : -EPERM;

	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK_EITHER(hcall_physdev_op(ops[i], UNMAPPED_VA), -EFAULT,
			     other);
		CHECK_EITHER(hcall_physdev_op(ops[i], XEN_VA), -EFAULT,
			     other);
		CHECK_EITHER(hcall_physdev_op(ops[i], NONCANONICAL), -EFAULT,
			     other);
	}
	CHECK_EQ(hcall_physdev_op(999, NULL), -ENOSYS);
	CHECK_EQ(hcall_physdev_op(-1, NULL), -ENOSYS);
}

#define platform_op(op) hypercall1(__HYPERVISOR_platform_op, op)

static void platform_cpu_info(void)
{
	struct xen_platform_op op = {
		.cmd = XENPF_get_cpuinfo,
		.interface_version = XENPF_INTERFACE_VERSION,
	};

	need_dom0();
	CHECK_EQ(platform_op(&op), 0);
	CHECK(op.u.pcpu_info.max_present + 1 >= cpus_possible());
	CHECK(op.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE);
	op.u.pcpu_info.xen_cpuid = 100000;
	CHECK(platform_op(&op) < 0 ||
	      !(op.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE));
}

static void platform_refused(void)
{
	struct xen_platform_op op = {
		.cmd = XENPF_get_cpuinfo,
		.interface_version = XENPF_INTERFACE_VERSION + 1,
	};

	if (!is_dom0()) {
		CHECK(platform_op(&op) < 0);
		return;
	}
	CHECK_EQ(platform_op(&op), -EACCES);
	op.interface_version = XENPF_INTERFACE_VERSION;
	op.cmd = 9999;
	CHECK_EQ(platform_op(&op), -ENOSYS);
	CHECK_EQ(platform_op(UNMAPPED_VA), -EFAULT);
	CHECK_EQ(platform_op(XEN_VA), -EFAULT);
	CHECK_EQ(platform_op(NONCANONICAL), -EFAULT);
}

static const struct test_case cases[] = {
	{ "set_iopl", iopl },
	{ "set_iobitmap", iobitmap },
	{ "life of a GSI", gsi },
	{ "map_pirq refused", map_refused },
	{ "eoi and status refused", eoi_refused },
	{ "apic_read", apic },
	{ "setup_gsi", gsi_setup },
	{ "bad calls", bad_calls },
	{ "platform_op: get_cpuinfo", platform_cpu_info },
	{ "platform_op refused", platform_refused },
};

TEST_PROGRAM(physdev, "physdev_op and platform_op", cases);

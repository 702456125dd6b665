/*
 * xen_version: what each sub-operation returns, and that a reply never goes
 * where the guest may not write. Rules: <xen/version.h>. The numbers of
 * XENVER_version are those of the ABI that we publish, 4.17. A reply is filled
 * to its end (security lesson 70): strings end inside their arrays.
 */
#include "tap.h"

static void version_number(void)
{
	CHECK_EQ(hcall_xen_version(XENVER_version, NULL), 4 << 16 | 17);
}

static bool ends_inside(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!s[i])
			return true;
	return false;
}

static void extraversion(void)
{
	struct {
		xen_extraversion_t text;
		char behind[8];
	} buf;

	memset(&buf, 0xa5, sizeof(buf));
	CHECK_EQ(hcall_xen_version(XENVER_extraversion, &buf), 0);
	CHECK(ends_inside(buf.text, sizeof(buf.text)));
	CHECK_EQ((uint8_t)buf.behind[0], 0xa5);
}

static void compile_info(void)
{
	struct xen_compile_info info;

	memset(&info, 0xa5, sizeof(info));
	CHECK_EQ(hcall_xen_version(XENVER_compile_info, &info), 0);
	CHECK(ends_inside(info.compiler, sizeof(info.compiler)));
	CHECK(ends_inside(info.compile_by, sizeof(info.compile_by)));
	CHECK(ends_inside(info.compile_domain, sizeof(info.compile_domain)));
	CHECK(ends_inside(info.compile_date, sizeof(info.compile_date)));
}

static void capabilities(void)
{
	static char text[sizeof(xen_capabilities_info_t)];

	memset(text, 0xa5, sizeof(text));
	CHECK_EQ(hcall_xen_version(XENVER_capabilities, text), 0);
	CHECK(ends_inside(text, sizeof(text)));
	CHECK(!strncmp(text, "xen-3.0-x86_64", 14));
}

static void changeset_and_commandline(void)
{
	static char text[sizeof(xen_commandline_t)];

	memset(text, 0xa5, sizeof(text));
	CHECK_EQ(hcall_xen_version(XENVER_changeset, text), 0);
	CHECK(ends_inside(text, sizeof(xen_changeset_info_t)));
	CHECK_EQ((uint8_t)text[sizeof(xen_changeset_info_t)], 0xa5);
	CHECK_EQ(hcall_xen_version(XENVER_commandline, text), 0);
	CHECK(ends_inside(text, sizeof(text)));
}

static void platform_parameters(void)
{
	struct xen_platform_parameters p = { 0 };

	CHECK_EQ(hcall_xen_version(XENVER_platform_parameters, &p), 0);
	CHECK_EQ(p.virt_start, HYPERVISOR_VIRT_START);
}

static void features(void)
{
	struct xen_feature_info f = { .submap_idx = 0 };
	unsigned int never = 1u << XENFEAT_writable_page_tables |
			     1u << XENFEAT_auto_translated_physmap |
			     1u << XENFEAT_supervisor_mode_kernel;

	CHECK_EQ(hcall_xen_version(XENVER_get_features, &f), 0);
	CHECK_EQ(f.submap & never, 0);
	CHECK(f.submap & 1u << XENFEAT_mmu_pt_update_preserve_ad);
	CHECK_EQ(!!(f.submap & 1u << XENFEAT_dom0), is_dom0());
	f.submap_idx = 1;
	CHECK_EQ(hcall_xen_version(XENVER_get_features, &f), -EINVAL);
	f.submap_idx = ~0u;
	CHECK_EQ(hcall_xen_version(XENVER_get_features, &f), -EINVAL);
}

static void page_size(void)
{
	CHECK_EQ(hcall_xen_version(XENVER_pagesize, NULL), PAGE_SIZE);
}

static void guest_handle(void)
{
	xen_domain_handle_t handle;

	memset(handle, 0xa5, sizeof(handle));
	CHECK_EQ(hcall_xen_version(XENVER_guest_handle, handle), 0);
}

static void unknown_sub_operation(void)
{
	char buf[64];

	CHECK_EQ(hcall_xen_version(11, buf), -ENOSYS);
	CHECK_EQ(hcall_xen_version(0x7fffffff, buf), -ENOSYS);
	CHECK_EQ(hcall_xen_version(-1, buf), -ENOSYS);
}

static void bad_buffers(void)
{
	static const unsigned long bad[] = {
		UNMAPPED_VA, XEN_RO_VA, XEN_VA, NONCANONICAL,
		0xffff7ffffffffff8, 0xffff87fffffffff8,
	};
	static const unsigned int ops[] = {
		XENVER_extraversion, XENVER_compile_info,
		XENVER_capabilities, XENVER_changeset,
		XENVER_platform_parameters, XENVER_get_features,
		XENVER_guest_handle, XENVER_commandline,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(bad); j++)
			CHECK_EQ(hcall_xen_version(ops[i], bad[j]), -EFAULT);
}

static const struct test_case cases[] = {
	{ "version is 4.17", version_number },
	{ "extraversion", extraversion },
	{ "compile_info", compile_info },
	{ "capabilities", capabilities },
	{ "changeset and commandline", changeset_and_commandline },
	{ "platform_parameters", platform_parameters },
	{ "get_features", features },
	{ "pagesize", page_size },
	{ "guest_handle", guest_handle },
	{ "unknown sub-operation", unknown_sub_operation },
	{ "bad buffers", bad_buffers },
};

TEST_PROGRAM(version, "xen_version", cases);

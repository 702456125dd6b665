/*
 * callback_op: registration and removal, with the refusals. Rules: <xen/
 * callback.h>. An address that is not canonical must be refused when it is
 * registered (security lesson 60). Event and failsafe callbacks exist always,
 * the others as the processor offers them.
 */
#include "tap.h"

extern uint8_t event_entry[], syscall_entry[], failsafe_entry[];

static long reg(uint16_t type, unsigned long address, uint16_t flags)
{
	struct callback_register cb = {
		.type = type, .flags = flags, .address = address,
	};

	return hcall_callback_op(CALLBACKOP_register, &cb);
}

static long unreg(uint16_t type)
{
	struct callback_unregister cb = { .type = type };

	return hcall_callback_op(CALLBACKOP_unregister, &cb);
}

static void known_types(void)
{
	CHECK_EQ(reg(CALLBACKTYPE_event, (unsigned long)event_entry,
		     CALLBACKF_mask_events), 0);
	CHECK_EQ(reg(CALLBACKTYPE_failsafe, (unsigned long)failsafe_entry,
		     CALLBACKF_mask_events), 0);
	CHECK_EQ(reg(CALLBACKTYPE_syscall, (unsigned long)syscall_entry,
		     CALLBACKF_mask_events), 0);
	/* An NMI handler, and its removal. */
	CHECK_EQ(reg(CALLBACKTYPE_nmi, (unsigned long)event_entry, 0), 0);
	CHECK_EQ(unreg(CALLBACKTYPE_nmi), 0);
	trap_table_load();	/* which the removal has changed */
}

static void not_canonical(void)
{
	static const uint16_t types[] = {
		CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
		CALLBACKTYPE_syscall, CALLBACKTYPE_sysenter,
		CALLBACKTYPE_syscall32, CALLBACKTYPE_nmi,
	};
	static const unsigned long bad[] = {
		NONCANONICAL, 0xffff7fffffffffff, 1ul << 63,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(bad); j++)
			CHECK_EQ(reg(types[i], bad[j], 0), -EINVAL);
}

static void unknown_types(void)
{
	CHECK_EQ(reg(1000, (unsigned long)event_entry, 0), -ENOSYS);
	CHECK_EQ(reg(0xffff, (unsigned long)event_entry, 0), -ENOSYS);
	CHECK_EQ(unreg(1000), -ENOSYS);
	/* These cannot be taken away. */
	CHECK_EQ(unreg(CALLBACKTYPE_event), -EINVAL);
	CHECK_EQ(unreg(CALLBACKTYPE_failsafe), -EINVAL);
	CHECK_EQ(unreg(CALLBACKTYPE_syscall), -EINVAL);
	CHECK_EQ(unreg(CALLBACKTYPE_sysenter), -EINVAL);
}

static void bad_calls(void)
{
	CHECK_EQ(hcall_callback_op(CALLBACKOP_register, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(hcall_callback_op(CALLBACKOP_register, XEN_VA), -EFAULT);
	CHECK_EQ(hcall_callback_op(CALLBACKOP_register, NONCANONICAL),
		 -EFAULT);
	CHECK_EQ(hcall_callback_op(CALLBACKOP_unregister, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(hcall_callback_op(2, NULL), -ENOSYS);
	CHECK_EQ(hcall_callback_op(-1, NULL), -ENOSYS);
}

/* After a refusal the old callback still works. */
static void old_one_stays(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_send send;
	struct evtchn_close close;
	unsigned long before = this_cpu()->upcalls;

	CHECK_EQ(reg(CALLBACKTYPE_event, NONCANONICAL, 0), -EINVAL);
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi));
	send.port = close.port = ipi.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send, &send), 0);
	CHECK(this_cpu()->upcalls > before);
	hcall_event_channel_op(EVTCHNOP_close, &close);
}

static const struct test_case cases[] = {
	{ "known types", known_types },
	{ "addresses that are not canonical", not_canonical },
	{ "unknown types", unknown_types },
	{ "bad calls", bad_calls },
	{ "after a refusal the old one stays", old_one_stays },
};

TEST_PROGRAM(callback, "callback_op", cases);

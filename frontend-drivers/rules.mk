# frontend-drivers/: linked into guest-pv (guest-pv/rules.mk); here its tests.

FRONTEND := $(BUILD)/frontend-drivers

FRONTEND_PROGRAMS := $(addprefix $(FRONTEND)/test/,udp segment)
$(FRONTEND_PROGRAMS): $(FRONTEND)/test/%: frontend-drivers/test/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

# The rings of both sides face to face, with the sanitizers on.
FRONTEND_TESTS := $(FRONTEND)/test/test_front
$(FRONTEND)/test/test_front: frontend-drivers/test/test_front.c \
		frontend-drivers/ring/front.c backend-drivers/ring/ring.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(TEST_CFLAGS)) -o $@ $^ -lcmocka

HOST_TESTS += $(FRONTEND_TESTS)
SYSTEM_TESTS += frontend-drivers/test/four-ways
SYSTEM_NEEDS += $(FRONTEND_PROGRAMS) $(BUILD)/guest-pv/guest-pv

# Both ends of split drivers: host tests, our front ends on either back end,
# Linux's on either, and back ends that die.
.PHONY: check-io
check-io: packages
	$(AGAIN) $(BACKEND_TESTS) $(FRONTEND_TESTS) $(SYSTEM_NEEDS) \
		$(DISK_NEEDS)
	@tests/run-tap -t 3600 -j 2 $(BACKEND_TESTS) $(FRONTEND_TESTS) \
		-j 1 backend-drivers/test/system/survival $(DISK_TESTS) $(NET_TESTS) \
		frontend-drivers/test/four-ways tests/system/pv-domain
	@tests/interop/pairs kernel-back-ends

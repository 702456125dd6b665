# Host tests of the hypervisor's rooms: the room's own files and stand-ins for
# the rest (host/), under ASan and UBSan.
#
# Paths are for #include "..." alone: our features.h is not the C library's.
#
#   $(call hv_host_test,NAME,FILES)   test/test_NAME.c with FILES of hypervisor/
#
# lib/string.c and lib/printf.c come along; the former under other names for
# what the C library has, too.

HV_TEST := $(BUILD)/hypervisor/test
HV_TEST_CFLAGS = $(TEST_CFLAGS) -DPV_HOST_TEST -Wno-unused-parameter \
	-iquote hypervisor/test/host -iquote hypervisor/cpu \
	-iquote hypervisor/include
HV_TEST_RENAME := $(foreach f,memcpy memset memmove memcmp strlen strnlen \
	strcmp strncmp strchr,-D$f=hv_$f)

$(HV_TEST)/string.o: hypervisor/lib/string.c
	@mkdir -p $(@D)
	@$(CC) $(HV_TEST_CFLAGS) $(HV_TEST_RENAME) -c $< -o $@

$(HV_TEST)/obj/%.o: hypervisor/%.c
	@mkdir -p $(@D)
	@echo "  CC  $< (host)"
	@$(CC) $(HV_TEST_CFLAGS) -c $< -o $@

define hv_host_test
HOST_TESTS += $(HV_TEST)/test_$(1)
$(HV_TEST)/test_$(1): $(HV_TEST)/obj/test/test_$(1).o \
		$(HV_TEST)/obj/test/host/support.o \
		$(addprefix $(HV_TEST)/obj/,$(2:.c=.o)) \
		$(HV_TEST)/obj/lib/printf.o $(HV_TEST)/string.o
	@echo "  LD  $$@"
	@$(CC) $(TEST_CFLAGS) -o $$@ $$^ -lcmocka
endef

# Devices.
$(eval $(call hv_host_test,timer,cpu/timer.c))
$(eval $(call hv_host_test,acpi,cpu/acpi.c))
$(eval $(call hv_host_test,irq,cpu/irq.c cpu/pirq.c))
$(eval $(call hv_host_test,log,lib/log.c cpu/serial.c))
$(eval $(call hv_host_test,apic,cpu/apic.c cpu/msi.c cpu/ioapic.c cpu/pci.c))

# Frames. DIRECT_BASE and FRAME_TABLE_BASE lie where the host has room.
HV_MM_FILES := mm/frame.c test/host/heap.c mm/validate.c mm/update.c mm/tlb.c \
	mm/pagetable.c test/frame_model.c test/host/memory.c
HV_MM_DEFS := -DDIRECT_BASE=0x200000000000 -DFRAME_TABLE_BASE=0x210000000000 \
	-iquote hypervisor/mm -iquote hypervisor/test
HV_MM_O := $(addprefix $(HV_TEST)/mm/,$(HV_MM_FILES:.c=.o))

$(HV_TEST)/mm/%.o: hypervisor/%.c
	@mkdir -p $(@D)
	@echo "  CC  $< (host)"
	@$(CC) $(HV_TEST_CFLAGS) $(HV_MM_DEFS) -c $< -o $@

HV_MM_TESTS := $(addprefix $(HV_TEST)/test_,frame heap)
HOST_TESTS += $(HV_MM_TESTS)
$(HV_MM_TESTS): $(HV_TEST)/%: $(HV_TEST)/mm/test/%.o $(HV_MM_O) \
		$(HV_TEST)/obj/test/host/support.o \
		$(HV_TEST)/obj/lib/printf.o $(HV_TEST)/string.o
	@echo "  LD  $@"
	@$(CC) $(TEST_CFLAGS) -o $@ $^ -lcmocka

FUZZERS += $(HV_TEST)/fuzz_frame
$(HV_TEST)/fuzz_frame: $(addprefix hypervisor/,$(HV_MM_FILES)) \
		hypervisor/test/fuzz_frame.c hypervisor/test/host/support.c \
		hypervisor/lib/printf.c $(HV_TEST)/string.o
	@echo "  LD  $@"
	@$(CLANG) $(filter-out -MMD -MP,$(HV_TEST_CFLAGS)) $(HV_MM_DEFS) \
		-Wno-gnu -fsanitize=fuzzer,address,undefined -o $@ $^

# Rooms above mm/: events, grants, reservations, on host/world.c.
HV_WORLD := test/host/world.c mm/frame.c mm/update.c mm/validate.c
HV_EVENT := $(HV_WORLD) event/port.c event/bind.c event/deliver.c event/fifo.c \
	test/event_world.c
$(eval $(call hv_host_test,event,$(HV_EVENT)))
$(eval $(call hv_host_test,fifo,$(HV_EVENT)))

# Scheduler and domains. The C library has a sched_yield(), too.
HV_SCHED_FILES := sched/core.c sched/place.c sched/pool.c sched/credit.c \
	sched/bvt.c sched/cap.c sched/trace.c sched/runstate.c sched/wait.c
HV_DOMAIN_FILES := $(HV_SCHED_FILES) domain/domain.c domain/vcpu.c domain/reaper.c \
	domain/shutdown.c domain/area.c cpu/timer.c hypercall/sched.c hypercall/subop.c \
	test/host/smp.c test/host/rooms.c
HV_SCHED_DEFS := -Dsched_yield=hv_sched_yield -iquote hypervisor/sched

$(HV_TEST)/sched/%.o: hypervisor/%.c
	@mkdir -p $(@D)
	@echo "  CC  $< (host)"
	@$(CC) $(HV_TEST_CFLAGS) $(HV_SCHED_DEFS) -c $< -o $@

$(HV_TEST)/threads.o: hypervisor/test/host/threads.c
	@mkdir -p $(@D)
	@$(CC) $(HV_TEST_CFLAGS) -c $< -o $@

define hv_sched_test
HOST_TESTS += $(HV_TEST)/test_$(1)
$(HV_TEST)/test_$(1): $(HV_TEST)/sched/test/test_$(1).o \
		$(addprefix $(HV_TEST)/sched/,$(2:.c=.o)) \
		$(HV_TEST)/obj/test/host/support.o $(HV_TEST)/threads.o \
		$(HV_TEST)/obj/lib/printf.o $(HV_TEST)/string.o
	@echo "  LD  $$@"
	@$(CC) $(TEST_CFLAGS) -o $$@ $$^ -lcmocka -lpthread
endef

$(eval $(call hv_sched_test,tlb_race,mm/tlb.c))
$(eval $(call hv_sched_test,sched_race,$(HV_DOMAIN_FILES)))
$(eval $(call hv_sched_test,pools,$(HV_DOMAIN_FILES)))
$(eval $(call hv_host_test,grant,$(HV_WORLD) grant/table.c grant/track.c \
	grant/map.c grant/copy.c))
$(eval $(call hv_host_test,reservation,$(HV_WORLD) hypercall/reservation.c \
	hypercall/memory.c hypercall/subop.c))
HV_SIM_FILES := $(filter-out sched/trace.c,$(HV_SCHED_FILES)) test/sched_sim.c test/sched_model.c
$(eval $(call hv_sched_test,credit,$(HV_SIM_FILES)))
$(eval $(call hv_sched_test,bvt,$(HV_SIM_FILES)))
$(eval $(call hv_sched_test,shares,$(HV_SIM_FILES)))
$(eval $(call hv_sched_test,soft_affinity,$(HV_SIM_FILES)))
$(eval $(call hv_sched_test,domctl,$(HV_DOMAIN_FILES) domain/cpu_policy.c \
	hypercall/domctl.c hypercall/domctl_vcpu.c hypercall/sysctl.c))

# What the scheduler does, and how fairly: docs/scheduling.md.
HOST_TESTS += hypervisor/test/sched-model
AREA_TESTS += guest-pv/checks/shares guest-pv/checks/pools tests/system/steal
SCHED_TESTS := $(addprefix $(HV_TEST)/test_,credit bvt shares soft_affinity \
	sched_race pools) \
	hypervisor/test/sched-model guest-pv/checks/shares \
	guest-pv/checks/pools tests/system/steal

.PHONY: check-sched
check-sched: packages
	$(AGAIN) $(SCHED_TESTS) $(GUEST_NEEDS) $(SYSTEM_NEEDS)
	@tests/run-tap -t $(LIMIT) $(SCHED_TESTS)

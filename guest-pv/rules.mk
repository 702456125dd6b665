# guest-pv: a small PV kernel of ours with its test programs, as one ELF.
#	build/guest-pv/guest-pv	by $(CC); guest-pv-clang/guest-pv the same by
#	clang, guest-pv-small/guest-pv one that runs in 4 MiB, without those
#	programs that have much memory of their own

GUEST_SRC := $(wildcard guest-pv/kernel/*.c guest-pv/tests/*.c)
# The front ends that it is linked with.
FRONTEND_SRC := $(filter-out frontend-drivers/test/%,$(wildcard \
	frontend-drivers/*.c frontend-drivers/*/*.c))
GUEST_ASM := $(wildcard guest-pv/kernel/*.S guest-pv/tests/*.S)
GUEST_CFLAGS := -std=gnu11 -O2 -g $(WARN) -ffreestanding -fno-pic -fno-pie \
	-mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing -fno-omit-frame-pointer -fcf-protection=none \
	-fno-tree-loop-distribute-patterns \
	-D__XEN_INTERFACE_VERSION__=0x00041100 -D__XEN_TOOLS__ \
	-Iguest-pv/include -I. -MMD -MP
GUEST_CLANG_CFLAGS := $(filter-out -fno-tree-loop-distribute-patterns, \
	$(GUEST_CFLAGS)) -fno-builtin
GUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -Wl,-T,guest-pv/guest.lds

define GUEST_BUILD
$(1)_OBJ := $$(patsubst guest-pv/%.c,$(1)/%.o,$$(filter-out $(4),$$(GUEST_SRC))) \
	$$(GUEST_ASM:guest-pv/%.S=$(1)/%.o) $$(FRONTEND_SRC:%.c=$(1)/%.o)
$(1)/frontend-drivers/%.o: frontend-drivers/%.c guest-pv/rules.mk
	@mkdir -p $$(@D)
	$(2) $(3) -c -o $$@ $$<
$(1)/%.o: guest-pv/%.c guest-pv/rules.mk
	@mkdir -p $$(@D)
	$(2) $(3) -c -o $$@ $$<
$(1)/%.o: guest-pv/%.S guest-pv/rules.mk
	@mkdir -p $$(@D)
	$(2) $(3) -c -o $$@ $$<
$(1)/guest-pv: $$($(1)_OBJ) guest-pv/guest.lds
	$$(CC) $$(GUEST_LDFLAGS) -o $$@ $$($(1)_OBJ)
endef

$(eval $(call GUEST_BUILD,$(BUILD)/guest-pv,$$(CC),$$(GUEST_CFLAGS)))
$(eval $(call GUEST_BUILD,$(BUILD)/guest-pv-clang,$$(CLANG),$$(GUEST_CLANG_CFLAGS)))

# For domains of 4 MiB: little memory of its own, and the P2M list lies in the
# bootstrap mapping, which is as large as the domain.
GUEST_SMALL := -DARENA_PAGES=64 -DP2M_IN_BOOTSTRAP
$(eval $(call GUEST_BUILD,$(BUILD)/guest-pv-small,$$(CC),$$(GUEST_CFLAGS) \
	$$(GUEST_SMALL),guest-pv/tests/disk.c guest-pv/tests/diskbench.c))

ALL += $(BUILD)/guest-pv/guest-pv

# Debian's hypervisor, for running the same programs on the original.
$(BUILD)/guest-pv/xen: $(BUILD)/debian/xen.stamp
	@mkdir -p $(@D)
	cp $(BUILD)/debian/xen.elf $@

# Scripts that boot it and print TAP; each can be run by itself, and with
# HYPERVISOR=xen on the original.
GUEST_CHECKS := $(addprefix guest-pv/checks/, \
	calls cpu memory events fifo fuzz crashes clang)
GUEST_TESTS += $(GUEST_CHECKS)
GUEST_NEEDS += $(BUILD)/paravane $(BUILD)/guest-pv/guest-pv \
	$(BUILD)/guest-pv-clang/guest-pv

.PHONY: check-guest-peer
check-guest-peer: $(BUILD)/guest-pv/guest-pv $(BUILD)/guest-pv/xen
	HYPERVISOR=xen tests/run-tap $(GUEST_CHECKS)

# The same programs as a domain without rights, made by our tools.
SYSTEM_TESTS += tests/system/guest-domain

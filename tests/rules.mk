# Whole-system tests, the demonstration, and the bench. Each script below
# tests/system/ is one test; its first lines say what it shows.

PVSTATE := $(BUILD)/tests/pvstate
DEMO_NEEDS := $(BUILD)/paravane $(BUILD)/dom0.cpio $(BUILD)/domu.cpio \
	$(DOM0_KERNEL) $(DOMU_KERNEL) $(DEBIAN)/xen.stamp $(PVSTATE)
SYSTEM_NEEDS += $(DEMO_NEEDS)

$(PVSTATE): tests/dom0/pvstate.c $(LIBVANE) $(STORE_CLIENT)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(filter-out %.h,$^)

HOST_TESTS += tests/host/dom0-tools
SYSTEM_TESTS += $(addprefix tests/system/,dom0-boot dom0-devices pv-domain \
	pv-failures)

# Error lines of the Dom0 kernel that Debian's Xen shows too, in the same
# machines: tests/allow-list.txt, kept in the tree, made anew by this target.
PEER_NEEDS := $(BUILD)/dom0-xen.cpio $(PEER_XEN) $(BUILD)/domu.cpio \
	$(DOM0_KERNEL) $(DOMU_KERNEL)

.PHONY: allow-list
allow-list: packages
	$(AGAIN) $(PEER_NEEDS)
	@rm -f $(BUILD)/allow-list
	PEER=1 RECORD=$(BUILD)/allow-list tests/run-tap -t 1800 \
		tests/system/dom0-boot tests/system/dom0-devices
	@{ echo "# Error lines of Debian's kernel as Dom0 on Debian's Xen;"; \
	echo "# numbers stand as '#'. Made by: make allow-list"; \
	LC_ALL=C sort -u $(BUILD)/allow-list; } > tests/allow-list.txt

# The bench: tests/bench/bench tells. Its tables: build/bench/tables.md.
BENCH := $(BUILD)/bench
BENCH_QUICK_NEEDS := $(BUILD)/paravane $(BUILD)/dom0.cpio $(DOM0_KERNEL) \
	$(BUILD)/guest-pv/guest-pv $(BENCH)/linux $(BENCH)/flushes.so \
	$(BENCH)/module/hypercalls.ko $(DEBIAN)/tcc.stamp
BENCH_NEEDS := $(BENCH_QUICK_NEEDS) $(SYSTEM_NEEDS) $(PEER_NEEDS) \
	$(BUILD)/dom0-libvirt.cpio \
	$(BUILD)/guest-pv/xen $(addprefix $(BENCH)/,entry.bin loaded.bin init \
	timed store)

$(BENCH)/%.bin: tests/bench/%.S
	@mkdir -p $(@D)
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext=0 \
		-o $(BENCH)/$*.elf $<
	objcopy -O binary -j .text $(BENCH)/$*.elf $@

$(BENCH)/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

$(BENCH)/store: tests/bench/store.c $(STORE_CLIENT)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^

$(BENCH)/flushes.so: tests/bench/flushes.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC -shared -fvisibility=hidden -o $@ $<

$(DEBIAN)/tcc.stamp: dom0/fetch-debian.sh
	@mkdir -p $(@D)
	dom0/fetch-debian.sh $(DEBIAN)/tcc tcc
	touch $@

# The headers of Dom0's kernel: with them Debian's gcc builds a module for it.
# Their Makefile names the place where the package would be installed.
$(DEBIAN)/headers.stamp: dom0/fetch-debian.sh $(DEBIAN)/kernels.stamp
	version=$$(ls $(DEBIAN)/dom0/lib/modules) && \
	dom0/fetch-debian.sh $(DEBIAN)/headers linux-headers-$$version \
		linux-headers-$${version%-amd64}-common \
		linux-kbuild-$${version%.*} linux-compiler-gcc-12-x86 && \
	sed -i 's|/usr/src/|../|' \
		$(DEBIAN)/headers/usr/src/linux-headers-$$version/Makefile
	touch $@

$(BENCH)/module/%.ko: tests/bench/%.c guest-pv/include/marks.h \
		$(DEBIAN)/headers.stamp
	@mkdir -p $(@D)
	cp $< $(@D)
	printf 'obj-m := $*.o\nccflags-y := -I$(CURDIR)\n' > $(@D)/Kbuild
	env -u MAKEFLAGS make -s M=$(CURDIR)/$(@D) modules -C \
		$(DEBIAN)/headers/usr/src/linux-headers-$$(ls \
		$(DEBIAN)/dom0/lib/modules)

RUNS ?= 3
.PHONY: bench bench-table bench-quick bench-baseline
bench: packages
	$(AGAIN) $(BENCH_NEEDS)
	@tests/bench/bench --runs $(RUNS) $(AREAS)

# The tables of the last run of each area, into docs/performance.md.
bench-table:
	@tests/bench/bench --docs

# One area of it: bench-boot, bench-primitives, ...
BENCH_AREAS := $(addprefix bench-,primitives primitives-2 linux linux-2 domain \
	domain-2 scale boot footprint sched io net)
.PHONY: $(BENCH_AREAS)
$(BENCH_AREAS): bench-%: packages
	$(AGAIN) $(BENCH_NEEDS)
	@tests/bench/bench --runs $(RUNS) $*

# What the toolstack costs is measured beside what the store does.
.PHONY: bench-toolstack
bench-toolstack: bench-scale

bench-quick bench-baseline: bench-%: packages
	$(AGAIN) $(BENCH_QUICK_NEEDS)
	@tests/bench/bench --$*

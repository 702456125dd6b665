# toolstack/: sys/ (access to the /dev/xen nodes, for every Dom0 program),
# libvane, and the vane command line.

TOOLSTACK := $(BUILD)/toolstack
comma := ,

TOOLSTACK_SYS := $(addprefix $(TOOLSTACK)/sys/,privcmd.o evtchn.o gntdev.o io.o)
# And what a daemon needs besides.
DAEMON_SYS := $(TOOLSTACK)/sys/evtchn_late.o

# Pure parts, which the host tests and fuzzers compile anew.
LIBVANE_IMAGE := $(addprefix toolstack/libvane/,image.c layout.c place.c)
UNWRAP := toolstack/unwrap/unwrap.c
LIBVANE_CONFIG := $(addprefix toolstack/libvane/,cfg.c report.c config.c \
	config_values.c config_other.c config_disk.c config_vif.c text.c)
LIBVANE_CONVERT := $(addprefix toolstack/libvane/,config_json.c config_text.c \
	config_from_json.c)
LIBVANE_SRC := $(LIBVANE_IMAGE) $(LIBVANE_CONFIG) \
	$(LIBVANE_CONVERT) \
	$(addprefix toolstack/libvane/,context.c messages.c hv.c host.c \
	domains.c settings.c kernel_file.c kernel_cache.c build_memory.c \
	build_unpack.c build_load.c \
	build_vcpu.c limits.c entries.c device.c device_up.c \
	device_down.c device_plan.c device_attach.c hotplug.c sched.c trace.c \
	pools.c pool_config.c config_next.c tune.c create.c \
	destroy.c power.c names.c p2m.c core.c child.c script.c resize.c \
	disk_counts.c \
	bootloader.c)
VANE_SRC := $(wildcard toolstack/vane/*.c)

toolstack_objs = $(patsubst toolstack/%.c,$(TOOLSTACK)/%.o,$(1))
LIBVANE := $(TOOLSTACK)/libvane.a

# Of what nobody calls nothing is linked: less to map, and to fault in.
$(TOOLSTACK)/%.o: CFLAGS += -ffunction-sections -fdata-sections
$(TOOLSTACK)/%.o: toolstack/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(LIBVANE): $(call toolstack_objs,$(LIBVANE_SRC)) $(TOOLSTACK_SYS)
	rm -f $@
	$(AR) rcs $@ $^

# Linked statically: each shared library costs a million instructions before
# main(), more than most commands take after it.
.SECONDEXPANSION:
CONSOLE_HISTORY := $(addprefix $(BUILD)/backend-drivers/console/,history.o \
	guestlog.o)
$(BUILD)/vane: $(call toolstack_objs,$(VANE_SRC)) $(LIBVANE) $(CONSOLE_HISTORY) \
		$$(STORE_CLIENT)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections -static -o $@ $^ -lyajl_s

ALL += $(TOOLSTACK_SYS) $(LIBVANE) $(BUILD)/vane
DOM0_FILES += $(BUILD)/vane:/usr/sbin/vane

# --- helper programs: what vane need not be linked with ------------------------

# In the guest's disk: no shared library is to be found in its sandbox.
BOOTLOADER := $(addprefix toolstack/bootloader/,menu.c menu_grub.c \
	menu_legacy.c disk.c ext.c pick.c) toolstack/sys/io.c
BOOTLOADER_LIBS := -lext2fs -lcom_err
$(BUILD)/vane-bootloader: $(call toolstack_objs,$(BOOTLOADER) \
		$(addprefix toolstack/bootloader/,sandbox.c main.c))
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ $(BOOTLOADER_LIBS) \
		-lseccomp

# A kernel out of a bzImage, in the same sandbox.
UNWRAP_LIBS := -llzma -llz4 -lz -lzstd -lbz2 -llzo2
$(BUILD)/vane-unwrap: $(call toolstack_objs,$(UNWRAP) \
		$(addprefix toolstack/,unwrap/main.c bootloader/sandbox.c \
		sys/privcmd.c))
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ $(UNWRAP_LIBS) -lseccomp

# OVF appliances: the XML library brings many others.
IMPORT := $(addprefix toolstack/import/,ovf.c ova.c manifest.c) toolstack/sys/io.c
IMPORT_LIBS := -larchive -lxml2 -lnettle
XML_CFLAGS := -I/usr/include/libxml2
$(TOOLSTACK)/import/ovf.o: toolstack/import/ovf.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(XML_CFLAGS) -c -o $@ $<

$(BUILD)/vane-import: $(call toolstack_objs,$(IMPORT) \
		$(addprefix toolstack/import/,convert.c main.c) \
		toolstack/vane/json.c)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(IMPORT_LIBS) -lyajl_s

ALL += $(BUILD)/vane-bootloader $(BUILD)/vane-unwrap $(BUILD)/vane-import
DOM0_FILES += $(foreach p,bootloader unwrap,\
	$(BUILD)/vane-$(p):/usr/lib/vane/vane-$(p))

# --- host tests and fuzzers ----------------------------------------------------

TOOLSTACK_TEST_CFLAGS = $(filter-out -MMD -MP,$(TEST_CFLAGS))
TOOLSTACK_H := $(wildcard toolstack/*.h toolstack/libvane/*.h toolstack/unwrap/*.h)

$(TOOLSTACK)/test/test_config: toolstack/test/test_config.c $(LIBVANE_CONFIG) \
		$(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

$(TOOLSTACK)/test/test_image: toolstack/test/test_image.c $(LIBVANE_IMAGE) \
		$(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

$(TOOLSTACK)/test/test_unwrap: toolstack/test/test_unwrap.c $(UNWRAP) \
		toolstack/libvane/image.c $(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka \
		$(UNWRAP_LIBS)

# Its fakes stand for the helper and the hypervisor.
$(TOOLSTACK)/test/test_unpack: toolstack/test/test_unpack.c $(LIBVANE_IMAGE) \
		toolstack/libvane/build_unpack.c toolstack/sys/io.c \
		$(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

$(TOOLSTACK)/test/test_kernel_cache: toolstack/test/test_kernel_cache.c \
		toolstack/libvane/kernel_cache.c toolstack/sys/io.c \
		$(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) \
		-DCACHE_DIR='"$(abspath $(TOOLSTACK))/test/cache"' -o $@ \
		$(filter %.c,$^) -lcmocka

# Their fake hypervisor takes the place of hv.c; the store daemon is real.
STORE_WORLD := toolstack/test/store_world.c \
	$(addprefix toolstack/libvane/,entries.c device.c device_up.c \
	device_down.c device_plan.c device_attach.c settings.c hotplug.c \
	child.c script.c config_next.c config_text.c destroy.c power.c \
	names.c messages.c) toolstack/sys/io.c $(LIBVANE_CONFIG)

$(TOOLSTACK)/test/test_store: TEST_LINK := -Wl,--wrap=store_call_text
$(TOOLSTACK)/test/test_store $(TOOLSTACK)/test/test_devices: \
		$(TOOLSTACK)/test/%: toolstack/test/%.c $(STORE_WORLD) \
		$(TOOLSTACK_H) toolstack/test/store_world.h $$(STORE_CLIENT) \
		$(BUILD)/xenstore/vane-stored
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) \
		-DSTORED='"$(abspath $(BUILD))/xenstore/vane-stored"' \
		-DDEVICE_GONE_MS=4000 -DSCRIPT_MS=1000 -DTAKEN_MS=300 \
		$(TEST_LINK) -o $@ $(filter %.c %.o,$^) -lcmocka

# The commands with a fake library below them.
$(TOOLSTACK)/test/test_golden: toolstack/test/test_golden.c \
		$(addprefix toolstack/vane/,print.c json.c each.c list_json.c \
		list_table.c devices.c sched.c $(patsubst %,cmd_%.c,info list \
		claims uptime vm_list vcpu_list cpupool_list block_list \
		network_list sched_credit sched_credit2)) \
		$(LIBVANE_CONFIG) $(TOOLSTACK_H) $(wildcard toolstack/vane/*.h)
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka -lyajl_s

$(TOOLSTACK)/test/fuzz_config: toolstack/test/fuzz_config.c $(LIBVANE_CONFIG) \
		$(LIBVANE_CONVERT) $(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CLANG) $(TOOLSTACK_TEST_CFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter %.c,$^) -lyajl_s

$(TOOLSTACK)/test/fuzz_image: toolstack/test/fuzz_image.c $(LIBVANE_IMAGE) \
		$(UNWRAP) $(TOOLSTACK_H)
	@mkdir -p $(@D)
	$(CLANG) $(TOOLSTACK_TEST_CFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter %.c,$^) $(UNWRAP_LIBS)

$(TOOLSTACK)/test/fuzz_menu: toolstack/test/fuzz_menu.c $(BOOTLOADER) \
		$(wildcard toolstack/bootloader/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(TOOLSTACK_TEST_CFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter %.c,$^) $(BOOTLOADER_LIBS)

$(TOOLSTACK)/test/fuzz_disk: toolstack/test/fuzz_disk.c $(BOOTLOADER) \
		$(wildcard toolstack/bootloader/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(TOOLSTACK_TEST_CFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter %.c,$^) $(BOOTLOADER_LIBS)

$(TOOLSTACK)/test/fuzz_ovf: toolstack/test/fuzz_ovf.c $(IMPORT) \
		$(wildcard toolstack/import/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(TOOLSTACK_TEST_CFLAGS) $(XML_CFLAGS) -fsanitize=fuzzer -o $@ \
		$(filter %.c,$^) $(IMPORT_LIBS)

toolstack/test/bootloader: $(BUILD)/vane-bootloader
toolstack/test/completion: $(BUILD)/vane
toolstack/test/import: $(BUILD)/vane-import
toolstack/test/unwrap: $(BUILD)/vane-unwrap $$(DEBIAN)/kernels.stamp
HOST_TESTS += $(addprefix toolstack/test/,configs bootloader unwrap import \
	completion) \
	$(addprefix $(TOOLSTACK)/test/,test_config test_image \
	test_unwrap test_unpack test_kernel_cache test_store test_devices \
	test_golden)
FUZZERS += $(addprefix $(TOOLSTACK)/test/,fuzz_config fuzz_image fuzz_menu \
	fuzz_disk fuzz_ovf)

# vane whose operations fail, one after the other; see its file.
FAULTS := hv_domctl hv_domctl_simple hv_sysctl hv_memory_op hv_domain_info \
	hv_populate hv_pin_l4 hv_clear_frames hv_alloc_unbound store_call \
	store_call_text privcmd_map_foreign privcmd_map_resource memfd_create \
	fork main
$(TOOLSTACK)/test/vane-faulty: $(TOOLSTACK)/test/faulty.o \
		$(call toolstack_objs,$(VANE_SRC)) $(LIBVANE) $(CONSOLE_HISTORY) \
		$$(STORE_CLIENT)
	$(CC) $(CFLAGS) $(LDFLAGS) -static $(addprefix -Wl$(comma)--wrap=,\
		$(FAULTS)) -o $@ $^ -lyajl_s

# --- the area's whole suite -----------------------------------------------------

TOOLSTACK_HOST := $(filter toolstack/% $(TOOLSTACK)/%,$(HOST_TESTS))
# Machines of their own, too long for `make check`.
TOOLSTACK_SYSTEM := $(addprefix toolstack/test/system/,commands devices \
	life-cycle host appliance guest-image cluster thousand)
TOOLSTACK_SYSTEM_NEEDS := $(TOOLSTACK)/test/vane-faulty \
	$(addprefix $(BUILD)/,guest-pv/guest-pv guest-pv-small/guest-pv)

.PHONY: check-toolstack
check-toolstack: packages
	$(AGAIN) $(TOOLSTACK_HOST) $(SYSTEM_NEEDS) $(TOOLSTACK_SYSTEM_NEEDS)
	@tests/run-tap -t 3600 -j 2 $(TOOLSTACK_HOST) \
		-j 1 $(TOOLSTACK_SYSTEM)

# What Debian's xl makes of the corpus of xl.cfg files, anew: minutes.
.PHONY: record-xl-cfg
record-xl-cfg: packages
	$(AGAIN) $(PEER_NEEDS)
	@toolstack/test/record-xl-cfg

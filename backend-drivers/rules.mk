# backend-drivers/: ring/ (the ring reader), base/ (event loop, store devices)
# and the three daemons console/, block/, net/.

BACKEND := $(BUILD)/backend-drivers

BACKEND_RING := ring/ring.c ring/stream.c
BACKEND_BASE := $(addprefix base/,log.c loop.c ports.c grants.c domains.c \
	daemon.c bus.c \
	worker.c confine.c served.c serve.c)
BACKEND_CONSOLE := $(addprefix console/,backlog.c guestlog.c history.c pty.c console.c \
	consoled.c)
BACKEND_BLOCK := base/uring.c $(addprefix block/,proto.c buffers.c limit.c image.c \
	target.c raw.c nbd.c format.c memory.c persist.c queue.c blockd.c)
BACKEND_NET := base/uring.c $(addprefix net/,layers.c gather.c offload.c hash.c filter.c \
	rate.c pace.c wire.c announce.c memory.c tap.c transmit.c receive.c control.c vif.c \
	front.c netd.c)

backend_objs = $(patsubst %.c,$(BACKEND)/%.o,$(1))

# What every daemon is linked with: the rings, the loop, the way to Xen's
# nodes and the store.
BACKEND_COMMON = $(call backend_objs,$(BACKEND_RING) $(BACKEND_BASE)) \
	$(TOOLSTACK_SYS) $(DAEMON_SYS) $(STORE_CLIENT)

# A request passes through six files: functions go where they are called,
# over the files' borders.
$(BACKEND)/%.o: CFLAGS += -flto=auto

$(BACKEND)/%.o: backend-drivers/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

.SECONDEXPANSION:
$(BUILD)/vane-consoled: $(call backend_objs,$(BACKEND_CONSOLE)) \
		$$(BACKEND_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lseccomp

$(BUILD)/vane-blockd: $(call backend_objs,$(BACKEND_BLOCK)) $$(BACKEND_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lseccomp -luring

$(BUILD)/vane-netd: $(call backend_objs,$(BACKEND_NET)) $$(BACKEND_COMMON)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lseccomp -luring

BACKEND_DAEMONS := $(addprefix $(BUILD)/vane-,consoled blockd netd)
ALL += $(BACKEND_DAEMONS)
DOM0_FILES += $(foreach d,$(BACKEND_DAEMONS),$(d):/usr/sbin/$(notdir $(d)))

# --- host tests and fuzzers ---------------------------------------------------

# Tests compile their parts anew, with the sanitizers on.
BACKEND_TEST_CFLAGS = $(filter-out -MMD -MP,$(TEST_CFLAGS))
BACKEND_H := $(wildcard backend-drivers/*/*.h)
backend_test = $(addprefix backend-drivers/,test/$(1).c $(2)) $(BACKEND_H)

BACKEND_TESTS := $(addprefix $(BACKEND)/test/test_,ring console block raw \
	queue net steer vif ports)
BACKEND_FUZZERS := $(addprefix $(BACKEND)/test/fuzz_,ring requests)

$(BACKEND)/test/test_ring: $(call backend_test,test_ring,$(BACKEND_RING))
$(BACKEND)/test/test_console: $(call backend_test,test_console,\
	console/backlog.c console/guestlog.c console/history.c console/pty.c)
$(BACKEND)/test/test_block: $(call backend_test,test_block,\
	block/proto.c block/buffers.c block/limit.c)
$(BACKEND)/test/test_raw: $(call backend_test,test_raw,\
	block/buffers.c block/limit.c block/target.c block/raw.c \
	base/uring.c base/loop.c)
$(BACKEND)/test/test_raw: BACKEND_TEST_LIBS := -luring
$(BACKEND)/test/test_queue: $(call backend_test,test_queue,\
	block/proto.c block/buffers.c block/limit.c block/target.c \
	base/uring.c block/raw.c block/nbd.c block/persist.c block/queue.c ring/ring.c \
	base/loop.c base/log.c)
$(BACKEND)/test/test_queue: BACKEND_TEST_LIBS := -luring
$(BACKEND)/test/test_net: $(call backend_test,test_net,\
	net/layers.c net/gather.c net/offload.c net/hash.c net/filter.c \
	net/rate.c ring/ring.c)
$(BACKEND)/test/test_steer: $(call backend_test,test_steer,\
	net/layers.c net/hash.c net/filter.c net/pace.c net/announce.c \
	base/loop.c)
$(BACKEND)/test/test_vif: $(call backend_test,test_vif,\
	net/layers.c net/gather.c net/offload.c net/hash.c net/filter.c \
	net/rate.c net/pace.c net/announce.c net/wire.c net/transmit.c net/receive.c net/control.c \
	ring/ring.c base/loop.c base/uring.c)
$(BACKEND)/test/test_vif: BACKEND_TEST_LIBS := -luring
$(BACKEND)/test/test_ports: $(call backend_test,test_ports,\
	base/ports.c base/loop.c base/log.c) toolstack/sys/evtchn_late.c
$(BACKEND)/test/fuzz_ring: $(call backend_test,fuzz_ring,$(BACKEND_RING))
$(BACKEND)/test/fuzz_requests: $(call backend_test,fuzz_requests,\
	block/proto.c net/layers.c net/gather.c net/offload.c net/hash.c \
	net/filter.c ring/ring.c)

$(BACKEND_TESTS):
	@mkdir -p $(@D)
	$(CC) $(BACKEND_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka $(BACKEND_TEST_LIBS)

$(BACKEND_FUZZERS):
	@mkdir -p $(@D)
	$(CLANG) $(BACKEND_TEST_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c,$^)

# What whole-system tests have in their machines.
BACKEND_PROGRAMS := $(addprefix $(BACKEND)/test/,stream offload pauses)
$(BACKEND_PROGRAMS): $(BACKEND)/test/%: backend-drivers/test/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

HOST_TESTS += $(BACKEND_TESTS)
FUZZERS += $(BACKEND_FUZZERS)
SYSTEM_TESTS += backend-drivers/test/system/survival
SYSTEM_NEEDS += $(BACKEND_PROGRAMS)
NET_TESTS := $(addprefix backend-drivers/test/system/net-,hostile setups load)
AREA_TESTS += $(NET_TESTS)
DISK_TESTS := $(addprefix backend-drivers/test/system/disk-,load files \
	formats)
AREA_TESTS += $(DISK_TESTS)

# fio, unpacked only. For the engines of other storage systems that it is
# linked with, whose libraries are large, it has libraries of empty functions.
FIO := $(BUILD)/debian/fio
FIO_OTHERS := gfapi.so.0 nbd.so.0 ibverbs.so.1 rdmacm.so.1 rados.so.2 \
	rbd.so.1 pmemblk.so.1 pmem.so.1
$(FIO).stamp: dom0/fetch-debian.sh backend-drivers/test/empty-library
	dom0/fetch-debian.sh $(FIO) fio libaio1 libnuma1
	mkdir -p $(FIO)/others
	for l in $(FIO_OTHERS); do \
		backend-drivers/test/empty-library $(FIO)/usr/bin/fio \
			$(FIO)/others/lib$$l || exit 1; \
	done
	touch $@

DISK_NEEDS := $(FIO).stamp

# xenstore/: vane-stored, the client library that the other programs link,
# and the tests of both.

STORE := $(BUILD)/xenstore

# What a program that uses the store links.
STORE_CLIENT := $(addprefix $(STORE)/client/,store.o connection.o)

# The daemon's heart, which the host tests drive without sockets or Xen; and
# the rest, which makes it a program.
STORE_CORE := $(addprefix xenstore/daemon/,memory.c log.c hash.c path.c \
	perms.c dir.c tree.c pathset.c quota.c rate.c server.c domain.c nodeop.c \
	watch.c tx.c conn.c ring.c journal.c graph.c save.c recover.c request.c request_node.c request_conn.c \
	request_domain.c check.c control.c hv_none.c)
STORE_MAIN := $(addprefix xenstore/daemon/,loop.c socket.c holder.c hv_xen.c \
	main.c)

# As for back ends: a request passes through a dozen files.
$(STORE)/daemon/%.o: CFLAGS += -flto=auto

$(STORE)/%.o: xenstore/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(STORE)/vane-stored: $(patsubst %.c,$(BUILD)/%.o,$(STORE_CORE) $(STORE_MAIN)) \
		$(TOOLSTACK_SYS) $(DAEMON_SYS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

ALL += $(STORE)/vane-stored $(STORE_CLIENT)
DOM0_FILES += $(STORE)/vane-stored:/usr/sbin/vane-stored

# Host tests: the core compiled anew with the sanitizers on.
$(STORE)/asan/%.o: xenstore/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -c -o $@ $<

STORE_ASAN := $(patsubst xenstore/%.c,$(STORE)/asan/%.o,$(STORE_CORE))
STORE_HARNESS := $(addprefix $(STORE)/asan/test/,harness.o steps.o \
	steps_socket.o steps_domain.o guest_ring.o)

STORE_TESTS := $(addprefix $(STORE)/test/,test_tree test_rules test_quota \
	test_ring test_model test_recover test_log test_fair)

$(STORE_TESTS): $(STORE)/test/%: $(STORE)/asan/test/%.o $(STORE_HARNESS) \
		$(STORE_ASAN)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -o $@ $^ -lcmocka

HOST_TESTS += $(STORE_TESTS)

# The daemon with the sanitizers on, for tests that talk to it as a program.
$(STORE)/test/vane-stored: $(STORE_ASAN) \
		$(patsubst xenstore/%.c,$(STORE)/asan/%.o,$(STORE_MAIN)) \
		$(TOOLSTACK_SYS) $(DAEMON_SYS)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -o $@ $^

# Without sanitizers, so that it runs inside a Dom0 image too.
$(STORE)/conformance: $(addprefix $(STORE)/test/,conformance.o \
		conformance_domain.o conformance_ring.o guest_ring.o spawn.o \
		steps.o steps_socket.o steps_domain.o) $(TOOLSTACK_SYS)
	$(CC) $(CFLAGS) -o $@ $^

xenstore/test/run-conformance: $(STORE)/conformance $(STORE)/test/vane-stored
xenstore/test/run-debian-clients: $(STORE)/test/vane-stored
xenstore/test/run-vane-store: $(STORE)/test/vane-stored $(BUILD)/vane
HOST_TESTS += $(addprefix xenstore/test/,run-conformance run-debian-clients \
	run-vane-store)

$(STORE)/test/test_client: $(addprefix $(STORE)/asan/,test/test_client.o \
		test/spawn.o client/store.o client/connection.o) $(STORE)/test/vane-stored
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.o,$^) -lcmocka

$(STORE)/test/test_bad: $(addprefix $(STORE)/asan/,test/test_bad.o \
		test/spawn.o client/store.o client/connection.o) $(STORE)/test/vane-stored
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.o,$^) -lcmocka

HOST_TESTS += $(STORE)/test/test_client $(STORE)/test/test_bad

# Killed again and again: the daemon on a hypervisor of files.
$(STORE)/test/vane-stored-file: $(STORE_ASAN) $(patsubst xenstore/%.c, \
		$(STORE)/asan/%.o,$(subst daemon/hv_xen,test/hv_file, \
		$(STORE_MAIN)))
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -o $@ $^

$(STORE)/test/test_kill: $(addprefix $(STORE)/asan/,test/test_kill.o \
		test/rounds.o test/guest.o test/guest_ring.o test/spawn.o client/store.o client/connection.o) \
		$(STORE)/test/vane-stored-file
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.o,$^) -lcmocka

HOST_TESTS += $(STORE)/test/test_kill

# The fuzzer: all of the core in one compilation, with clang's coverage.
$(STORE)/test/fuzz_wire: $(addprefix xenstore/test/,fuzz_wire.c harness.c \
		steps.c) $(STORE_CORE)
	@mkdir -p $(@D)
	$(CLANG) $(filter-out -MMD -MP,$(TEST_CFLAGS)) -fsanitize=fuzzer \
		-o $@ $^ -lcmocka

FUZZERS += $(STORE)/test/fuzz_wire

# In a machine: the same client test without sanitizers.
$(STORE)/test_client: $(addprefix $(STORE)/,test/test_client.o test/spawn.o \
		client/store.o client/connection.o)
	$(CC) $(CFLAGS) -o $@ $^ -lcmocka

SYSTEM_TESTS += xenstore/test/run-in-dom0
$(STORE)/storm: $(addprefix $(STORE)/,test/storm.o test/rounds.o \
		client/store.o client/connection.o)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^

SYSTEM_TESTS += xenstore/test/run-killed
SYSTEM_NEEDS += $(STORE)/storm
SYSTEM_NEEDS += $(STORE)/conformance $(STORE)/test_client $(STORE)/vane-stored \
	$(BUILD)/debian/xen.stamp

# Figures beside Debian's two daemons.
$(STORE)/bench/client: xenstore/bench/client.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

.PHONY: bench-xenstore
bench-xenstore: packages
	$(AGAIN) $(STORE)/bench/client $(STORE)/vane-stored $(BUILD)/paravane \
		$(BUILD)/dom0-xen.cpio $(DOM0_KERNEL)
	@xenstore/bench/run

# All that the store's own tests are, those too that are long for `make check`.
STORE_HOST_TESTS := $(filter $(STORE)/% xenstore/%,$(HOST_TESTS))
STORE_SYSTEM_TESTS := xenstore/test/run-in-dom0 xenstore/test/run-rules \
	xenstore/test/run-killed-full
.PHONY: check-xenstore
check-xenstore: packages
	$(AGAIN) $(STORE_HOST_TESTS) $(SYSTEM_NEEDS) $(BUILD)/dom0-xen.cpio \
		$(BUILD)/guest-pv/guest-pv
	@tests/run-tap -t 3600 -j 2 $(STORE_HOST_TESTS) -j 1 $(STORE_SYSTEM_TESTS)

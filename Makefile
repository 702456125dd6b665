# Paravane: one Makefile, non-recursive; everything it makes lies in build/.
#
#   make              builds all
#   make check        builds and passes every test, the longest in short forms;
#                     check-host, check-guest, check-system are its parts, whole
#   make test T=PATH  runs one test, showing each of its lines
#   make demo         the whole story in a machine, told as it happens
#   make run          leaves you at a Dom0 shell (^A x ends the machine)
#   make fuzz         each fuzzer for a minute (FUZZ_TIME=seconds)
#   make bench        figures beside Debian's Xen and the bare machine;
#                     bench-AREA: one of its areas (bench-boot, ...);
#                     bench-toolstack: create, list, destroy, the store
#                     (AREAS="boot linux" for some, RUNS=3 times)
#   make bench-table  the last tables of it into docs/performance.md
#   make bench-quick  instruction counts of ours against the baseline
#   make check-toolstack  the whole suite of toolstack/, machines too
#   make check-io         back ends and front ends, machines too
#   make check-interop  our parts beside Debian's originals, every mixture
#   make allow-list   the error lines that Debian's Xen shows too, anew
#
# A folder's rules.mk may add to these lists, and holds the rules for them:
#   ALL         what a plain `make` builds
#   HOST_TESTS  test programs that run here and print TAP (cmocka, ASan+UBSan)
#   GUEST_TESTS scripts that boot guest-pv and print TAP
#   GUEST_NEEDS what the guest tests want built
#   SYSTEM_TESTS scripts that boot whole machines and print TAP
#   AREA_TESTS  machines that are long, and run by an area's target alone
#   SYSTEM_NEEDS what the system tests want built
#   FUZZERS     libFuzzer programs; `make fuzz` runs each for a minute
#   DOM0_FILES  build/path:/path/in/dom0 pairs that go into the Dom0 image
# Compilers' flags: CFLAGS (userland), TEST_CFLAGS (adds sanitizers),
# HV_CFLAGS (freestanding; hypervisor/rules.mk).

BUILD := build
CC ?= gcc
CLANG ?= clang

WARN := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Wundef -Wimplicit-fallthrough
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARN) -D_GNU_SOURCE -I. -MMD -MP
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
TEST_CFLAGS = $(CFLAGS) -O1 $(SANITIZE)
FUZZ_TIME ?= 60
# Seconds that one test may take at most, on a slow or busy machine.
LIMIT ?= 1800

ALL :=
HOST_TESTS :=
GUEST_TESTS :=
GUEST_NEEDS :=
SYSTEM_TESTS :=
AREA_TESTS :=
SYSTEM_NEEDS :=
FUZZERS :=
DOM0_FILES :=

.PHONY: all
all: build-all

-include hypervisor/rules.mk
-include guest-pv/rules.mk
-include toolstack/rules.mk
-include xenstore/rules.mk
-include backend-drivers/rules.mk
-include frontend-drivers/rules.mk
-include dom0/rules.mk
-include tests/rules.mk
-include tests/interop/rules.mk

.PHONY: build-all clean
build-all: $(ALL)

clean:
	rm -rf $(BUILD)

# The entry points below first install what is missing of dom0/packages.txt,
# then call make again: only then may rules rely on compilers and libraries.
# Compiling uses every CPU; the tests themselves are timed on a quiet machine.
AGAIN = +@$(MAKE) --no-print-directory -j$(shell nproc)

.PHONY: check check-host check-guest check-system test fuzz demo run
check: packages
	$(AGAIN) $(ALL) $(HOST_TESTS) $(GUEST_NEEDS) $(SYSTEM_NEEDS)
	@SHORT=1 tests/run-tap -t $(LIMIT) -j 2 $(HOST_TESTS) \
		-j 1 $(GUEST_TESTS) $(SYSTEM_TESTS)

check-host: packages
	$(AGAIN) $(HOST_TESTS)
	@tests/run-tap -j 2 $(HOST_TESTS)

check-guest: packages
	$(AGAIN) $(GUEST_NEEDS)
	@tests/run-tap -t $(LIMIT) $(GUEST_TESTS)

check-system: packages
	$(AGAIN) $(SYSTEM_NEEDS)
	@tests/run-tap -t $(LIMIT) $(SYSTEM_TESTS)

# What a single test wants built: itself, and what its kind needs.
T_NEEDS = $(T) $(if $(filter guest-pv/checks/%,$(T)),$(GUEST_NEEDS)) \
	$(if $(filter tests/system/% toolstack/test/system/% \
		backend-drivers/test/system/% frontend-drivers/test/four-ways,\
		$(T)),$(SYSTEM_NEEDS)) \
	$(if $(filter $(DISK_TESTS),$(T)),$(DISK_NEEDS))
test: packages
	@test -n "$(T)" || { echo "usage: make test T=PATH, one of:"; \
		printf '  %s\n' $(HOST_TESTS) $(GUEST_TESTS) $(SYSTEM_TESTS) \
		$(AREA_TESTS); \
		exit 2; }
	$(AGAIN) $(T_NEEDS)
	@tests/run-tap -v -t $(LIMIT) $(T)

fuzz: packages
	$(AGAIN) $(FUZZERS)
	@for f in $(FUZZERS); do \
		echo "== $$f, $(FUZZ_TIME) s"; \
		mkdir -p $$f.corpus && \
		$$f -max_total_time=$(FUZZ_TIME) -print_final_stats=1 \
			-artifact_prefix=$$f- $$f.corpus || exit 1; \
	done

demo: packages
	$(AGAIN) $(DEMO_NEEDS)
	@tests/demo

run: packages
	$(AGAIN) $(DEMO_NEEDS)
	@truncate -s 16M $(BUILD)/demo.img
	@tests/run-machine --interactive --domu --loglevel 4 \
		--file $(BUILD)/demo.img:/root/demo.img \
		--file dom0/demo.cfg:/etc/vane/demo.cfg

# Header dependencies, written by the compiler beside each object.
-include $(shell find $(BUILD) -path $(BUILD)/debian -prune -o \
	-name '*.d' -type f -print 2>/dev/null)

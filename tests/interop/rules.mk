# Interoperation: our parts beside Debian's originals, tests/interop/pairs.
#
#   make check-interop   every pair; each pair's result stays in build/interop
#   make interop-table   docs/interoperation.md from those results

SYSTEM_TESTS += tests/system/interop
SYSTEM_NEEDS += $(PEER_NEEDS) $(BUILD)/dom0-libvirt.cpio

.PHONY: check-interop interop-table
check-interop: packages
	$(AGAIN) $(SYSTEM_NEEDS)
	@tests/run-tap -t 3600 tests/interop/pairs; status=$$?; \
		tests/interop/pairs --table; exit $$status

interop-table:
	@tests/interop/pairs --table

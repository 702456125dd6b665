# The hypervisor: freestanding C11, links nothing. Objects are listed room by
# room; build/paravane.elf has the symbols, build/paravane is the same in a
# 32-bit container, which QEMU's -kernel accepts.

HV_OBJS := \
	boot/start.o boot/multiboot.o boot/main.o \
	cpu/entry.o cpu/trap.o cpu/desc.o cpu/features.o \
	cpu/dump.o \
	mm/memory.o mm/heap.o mm/frame.o mm/validate.o mm/update.o mm/tlb.o \
	mm/pagetable.o mm/guest.o \
	pv/bounce.o pv/iret.o pv/emulate.o pv/ptwr.o pv/switch.o pv/vcpu.o \
	pv/segments.o pv/cpuid.o pv/msr.o \
	event/port.o event/bind.o event/deliver.o event/fifo.o \
	grant/table.o grant/track.o grant/map.o grant/copy.o hypercall/grant.o \
	hypercall/event.o hypercall/memory.o hypercall/reservation.o \
	domain/elf.o domain/dom0_memory.o domain/dom0_layout.o \
	domain/dom0_build.o \
	hypercall/table.o hypercall/subop.o hypercall/mmu.o hypercall/pv.o \
	lib/string.o lib/printf.o lib/log.o

# Scheduler, domains.
HV_OBJS += \
	sched/core.o sched/place.o sched/pool.o sched/credit.o sched/bvt.o \
	sched/cap.o sched/trace.o sched/runstate.o sched/wait.o \
	domain/domain.o domain/vcpu.o domain/area.o domain/shutdown.o domain/reaper.o \
	domain/cpu_policy.o \
	hypercall/vcpu.o hypercall/sched.o hypercall/version.o \
	hypercall/domctl.o hypercall/domctl_vcpu.o hypercall/sysctl.o

# Devices: interrupts, time, console, ports.
HV_OBJS += \
	cpu/serial.o cpu/acpi.o cpu/apic.o cpu/smp.o \
	cpu/clock.o cpu/time.o cpu/timer.o \
	cpu/irq.o cpu/pirq.o cpu/ioapic.o cpu/msi.o cpu/pci.o \
	cpu/ports.o cpu/reboot.o \
	hypercall/console.o hypercall/physdev.o hypercall/platform.o

# make HV_DEBUG=1 BUILD=build/debug: checks the order of locks.
HV_DEBUG ?= 0
HV_WARN := $(WARN) -Wno-unused-parameter
HV_CFLAGS := -std=gnu11 -O2 -g $(HV_WARN) -ffreestanding -fno-builtin-printf \
	-nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-isystem /usr/include -fpie -mcmodel=small -include hypervisor/include/visibility.h \
	-mno-red-zone \
	-mno-sse -mno-mmx -mno-80387 -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fomit-frame-pointer -fcf-protection=none \
	-DPV_DEBUG=$(HV_DEBUG) -Ihypervisor/cpu -Ihypervisor/include -MMD -MP

HV_O := $(addprefix $(BUILD)/hypervisor/,$(HV_OBJS))

$(BUILD)/hypervisor/%.o: hypervisor/%.c hypervisor/include/visibility.h
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(HV_CFLAGS) -c $< -o $@

$(BUILD)/hypervisor/%.o: hypervisor/%.S
	@mkdir -p $(@D)
	@echo "  AS  $<"
	@$(CC) $(HV_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

# Linked twice: first without symbols, then with the table of them that stack
# traces need. The table lies behind all code, whose addresses stay.
HV_LINK = $(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack \
	--no-warn-rwx-segments -T hypervisor/boot/image.lds
HV_SYM := $(BUILD)/hypervisor/symbols

$(HV_SYM)-none.S: hypervisor/boot/make-symbols
	@mkdir -p $(@D)
	@$< < /dev/null > $@

$(HV_SYM).S: $(HV_SYM)-first.elf hypervisor/boot/make-symbols
	@nm -n $< | hypervisor/boot/make-symbols > $@

$(HV_SYM)-none.o $(HV_SYM).o: %.o: %.S
	@$(CC) -c $< -o $@

$(HV_SYM)-first.elf: $(HV_O) $(HV_SYM)-none.o hypervisor/boot/image.lds
	@$(HV_LINK) -o $@ $(HV_O) $(HV_SYM)-none.o

$(BUILD)/paravane.elf: $(HV_SYM).o
	@echo "  LD  $@"
	@$(HV_LINK) -o $@ $(HV_O) $(HV_SYM).o

$(BUILD)/paravane: $(BUILD)/paravane.elf hypervisor/boot/make-container
	@hypervisor/boot/make-container $< $@

ALL += $(BUILD)/paravane

-include hypervisor/test/rules.mk

# Dom0: Debian's kernels, and the images of Dom0 and of the test domain.
#
#   build/debian/dom0-vmlinux    the standard kernel as ELF (Dom0)
#   build/debian/dom0-vmlinuz    the same as Debian ships it
#   build/debian/cloud-vmlinux   the cloud kernel as ELF (DomU)
#   build/debian/cloud-vmlinuz   the same as Debian ships it
#   build/debian/xen.elf         Debian's hypervisor, the one to compare with
#   build/dom0.cpio              Dom0's initramfs, with DOM0_FILES
#   build/dom0-xen.cpio          Dom0's initramfs with Debian's xl and daemons
#   build/dom0-libvirt.cpio      the same with qemu-system-xen and libvirt
#   build/domu.cpio              the test domain's initramfs

DEBIAN := $(BUILD)/debian
DOM0_KERNEL := $(DEBIAN)/dom0-vmlinux
DOMU_KERNEL := $(DEBIAN)/cloud-vmlinuz
PEER_XEN := $(DEBIAN)/xen.elf
MODULE_ARGS = $(shell sed 's/\#.*//;/^$$/d;s/^/--module /' $(1))

$(BUILD)/packages.stamp: dom0/packages.txt dom0/install-packages.sh
	@mkdir -p $(@D)
	@dom0/install-packages.sh
	@touch $@

.PHONY: packages update-debian
packages: $(BUILD)/packages.stamp

# Debian's kernels as of today: `make update-debian` asks apt again.
update-debian:
	rm -f $(DEBIAN)/kernels.stamp $(DEBIAN)/xen.stamp
	$(MAKE) $(DEBIAN)/kernels.stamp $(DEBIAN)/xen.stamp

$(DEBIAN)/kernels.stamp: dom0/fetch-debian.sh dom0/unwrap-kernel
	@mkdir -p $(@D)
	dom0/fetch-debian.sh $(DEBIAN)/dom0 linux-image-amd64
	dom0/fetch-debian.sh $(DEBIAN)/cloud linux-image-cloud-amd64
	for k in dom0 cloud; do \
		cp $(DEBIAN)/$$k/boot/vmlinuz-* $(DEBIAN)/$$k-vmlinuz && \
		dom0/unwrap-kernel $(DEBIAN)/$$k-vmlinuz \
			$(DEBIAN)/$$k-vmlinux || exit 1; \
	done
	touch $@

$(DEBIAN)/%-vmlinux $(DEBIAN)/%-vmlinuz: $(DEBIAN)/kernels.stamp ;

# Debian's Xen and its tools, unpacked only: installing them would put Xen
# into the boot menu of whoever runs our tests.
XEN_PACKAGES := xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common \
	xenstore-utils libxenmisc4.17 libxenstore4

$(DEBIAN)/xen.stamp: dom0/fetch-debian.sh
	@mkdir -p $(@D)
	dom0/fetch-debian.sh $(DEBIAN)/xen $(XEN_PACKAGES)
	gzip -dc $(DEBIAN)/xen/boot/xen-4.17-amd64.gz > $(PEER_XEN)
	touch $@

$(PEER_XEN): $(DEBIAN)/xen.stamp ;

# What both Dom0 images hold.
DOM0_BASE := dom0/init:/init /bin/ip:/usr/sbin/ip \
	dom0/poweroff:/sbin/poweroff dom0/poweroff:/sbin/reboot
DOM0_BASE_ARGS = --busybox /bin/busybox --modules $(DEBIAN)/dom0 \
	$(call MODULE_ARGS,dom0/modules.dom0) \
	--dir /etc/vane --dir /var/log/xen --dir /var/lib/xen
DOM0_FILES += dom0/services:/etc/vane/services dom0/domains:/etc/vane/domains
DOM0_FILES += dom0/vif-route:/etc/xen/scripts/vif-route

# DOM0_FILES grows while the other folders' rules.mk are read, and so is only
# known in a recipe or in a second expansion of the prerequisites.
.SECONDEXPANSION:
dom0_sources = $(foreach f,$(1),$(firstword $(subst :, ,$(f))))

$(BUILD)/dom0.cpio: dom0/make-initramfs dom0/modules.dom0 dom0/rules.mk \
		$(DEBIAN)/kernels.stamp \
		$$(call dom0_sources,$$(DOM0_BASE) $$(DOM0_FILES))
	dom0/make-initramfs -o $@ $(DOM0_BASE_ARGS) \
		$(addprefix --file ,$(DOM0_BASE) $(DOM0_FILES))

XEN_BIN := $(DEBIAN)/xen/usr/lib/xen-4.17/bin
DOM0_XEN_PROGRAMS := xl xenstored xenconsoled xenconsole xen-init-dom0 \
	libxl-save-helper lsevtchn xenctx xenstore-control \
	xentop xenpm test-resource test-xenstore
# What the hot-plug scripts of libxl expect of a Debian system.
DOM0_XEN_UTILITIES := /bin/bash /sbin/losetup /usr/bin/stat /usr/bin/logger \
	/bin/grep /bin/sed /usr/bin/flock /lib/terminfo/v/vt100 \
	/lib/x86_64-linux-gnu/libgcc_s.so.1
DOM0_XEN_FILES := $(foreach p,$(DOM0_XEN_PROGRAMS),\
	$(XEN_BIN)/$(p):/usr/lib/xen-4.17/bin/$(p)) \
	dom0/xen-services:/etc/xen/services \
	$(foreach p,$(DOM0_XEN_UTILITIES),$(p):$(p))

DOM0_XEN_ARGS = $(DOM0_BASE_ARGS) \
	--library-path $(DEBIAN)/xen/usr/lib/x86_64-linux-gnu \
	--tree $(DEBIAN)/xen/etc/xen:/etc/xen \
	--tree $(DEBIAN)/xen/usr/bin:/usr/bin \
	$(foreach p,xl xentop xenpm,\
		--link /usr/lib/xen-4.17/bin/$(p):/usr/sbin/$(p))
DOM0_XEN_NEEDS = dom0/make-initramfs dom0/modules.dom0 dom0/rules.mk \
	dom0/xen-services $(DEBIAN)/kernels.stamp $(DEBIAN)/xen.stamp \
	$(call dom0_sources,$(DOM0_BASE))

$(BUILD)/dom0-xen.cpio: $$(DOM0_XEN_NEEDS)
	dom0/make-initramfs -o $@ $(DOM0_XEN_ARGS) \
		$(addprefix --file ,$(DOM0_BASE) $(DOM0_XEN_FILES))

# What manages a host by libxl, and libxl's own back end for disk images.
# Unpacked only: libvirtd would start here.
LIBVIRT := $(DEBIAN)/libvirt
LIBVIRT_PACKAGES := qemu-system-xen libvirt-daemon libvirt-clients \
	libvirt-daemon-driver-xen
LIBVIRT_FILES := $(foreach p,libexec/xen-qemu-system-i386 sbin/libvirtd \
	bin/virsh lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_libxl.so,\
	$(LIBVIRT)/usr/$(p):/usr/$(p))

$(DEBIAN)/libvirt.stamp: dom0/fetch-debian.sh
	@mkdir -p $(@D)
	dom0/fetch-debian.sh $(LIBVIRT) $(LIBVIRT_PACKAGES)
	touch $@

$(BUILD)/dom0-libvirt.cpio: $$(DOM0_XEN_NEEDS) $(DEBIAN)/libvirt.stamp
	dom0/make-initramfs -o $@ $(DOM0_XEN_ARGS) \
		$(foreach t,libvirt/cpu_map qemu/keymaps,\
			--tree /usr/share/$(t):/usr/share/$(t)) \
		$(addprefix --file ,$(DOM0_BASE) $(DOM0_XEN_FILES) \
			$(LIBVIRT_FILES))

$(BUILD)/domu.cpio: dom0/make-initramfs dom0/modules.domu dom0/init-domu \
		dom0/poweroff dom0/rules.mk $(DEBIAN)/kernels.stamp
	dom0/make-initramfs -o $@ --busybox /bin/busybox \
		--modules $(DEBIAN)/cloud \
		$(call MODULE_ARGS,dom0/modules.domu) \
		--file dom0/init-domu:/init --file /bin/ip:/usr/sbin/ip \
		--file dom0/poweroff:/sbin/poweroff \
		--file dom0/poweroff:/sbin/reboot

.PHONY: images
images: $(BUILD)/dom0.cpio $(BUILD)/domu.cpio $(DOM0_KERNEL) $(DOMU_KERNEL)

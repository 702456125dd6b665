#!/bin/sh
# In Dom0: what creating, listing and destroying domains costs when there are
# more and more of them. The small ones are guest-pv, and stay paused.
#
# Kernel parameter: tool=vane or xl.
. /usr/lib/paravane-test/lib.sh

# small NUMBER: the configuration of a small domain
small() {
	cat > /tmp/d$1.cfg <<-END
	name = "d$1"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 16
	vcpus = 1
	END
}

# linux NAME KERNEL LINE...: that of a Linux of 128 MiB
linux() {
	name=$1
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	type = "pv"
	kernel = "$2"
	ramdisk = "/boot/domu.cpio"
	memory = 128
	vcpus = 1
	cmdline = "console=hvc0"
	END
	shift 2
	[ $# = 0 ] || printf '%s\n' "$@" >> /tmp/$name.cfg
}

# measured NAME FILE: create from FILE.cfg, in this order, then destroy
measured() {
	timed create_$1 $tool create -p /tmp/$2.cfg || exit 1
	timed destroy_$1 $tool destroy $2
	sleep 1
}

services >/dev/null 2>&1
dd if=/dev/zero of=/tmp/bench.img bs=1M count=8 2>/dev/null

bench-store 0

linux elf /boot/domu-vmlinux
linux lz4 /boot/domu-vmlinuz
linux xz /boot/standard-vmlinuz
linux disk /boot/domu-vmlinux \
	'disk = [ "format=raw,vdev=xvda,access=rw,target=/tmp/bench.img" ]'
linux net /boot/domu-vmlinux 'vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0" ]'
# Of each kind one before, for what is only done once: unpacking, too.
for kind in elf lz4 xz disk net; do
	case $kind in
	lz4)
		measured linux_lz4 lz4
		measured linux_lz4_second lz4
		measured linux_lz4_cached lz4
		continue ;;
	esac
	$tool create -p /tmp/$kind.cfg >/dev/null 2>&1 || exit 1
	$tool destroy $kind
	sleep 1
	case $kind in
	xz)	measured linux_xz_cached xz ;;
	*)	measured linux_$kind $kind ;;
	esac
done

i=1
while [ $i -le 100 ]; do
	small $i
	case $i in
	1 | 10 | 50 | 100)
		timed create_$i $tool create -p /tmp/d$i.cfg || exit 1
		timed list_$i $tool list ;;
	*)
		$tool create -p /tmp/d$i.cfg >/dev/null 2>&1 || exit 1 ;;
	esac
	i=$((i + 1))
done
bench-store 100
timed destroy_100 $tool destroy d100

#!/bin/sh
# In Dom0: what a request to a disk costs, by back end. The disk is a RAM block
# device; guest-pv's program diskbench asks.
#
# Kernel parameters: tool=vane or xl; backs=KIND+KIND..., values of backendtype=.
. /usr/lib/paravane-test/lib.sh

insmod /brd.ko rd_nr=1 rd_size=65536
# Its pages are there before, whoever writes first.
dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
services >/tmp/services.out 2>&1 || tell /tmp/services.out

# measure BACK OPTIONS: the guest's lines, as "@@ disk BACK NAME TOTAL OWN COUNT"
measure() {
	cat > /tmp/d.cfg <<-END
	name = "d"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 32
	vcpus = 1
	cmdline = "test=diskbench end=poweroff $2"
	disk = [ "format=raw,vdev=xvda,access=rw,backendtype=$1,target=/dev/ram0" ]
	on_crash = "destroy"
	END
	create d || exit 1
	# Nobody looks meanwhile: that would be measured too.
	sleep 3
	tr -d '\r' </tmp/d.console |
		sed -n "s/^DISK /@@ disk $1$3 /p; s/^\(not ok\|#\)/# $1: &/p"
	gone d 20 || $tool destroy d
}

for back in $(echo "$backs" | tr + ' '); do
	measure $back "indirect=1 order=1 persistent=1" ""
	[ $back = qdisk ] || measure $back "indirect=1 order=1" -granted
done

#!/bin/sh
# In Dom0: see devices.
. /usr/lib/paravane-test/lib.sh

cat > /tmp/d.cfg <<-END
	name = "d"
	kernel = "/boot/domu-vmlinuz"
	ramdisk = "/boot/domu.cpio"
	memory = 256
	cmdline = "console=hvc0"
END
for i in 1 2; do
	dd if=/dev/urandom of=/tmp/disk$i bs=1M count=4 2>/dev/null
done

last() { sed -n "s/\r//; s/^@sees //p" /tmp/d.console | tail -n 1; }
sees_now() { [ "$(last)" = "$1" ]; }
sees() { until_true 60 sees_now "$1" || { echo "# sees: $(last)"; false; }; }
no_more() { ! $tool "$@" >/tmp/out 2>/tmp/err; }
refused() {
	why=$1
	shift
	no_more "$@" && grep -q "$why" /tmp/err && return 0
	tell /tmp/err
	false
}
sum_of() { sed -n "s/\r//; s/^@sum $1 //p" /tmp/d.console | tail -n 1; }
same_sum() {
	[ "$(sum_of $1)" = "$(dd if=$2 bs=1M count=1 2>/dev/null | sum)" ]
}
size_is() {
	[ "$(sed -n "s/\r//; s/^@size $1 //p" /tmp/d.console | tail -n 1)" = $2 ]
}
shows() { $tool "$1" d | grep -q "$2"; }
lists() { until_true 60 shows "$@" || { $tool "$1" d; false; }; }
lists_nothing() { [ "$($tool $1 d | wc -l)" = 1 ]; }

plan 30
ok "services come up" services
modprobe xen-blkback
modprobe xen-netback
modprobe loop
modprobe bridge
snapshot /tmp/state
ok "a domain without devices comes up" create d
ok "it runs" says d @ready 300
ok "it sees no device" sees "xvd* eth*"
remember /tmp/bare
ok "a disk is attached" $tool block-attach d /tmp/disk1,raw,xvda,w
ok "the guest sees it" sees "xvda eth*"
ok "with its content" same_sum xvda /tmp/disk1
ok "it is listed" lists block-list '^51712 0   1      4 .*backend/vane-vbd/1/51712'
ok "not a second time" refused "has one of that number" \
	block-attach d /tmp/disk2,raw,xvda,w
ok "what is no disk is refused, with what is allowed" \
	refused 'vdev "zda"; allowed' block-attach d /tmp/disk2,raw,zda,w
ok "a file that is not there is refused" \
	refused "/tmp/none: No such file" block-attach d /tmp/none,raw,xvdb,r
ok "one of the kernel's back end, in separate words" \
	$tool block-attach d /tmp/disk2 raw xvdb r backendtype=phy
ok "the guest sees both" sees "xvda xvdb eth*"
ok "with its content" same_sum xvdb /tmp/disk2
ok "an interface is attached" $tool network-attach d mac=00:16:3e:00:00:77
ok "and one of the kernel's back end" \
	$tool network-attach d mac=00:16:3e:00:00:78 backendtype=linux
ok "the guest sees them" sees "xvda xvdb eth0 eth1"
ok "they are listed" lists network-list \
	'^1   0  00:16:3e:00:00:78 *1 *4 .*backend/vif/1/1'
ok "a disk is made larger" $tool block-resize d xvda 8M
ok "the guest sees its size" until_true 60 size_is xvda 16384
truncate -s 6M /tmp/disk2
ok "and one of the kernel's back end" $tool block-resize d xvdb
ok "the guest sees its size" until_true 60 size_is xvdb 12288
ok "an interface goes, by its address" \
	$tool network-detach d 00:16:3e:00:00:78
ok "and the other, by its number" $tool network-detach d 0
ok "a disk goes, by its name" $tool block-detach d xvdb
ok "and by its number" $tool block-detach d 51712
ok "the guest has none" sees "xvd* eth*"
ok "nothing is listed" lists_nothing block-list
# Its grant tables have grown for the devices, and stay so.
slack=64
ok "all is as it was before the first" as_before /tmp/bare
slack=
$tool destroy d
ok "and without the domain" as_before /tmp/state

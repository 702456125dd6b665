#!/bin/sh
# In Dom0: see disk-formats.
. /usr/lib/paravane-test/lib.sh
LOG=/var/log/xen/vane-blockd.log

# guest NAME DISK: guest-pv's program disk on this disk
guest() {
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 32
	cmdline = "end=poweroff test=disk indirect=1 order=1"
	disk = [ "vdev=xvda,access=rw,$2" ]
	on_crash = "destroy"
	END
	create $1
}
passes() {
	gone $1 120 || { $tool destroy $1; return 1; }
	tr -d '\r' </tmp/$1.console >/tmp/$1.tap
	grep -q '^1\.\.[1-9]' /tmp/$1.tap && ! grep '^not ok' /tmp/$1.tap ||
		{ tell /tmp/$1.tap; tail -n 5 $LOG >/tmp/log; tell /tmp/log; return 1; }
}
mib() { dd if=$1 bs=1M skip=$2 count=1 2>/dev/null | sum; }
copied() { [ "$(mib $1 0)" = "$(mib $1 2)" ] && [ "$(mib $1 0)" = "$first" ]; }
first=$(mib /images/raw.img 0)

format() {
	ok "$1: a domain comes up" guest $1 "format=$1,target=/images/disk.$1" || return
	ok "$1: its disk works" passes $1
	driver=$1
	[ $1 != vhd ] || driver=vpc
	qemu-img convert -f $driver -O raw /images/disk.$1 /tmp/$1.raw
	ok "$1: the image holds what was written" copied /tmp/$1.raw
}

# The server has nothing: not a capability, not the files of Dom0, no network.
served() { pidof qemu-nbd >/dev/null; }
confined() {
	until_true 20 served
	pid=$(pidof qemu-nbd)
	[ "$(sed -n 's/^CapEff:\s*//p' /proc/$pid/status)" = 0000000000000000 ] &&
		[ ! -e /proc/$pid/root/etc/vane ] &&
		[ ! -e /proc/$pid/root/images/../boot/guest-pv ] &&
		[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]
}
kill_server() {
	for _ in 1 2 3; do
		pid=$(pidof qemu-nbd) && kill -KILL $pid || return 1
		until_true 30 served || return 1
		sleep 1
	done
}

# Either limit makes the program take three seconds at least.
limited_time() {
	begun=$(uptime_s)
	guest $1 "$2" && passes $1 || return 1
	took=$(($(uptime_s) - begun))
	echo "# $1: $took s"
	[ $took -ge 3 ]
}

ok "services come up" services
cp /images/disk.qcow2 /tmp/kill.qcow2
remember /tmp/state
for f in qcow2 vmdk vhd qcow; do
	format $f
done
ok "a base image and its overlay" eval \
	'qemu-img create -q -f qcow2 -b raw.img -F raw /images/over.qcow2 &&
	guest over format=qcow2,target=/images/over.qcow2 && passes over'

ok "a disk that is served slowly" guest kill \
	"format=qcow2,iops=40@1,target=/tmp/kill.qcow2"
ok "its server is confined" confined
ok "and may be killed" kill_server
ok "the disk works all the same" passes kill
ok "a damaged image is refused" eval '! guest bad \
	format=qcow2,target=/images/raw.img 2>/dev/null'

qemu-nbd --fork --persistent --shared=8 -f raw -x there --bind=127.0.0.1 \
	/images/raw.img
ok "a disk of the network" eval \
	'guest net target=nbd://127.0.0.1/there && passes net'
ok "holds what was written" copied /images/raw.img
ok "one that is not there is refused" eval \
	'! guest nonet target=nbd://127.0.0.1/nowhere 2>/dev/null'
kill $(pidof qemu-nbd)

dd if=/images/raw.img of=/tmp/limit.img bs=1M 2>/dev/null
ok "40 requests a second, no more" limited_time slow \
	"iops=40@1,target=/tmp/limit.img"
ok "2 MB a second, no more" limited_time thin \
	"rate=2MB/s@1B,target=/tmp/limit.img"
rm -f /images/over.qcow2
ok "nothing is left" as_before /tmp/state
ok "no worker was killed by what it must not do" \
	eval '! grep "signal 31" $LOG'
echo "1..$n"

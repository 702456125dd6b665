#!/bin/sh
# In Dom0: the bench of Linux operations in a domain, then two domains of
# guest-pv that take turns. What they print of costs is passed on.
#
# Kernel parameters: tool=vane or xl, vcpus=N of the Linux domain.
. /usr/lib/paravane-test/lib.sh

# costs NAME LAST: the domain's costs, when the one called LAST is among them.
# Whoever looks takes the processor from the domain: seldom, therefore.
costs() {
	looks=100
	until grep -q "@@ cost $2 " /tmp/$1.console; do
		sleep 7
		looks=$((looks - 1))
		[ $looks -gt 0 ] || {
			tail -n 20 /tmp/$1.console
			exit 1
		}
	done
	tr -d '\r' < /tmp/$1.console | grep '@@ cost'
}

services >/dev/null 2>&1
# RDTSC is executed, not trapped and emulated, on both.
cat > /tmp/bench.cfg <<END
name = "bench"
type = "pv"
kernel = "/boot/domu-vmlinuz"
ramdisk = "/boot/domu.cpio"
memory = 512
vcpus = $vcpus
tsc_mode = "native"
cmdline = "console=hvc0 loglevel=3 nokaslr mitigations=off norandmaps"
END
create bench || exit 1
costs bench compile
gone bench 60 || $tool destroy bench

# Numbers of domains follow each other: whoever asks is the second.
[ "$vcpus" = 1 ] || exit 0
for role in answer ask; do
	peer=3
	[ $role = answer ] || peer=2
	cat > /tmp/$role.cfg <<-END
	name = "$role"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 16
	vcpus = 1
	tsc_mode = "native"
	cmdline = "test=pingpong:$role peer=$peer"
	END
	# Its console is there before it runs: it will be gone soon.
	$tool create -p /tmp/$role.cfg >/tmp/$role.create 2>&1 || exit 1
	$tool console $role <&9 >/tmp/$role.console 2>&1 &
	sleep 1
	$tool unpause $role
done
until_true 60 grep -q "^BENCH" /tmp/ask.console
tr -d '\r' < /tmp/ask.console | sed -n 's/^BENCH /@@ cost /p'

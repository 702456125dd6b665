#!/bin/sh
# In Dom0: what a Linux domain's network costs, by its back end. Each cost is
# printed twice: all that the machine did, and what of it Dom0 did.
#
# Kernel parameter: backendtype=vane or linux.
. /usr/lib/paravane-test/lib.sh
guest=10.0.0.101

dom0_ns() {
	vane list --json Domain-0 | tr ',{}' '\n\n\n' |
		sed -n 's/.*"cpu_ns": *\([0-9]*\).*/\1/p' | head -n 1
}

# cost NAME COUNT COMMAND...: for each of COUNT
cost() {
	name=$1
	count=$2
	shift 2
	before=$(dom0_ns)
	timed $name "$@" | sed "s/ 1\$/ $count/"
	echo "@@ cost ${name}_dom0 $(($(dom0_ns) - before)) $count"
}

services >/dev/null 2>&1
cat > /tmp/bench.cfg <<END
name = "bench"
type = "pv"
kernel = "/boot/domu-vmlinuz"
ramdisk = "/boot/domu.cpio"
memory = 256
vcpus = 1
cmdline = "console=hvc0 ip4=$guest/24 $guest_args"
vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0,backendtype=$backendtype" ]
END
create bench || exit 1
says bench @ready 120 || exit 1
until_true 60 ping -c 1 -W 1 $guest >/dev/null || exit 1
stream send $guest 5000 1000 >/dev/null
stream receive $guest 5000 1000 >/dev/null
sleep 1

cost nothing 1 true
cost receive_64 $packets stream send $guest 5000 $packets
cost send_64 $packets stream receive $guest 5000 $packets
cost turn_64 $turns stream turns $guest 5000 $turns
cost receive_tcp $((mib * 1024)) stream push $guest 5000 $mib
cost send_tcp $((mib * 1024)) stream pull $guest 5000 $mib
[ ! -e /run/vane/netd ] || vane-netd -s | sed 's/^/# /'
vane destroy bench

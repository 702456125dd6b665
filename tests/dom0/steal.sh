#!/bin/sh
# In Dom0: two Linux domains that want both CPUs, one of which forks as fast as
# it can. What each has had is told as "@@list JSON", before and after; what the
# other says of its own time follows as "@@stat cpu ...".
. /usr/lib/paravane-test/lib.sh

linux() {
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	kernel = "/boot/domu-vmlinuz"
	ramdisk = "/boot/domu.cpio"
	memory = 256
	vcpus = 2
	cmdline = "console=hvc0 job=$1 name=$1"
	END
	create $1
	says $1 @ready 600 || echo "@@late $1"
}

sample() { printf '@@list %s\n' "$(vane list --json | tr -d '\n ')"; }

services >/dev/null 2>&1
linux forks
linux steal
sleep 10
sample
sleep 30
sample
printf '@@stat %s\n' "$(tr -d '\r' </tmp/steal.console | grep '^@stat' |
	tail -n 1)"
vane destroy forks
vane destroy steal

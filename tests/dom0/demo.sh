#!/bin/sh
# In Dom0: the story that `make demo` tells. "@@ tell TEXT" is a heading,
# "@@ at NAME" a moment for the table, "@@ size NAME KIB" a size for it; what
# the domain's console shows goes through here with "demo| " before it.
. /usr/lib/paravane-test/lib.sh

faults=0
tell_user() { echo "@@ tell $*"; }
at() { echo "@@ at $*"; }
size() { echo "@@ size $1 $2"; }
both_kib() { pvstate | sed 's/.*, //' | cut -d' ' -f1; }
must() {
	what=$1
	shift
	if "$@"; then
		echo "   yes: $what"
	else
		echo "   NO: $what"
		faults=$((faults + 1))
	fi
}
is() { [ -n "$2" ] && [ "$1" = "$2" ]; }
received() { is "$(cat /tmp/demo.received)" "$(said demo net-write)"; }

size "hypervisor" $((ram_kib - $(both_kib)))

tell_user "Dom0 starts the store daemon, the console daemon and the back ends"
services || exit 1
at "daemons"
for daemon in stored consoled blockd netd; do
	pid=$(cat /run/vane/$daemon.pid)
	size "vane-$daemon" \
		"$(awk '/^Rss/ { print $2 }' /proc/$pid/smaps_rollup)"
done
size "Dom0: kernel and programs" "$(awk '/^MemTotal/ { t = $2 }
	/^MemAvailable/ { a = $2 } END { print t - a }' /proc/meminfo)"
vane info | grep -E '^(xen_|total|free|nr_cpus)'
vane list

tell_user "vane create builds a domain: 256 MiB, 2 CPUs, a disk, a network card"
dd if=/dev/urandom of=/tmp/outgoing bs=1M count=64 2>/dev/null
outgoing=$(sum </tmp/outgoing)
config demo 1 demo
cat /tmp/demo.cfg
before=$(dd if=/tmp/demo.img bs=1M count=16 2>/dev/null | sum)
remember /tmp/state
before_create=$(both_kib)
nc -l -p 7002 </tmp/outgoing >/dev/null &
nc -l -p 7003 <&9 | sum >/tmp/demo.received &
at "create begins"
vane create /tmp/demo.cfg || exit 1
at "create ends"
size "domain, beyond its own 256 MiB" \
	$((before_create - $(both_kib) - 256 * 1024))
mkfifo /tmp/demo.in
exec 8<>/tmp/demo.in
vane console demo <&8 2>&1 | tee /tmp/demo.console | sed 's/^/demo| /' &

tell_user "The domain boots; its console"
says demo "@hello" 300 || exit 1
at "domain's userspace"
tell_user "The domain reads and writes its disk, pings Dom0, moves data by TCP"
says demo "@done" 600 || exit 1
at "domain's work"
must "it reads what the disk's file holds" is "$before" "$(said demo disk-read)"
must "it pings Dom0" is 3 "$(said demo ping)"
must "64 MiB by TCP to it are unharmed" is "$outgoing" "$(said demo net-read)"
must "64 MiB by TCP from it are unharmed" \
	until_true 60 received
ping -c 3 10.0.0.101
must "Dom0 pings it" ping -c 1 -W 2 10.0.0.101 >/dev/null
vane list

tell_user "Dom0 types on the domain's console"
echo 'echo "the domain says: $((6 * 7))"' >&8
must "it answers" says demo "the domain says: 42" 120

tell_user "Dom0 asks the domain to shut down"
at "shutdown begins"
vane shutdown demo
must "the domain is gone" gone demo 120
at "shutdown ends"
must "what it wrote is in the disk's file" is "$(said demo disk-write)" \
	"$(dd if=/tmp/demo.img bs=1M skip=16 count=16 2>/dev/null | sum)"
rm -f /tmp/demo.* /tmp/outgoing
must "every page, node, port and tap is given back" as_before /tmp/state
vane list

tell_user "Dom0 switches the machine off"
exit $faults

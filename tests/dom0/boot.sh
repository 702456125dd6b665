#!/bin/sh
# In Dom0: report what this machine came up with, and do a little of
# everything that a stock userland does: processes, pipes, files, time.
#
# Kernel parameters: want_cpus=N, want_mib=N (Dom0's memory, at most).
echo "1..6"

# ok NAME COMMAND...
n=0
ok() {
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
}

cpus() { [ "$(grep -c ^processor /proc/cpuinfo)" = "$want_cpus" ]; }
ok "$want_cpus CPUs are up" cpus

# The kernel keeps some of its memory to itself: image, page structures.
memory() {
	kib=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
	[ "$kib" -le $((want_mib * 1024)) ] &&
		[ "$kib" -ge $((want_mib * 1024 * 80 / 100)) ]
}
ok "memory is what was asked for" memory

processes() {
	i=0
	while [ $i -lt 100 ]; do
		[ "$(echo $i | cat)" = $i ] || return 1
		i=$((i + 1))
	done
}
ok "100 pipelines" processes

files() {
	dd if=/dev/urandom of=/tmp/a bs=64k count=64 2>/dev/null
	cp /tmp/a /tmp/b
	[ "$(md5sum < /tmp/a)" = "$(md5sum < /tmp/b)" ]
}
ok "4 MiB copied and compared" files

everywhere() {
	cpu=0
	while [ $cpu -lt "$want_cpus" ]; do
		taskset $((1 << cpu)) sh -c ':' || return 1
		cpu=$((cpu + 1))
	done
}
ok "a process runs on each CPU" everywhere

# Time passes, and clock and timers agree on how much; on a busy machine more
# than was slept, and some between two looks.
clock() {
	a=$(cut -d. -f1 /proc/uptime)
	b=$(date +%s)
	sleep 3
	c=$(cut -d. -f1 /proc/uptime)
	d=$(date +%s)
	apart=$(((c - a) - (d - b)))
	[ $((c - a)) -ge 2 ] && [ $((d - b)) -ge 2 ] &&
		[ ${apart#-} -le 3 ]
}
ok "clock and timers agree" clock

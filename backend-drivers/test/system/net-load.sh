#!/bin/sh
# In Dom0: see net-load.
. /usr/lib/paravane-test/lib.sh
log=/var/log/xen/console/guest-loaded.log
guest=10.0.0.101

heard() { grep -q "$1" $log; }
make_loaded() {
	config loaded 1 none
	[ -z "$rate" ] || sed -i "s|bridge=xenbr0|&,rate=$rate|" /tmp/loaded.cfg
	$tool create /tmp/loaded.cfg >/tmp/create.out 2>&1 || tell /tmp/create.out
	until_true 300 heard @ready && until_true 60 ping -c 1 -W 1 $guest \
		>/dev/null
}
in_guest() { echo "$1; echo @did" | nc -w 20 $guest 5001 | grep -q @did; }

# moves give|take: all of it, checked; how long it took is told
moves() {
	begun=$(cut -d' ' -f1 /proc/uptime)
	stream $1 $guest 5000 $mib >/tmp/moved 2>&1
	status=$?
	echo "# $1: $(tr '\n' ' ' </tmp/moved) from $begun to" \
		"$(cut -d' ' -f1 /proc/uptime) s"
	return $status
}

tap() { basename /sys/class/net/vif*.0; }

# The process that serves the interface, and the daemon that starts it.
worker() { cat /run/vane/workers/vane-vif.* 2>/dev/null; }
daemon() { cat /run/vane/netd.pid 2>/dev/null; }
other() { found=$($1); [ -n "$found" ] && [ "$found" != "$2" ]; }

# kill_one worker|daemon: another comes by itself, and serves
kill_one() {
	worker=$(worker)
	kill -KILL "$($1)"
	until_true 60 other worker "$worker"
}

# under_load COMMAND: so many times, while data moves all the time
under_load() {
	begun_s=$(uptime_s)
	way=take
	moves $way &
	moving=$!
	sleep 1
	for turn in $(seq $kills); do
		kill -0 $moving 2>/dev/null || moves_again || return 1
		$1 || return 1
		[ $((turn % 10)) != 0 ] || echo "# $turn times"
	done
	echo "# all in $(($(uptime_s) - begun_s)) s"
	wait $moving
}
moves_again() {
	wait $moving || return 1
	[ -n "$rate" ] || way=$([ $way = give ] && echo take || echo give)
	moves $way &
	moving=$!
}
# A daemon that dies within its first second is started again more slowly.
kill_each() {
	kill_one daemon || return 1
	usleep $((500000 + turn % 7 * 15000))
	kill_one worker || return 1
	usleep $((600000 - turn % 5 * 10000))
}

connected() {
	[ "$(xenstore-ls -f /local/domain/0/backend/vane-vif 2>/dev/null |
		sed -n 's,.*/1/state = "\(.*\)",\1,p')" = 4 ]
}
# Linux's netfront loses a MiB for each queue when an interface goes, whoever
# served it: a guest of 256 MiB bears it some 85 times.
come_and_go() {
	{ $tool network-attach loaded mac=00:16:3e:00:01:01,bridge=xenbr0 &&
		until_true 60 connected && $tool network-detach loaded 1
	} >/tmp/attach.out 2>&1 && return 0
	xenstore-ls -f | grep "device/vif\|vane-vif" >>/tmp/attach.out
	tail -n 20 /var/log/xen/vane-netd.log >>/tmp/attach.out
	tail -n 60 $log >>/tmp/attach.out
	tell /tmp/attach.out
	return 1
}

counted() { vane-netd -s | grep -q "sent=[1-9].*received=[1-9]"; }

# The parts, by name.
to() { ok "$mib MiB to it, offloads $offloads" moves give; }
from() { ok "$mib MiB from it, offloads $offloads" moves take; }
switch() {
	in_guest "offload eth0 $1" && offload "$(tap)" $1 && offloads=$1
}
on() { ok "offloads are switched on" switch on; }
off() { ok "and off" switch off; }
offloads=on
kills() {
	ok "each back end dies $kills times, and no byte is wrong" \
		under_load kill_each ||
		tail -n 40 /var/log/xen/vane-netd.log | sed 's/^/# /'
}
attaches() {
	ok "another interface comes and goes $kills times, and no byte is wrong" \
		under_load come_and_go
}

ok "services come up" services
snapshot /tmp/state
ok "a domain comes up" make_loaded
for part in $(echo "$parts" | tr + ' '); do $part; done
ok "what went is counted" counted
vane-netd -s | sed 's/^/# /'
ok "the domain ends" $tool destroy loaded
until_true 60 not_listed loaded
ok "nothing is left" as_before /tmp/state
echo "1..$n"

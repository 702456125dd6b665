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

# Again and again: every fifth time the daemon, else the worker alone.
kill_all() {
	done=0
	begun_s=$(uptime_s)
	while [ $done -lt $kills ]; do
		kill -0 $moving 2>/dev/null || { moves_again || return 1; }
		done=$((done + 1))
		kill_one $([ $((done % 5)) = 0 ] && echo daemon ||
			echo worker) || return 1
		# Who dies within a second is started again more slowly.
		usleep $((1050000 + done % 7 * 15000))
		[ $((done % 10)) != 0 ] || echo "# killed $done times"
	done
	echo "# killed $done times in $(($(uptime_s) - begun_s)) s"
	wait $moving
}
moves_again() {
	wait $moving || return 1
	[ -n "$rate" ] || way=$([ $way = give ] && echo take || echo give)
	moves $way &
	moving=$!
}
dies() {
	way=take
	moves $way &
	moving=$!
	sleep 1
	kill_all
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
	ok "back ends die $kills times, and no byte is wrong" dies ||
		tail -n 40 /var/log/xen/vane-netd.log | sed 's/^/# /'
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

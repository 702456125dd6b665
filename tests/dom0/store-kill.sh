#!/bin/sh
# In Dom0: the store daemon is killed again and again while PV Linux domains
# live and clients write.  Afterwards all of them did their work, each change
# of the store happened once, nobody waited for ever, and nothing is left
# behind.  The longest waits are told: on a quiet machine below a second.
#
# Kernel parameters: kills=N, domains=N, mib=N to move each way by TCP.
. /usr/lib/paravane-test/lib.sh

is() { [ -n "$2" ] && [ "$1" = "$2" ]; }

killed=/tmp/killed
pid_file=/run/vane/stored.pid

another() { now=$(cat $pid_file) && [ -n "$now" ] && [ "$now" != "$pid" ]; }

# Kill it until $1 kills are done, each some time after it began to serve.
killer() {
	i=0
	while [ $i -lt "$1" ]; do
		pid=$(cat $pid_file)
		usleep $((20000 + i * 79190 % 900000))
		kill -9 "$pid" && i=$((i + 1))
		echo $i > $killed
		until_true 20 another || return 1
	done
}

all_killed() { [ "$(cat $killed)" = "$kills" ]; }

# A client by socket and one through the kernel's ring
storms() {
	vane store write /c "" /sum 0
	storm socket > /tmp/storm.socket &
	socket_pid=$!
	XENSTORED_PATH=/dev/xen/xenbus storm ring > /tmp/storm.ring &
	ring_pid=$!
}

calm() {
	kill -TERM $socket_pid $ring_pid
	wait $socket_pid && wait $ring_pid
}

sums() {
	sum=$(vane store read /sum)
	is "$sum" $(($(vane store read /c/socket) + $(vane store read /c/ring)))
}

# Both rounds' longest wait, in microseconds: this guards against a hang only
waits() {
	for name in socket ring; do
		longest=$(sed -n "s/@storm $name [0-9]* //p" /tmp/storm.$name)
		[ -n "$longest" ] && [ "$longest" -lt 20000000 ] || return 1
	done
}

serve() {
	port=$((7000 + 2 * $2))
	nc -l -p $port </tmp/outgoing >/dev/null &
	nc -l -p $((port + 1)) <&9 | sum >/tmp/$1.received &
}

start() {
	config $1 $2 work
	dd if=/tmp/$1.img bs=1M count=16 2>/dev/null | sum > /tmp/$1.before
	serve $1 $2
	ok "$1: is created" create $1
}

# 5 checks
finish() {
	ok "$1: does its work" says $1 "@done $1" 240
	ok "$1: reads what its disk holds" \
		is "$(cat /tmp/$1.before)" "$(said $1 disk-read)"
	ok "$1: $mib MiB by TCP from it" \
		is "$(cat /tmp/$1.received)" "$(said $1 net-write)"
	ok "$1: is asked to shut down" $tool shutdown $1
	ok "$1: is gone" gone $1 90
	rm -f /tmp/$1.*
}

plan $((8 + 6 * domains))
ok "services come up" services
dd if=/dev/urandom of=/tmp/outgoing bs=1M count="$mib" 2>/dev/null
remember /tmp/state
storms
killer "$kills" &
i=0
while [ $((i += 1)) -le "$domains" ]; do start kill$i $i; done
i=0
while [ $((i += 1)) -le "$domains" ]; do finish kill$i; done
ok "killed $kills times" until_true 300 all_killed
ok "the clients saw each change and each event once" calm
cat /tmp/storm.*
ok "the counters agree" sums
ok "the store is sound" is "$(xenstore-control check)" OK
ok "nobody waited for ever" waits
vane store rm /c /sum
ok "the daemon's log tells nothing bad" \
	is "$(grep -vc 'go-on\|serving' /var/log/xen/vane-stored.log)" 0
grep -v 'go-on\|serving' /var/log/xen/vane-stored.log | sed 's/^/# /'
ok "everything is as it was" as_before /tmp/state

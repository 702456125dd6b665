#!/bin/sh
# In Dom0: the store daemon is killed again and again while PV Linux domains
# boot, use disk and network, get a second disk and lose it again, and clients
# write: by socket, by Dom0's ring, and one in each domain.  Afterwards all of
# them did their work, each change of the store happened once, nobody waited
# too long, and nothing is left behind.
#
# Kernel parameters: kills=N, domains=N, mib=N to move each way by TCP;
# wait_us=N: the longest that any client may have waited for an answer.
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
	vane store chmod /c b0
	vane store chmod /sum b0
	storm socket > /tmp/storm.socket &
	socket_pid=$!
	XENSTORED_PATH=/dev/xen/xenbus storm ring > /tmp/storm.ring &
	ring_pid=$!
}

calm() {
	kill -TERM $socket_pid $ring_pid
	wait $socket_pid && wait $ring_pid
}

# What a storm says of itself, Dom0's or a domain's: NAME FIELD
told() {
	if [ -e /tmp/storm.$1 ]; then
		cat /tmp/storm.$1
	else
		tr -d '\r' < /tmp/$1.console
	fi | sed -n "s/.*@storm $1 //p" | cut -d' ' -f$2
}

sums() {
	sum=$(vane store read /sum)
	all=0
	for name in socket ring $names; do all=$((all + $(told $name 1))); done
	echo "# $sum changes of one number, $all told by who made them"
	is "$sum" $all
}

# Each one's longest wait, in microseconds
waits() {
	status=0
	for name in socket ring $names; do
		longest=$(told $name 2)
		echo "# longest wait of $name: $longest us of its time"
		[ -n "$longest" ] && [ "$longest" -lt "$wait_us" ] || status=1
	done
	return $status
}

serve() {
	port=$((7000 + 2 * $2))
	nc -l -p $port </tmp/outgoing >/dev/null &
	nc -l -p $((port + 1)) <&9 | sum >/tmp/$1.received &
}

start() {
	config $1 $2 storm
	dd if=/tmp/$1.img bs=1M count=16 2>/dev/null | sum > /tmp/$1.before
	dd if=/dev/urandom of=/tmp/$1.second bs=64k count=16 2>/dev/null
	serve $1 $2
	ok "$1: is created" create $1
}

# The domain has seen its second disk so often, with its content
xvdb_seen() {
	tr -d '\r' < /tmp/$1.console | grep -q \
	    "@xvdb $2 $(dd if=/tmp/$1.second bs=64k count=4 2>/dev/null | sum)"
}
xvdb_gone() { ! $tool block-list $1 | grep -q '^51728'; }

# One round of a domain's second disk
attach_and_detach() {
	$tool block-attach $1 /tmp/$1.second,raw,xvdb,w >/tmp/attach 2>&1 &&
	until_true 60 xvdb_seen $1 $2 &&
	$tool block-detach $1 xvdb >/tmp/attach 2>&1 &&
	until_true 60 xvdb_gone $1 && return 0
	tell /tmp/attach
	tail -n 3 /tmp/$1.console > /tmp/attach
	tell /tmp/attach
	return 1
}

# Until the killer is done, and twice at least
disks() {
	round=0
	until [ $round -ge 2 ] && all_killed; do
		round=$((round + 1))
		for name in $names; do
			attach_and_detach $name $round || return 1
		done
	done
	echo "# $round rounds with each domain"
}

# 5 checks
finish() {
	ok "$1: its client saw each change and each event once" \
		says $1 "@stormed 0" 120
	ok "$1: reads what its disk holds" \
		is "$(cat /tmp/$1.before)" "$(said $1 disk-read)"
	ok "$1: $mib MiB by TCP from it" \
		is "$(cat /tmp/$1.received)" "$(said $1 net-write)"
	ok "$1: is asked to shut down" $tool shutdown $1
	ok "$1: is gone" gone $1 90
}

plan $((9 + 7 * domains))
ok "services come up" services
dd if=/dev/urandom of=/tmp/outgoing bs=1M count="$mib" 2>/dev/null
remember /tmp/state
storms
killer "$kills" &
names=
i=0
while [ $((i += 1)) -le "$domains" ]; do
	names="$names kill$i"
	start kill$i $i
done
for name in $names; do ok "$name: does its work" says $name "@done" 400; done
ok "disks are attached and detached meanwhile" disks
ok "killed $kills times" until_true 300 all_killed
vane store write /c/stop 1
for name in $names; do finish $name; done
ok "Dom0's clients saw each change and each event once" calm
ok "the counters agree" sums
ok "the store is sound" is "$(xenstore-control check)" OK
ok "nobody waited longer than $wait_us us" waits
vane store rm /c /sum
ok "the daemon's log tells nothing bad" \
	is "$(grep -vc 'go-on\|serving\|write-rate' \
		/var/log/xen/vane-stored.log)" 0
grep -v 'go-on\|serving' /var/log/xen/vane-stored.log | sed 's/^/# /'
rm -f /tmp/storm.*
# Grant tables have grown for the second disks' sake.
slack=64
ok "everything is as it was" as_before /tmp/state

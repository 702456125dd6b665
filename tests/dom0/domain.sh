#!/bin/sh
# In Dom0: PV Linux domains with a disk and a network device, from creation
# to the last page given back: one, the same five times in a row, and eight
# at once.
#
# Kernel parameters: round=one, row or eight; mib=N to move each way by TCP.
. /usr/lib/paravane-test/lib.sh

# serve NAME I: Dom0's ends of the two TCP transfers
serve() {
	port=$((7000 + 2 * $2))
	nc -l -p $port </tmp/outgoing >/dev/null &
	nc -l -p $((port + 1)) <&9 | sum >/tmp/$1.received &
}

is() { [ -n "$2" ] && [ "$1" = "$2" ]; }
received() { is "$(cat /tmp/$1.received)" "$(said $1 net-write)"; }
pinged() { ping -c 3 -W 10 10.0.0.$((100 + $1)) | grep -q ' 3 packets rec'; }

start() {
	config $1 $2 work
	before=$(dd if=/tmp/$1.img bs=1M count=16 2>/dev/null | sum)
	echo "$before" > /tmp/$1.before
	serve $1 $2
	ok "$1: is created" create $1
}

# 8 checks
judge() {
	ok "$1: its console speaks" says $1 "@hello $1 has 2 CPUs" 300
	ok "$1: does its work" says $1 "@done $1" 600
	ok "$1: Dom0 pings it" pinged $2
	ok "$1: it pings Dom0" is 3 "$(said $1 ping)"
	ok "$1: reads what its disk holds" \
		is "$(cat /tmp/$1.before)" "$(said $1 disk-read)"
	ok "$1: $mib MiB by TCP to it" is "$outgoing" "$(said $1 net-read)"
	ok "$1: $mib MiB by TCP from it" until_true 60 received $1
	ok "$1: is in the list" listed $1
}

shut_down() { $tool shutdown $1 >/dev/null; }

# 3 checks
finish() {
	ok "$1: is asked to shut down" shut_down $1
	ok "$1: is gone" gone $1 120
	ok "$1: what it wrote is in its disk's file" is "$(said $1 disk-write)" \
		"$(dd if=/tmp/$1.img bs=1M skip=16 count=16 2>/dev/null | sum)"
	rm -f /tmp/$1.*
}

# 13 checks
one() {
	start $1 $2
	judge $1 $2
	finish $1
	ok "$1: leaves everything as it was" as_before /tmp/state ||
		tell /var/log/xen/$tool-$1.log
}

row() {
	for round in 1 2 3 4 5; do
		one row$round 1
	done
}

eight() {
	for i in 1 2 3 4 5 6 7 8; do start eight$i $i; done
	for i in 1 2 3 4 5 6 7 8; do judge eight$i $i; done
	for i in 1 2 3 4 5 6 7 8; do finish eight$i; done
	ok "eight at once: leave everything as it was" as_before /tmp/state
}

case $round in
one)	plan 14 ;;
row)	plan 66 ;;
eight)	plan 98 ;;
esac

ok "services come up" services
dd if=/dev/urandom of=/tmp/outgoing bs=1M count="$mib" 2>/dev/null
outgoing=$(sum </tmp/outgoing)
remember /tmp/state
if [ $round = one ]; then one solo 1; else $round; fi

#!/bin/sh
# In the domain: rounds of writing, reading and comparing, told on the console
# as "@round N good" or "@round N bad"; between them it listens on TCP port
# 7, whose senders' bytes it counts. Beside that each device is used without
# end, and its longest pause told: see ../pauses.c. Then it waits to be shut
# down.

sum() { md5sum | cut -d' ' -f1; }

disk_round() {
	dd if=/dev/urandom of=/tmp/data bs=64k count=8 2>/dev/null
	dd if=/tmp/data of=/dev/xvda bs=64k seek=$((n % 32 * 8)) \
		oflag=direct conv=fsync 2>/tmp/error || return 1
	dd if=/dev/xvda bs=64k skip=$((n % 32 * 8)) count=8 iflag=direct \
		2>/tmp/error | sum > /tmp/back
	[ "$(cat /tmp/back)" = "$(sum </tmp/data)" ]
}

until [ -b /dev/xvda ]; do usleep 100000; done
dmesg -n 1	# its words would end up in the middle of others'
echo "@ready"
pauses disk /dev/xvda &
pauses net 10.0.0.1 5000 &
pauses console &
n=0
while :; do
	n=$((n + 1))
	if disk_round; then
		echo "@round $n good"
	else
		echo "@round $n bad $(tail -n 1 /tmp/error)"
	fi
	usleep 300000
done &
while :; do
	echo "@received $(nc -l -p 7 | sum)"
done

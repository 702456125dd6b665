#!/bin/sh
# In the domain: says each time that its CPUs or its memory (in units of
# 16 MiB) change.

echo 1 > /proc/sys/kernel/sysrq
modprobe xen-balloon 2>/dev/null
seen=
echo "@ready"
while :; do
	# A CPU that is given has to be taken.
	for cpu in /sys/devices/system/cpu/cpu*/online; do
		[ "$(cat $cpu)" = 1 ] || echo 1 > $cpu 2>/dev/null
	done
	now="$(cat /sys/devices/system/cpu/online) $(awk \
		'/^MemTotal/ { print int($2 / 16384) }' /proc/meminfo)"
	[ "$now" = "$seen" ] || echo "@sees $now"
	seen=$now
	usleep 200000
done

#!/bin/sh
# In the domain: says each time that its CPUs or its memory (in units of
# 16 MiB) change.

echo 1 > /proc/sys/kernel/sysrq
modprobe xen-balloon 2>/dev/null
seen=
echo "@ready"
while :; do
	now="$(cat /sys/devices/system/cpu/online) $(awk \
		'/^MemTotal/ { print int($2 / 16384) }' /proc/meminfo)"
	[ "$now" = "$seen" ] || echo "@sees $now"
	seen=$now
	usleep 200000
done

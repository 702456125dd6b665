#!/bin/sh
# In a Dom0 whose time counts instructions: what the store's operations cost
# with one daemon.
#
# Kernel parameters: store=vane, xenstored or oxenstored; nodes=LIST.
mkdir -p /run/xenstored /run/xen /run/lock /run/vane /var/log/xen /var/lib/xenstored
case $store in
vane)		vane-stored --pid-file /run/stored.pid ;;
xenstored)	/usr/lib/xen-4.17/bin/xenstored --pid-file /run/stored.pid ;;
oxenstored)	/usr/lib/xen-4.17/bin/oxenstored --pid-file /run/stored.pid ;;
esac
tries=100
until [ -S /run/xenstored/socket ] && [ -s /run/stored.pid ]; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || exit 1
	usleep 100000
done
sleep 2
pid=$(cat /run/stored.pid)

# resident NODES: the daemon's memory, and what lies in /run
resident() {
	echo "@@ cost resident_1_$1 $(awk '/^VmRSS/ { print $2 * 1024 }' \
		/proc/$pid/status) 1"
	echo "@@ cost files_1_$1 $(du -sk /run/xenstored |
		awk '{ print $1 * 1024 }') 1"
}

store-client --echo $pid || exit 1
store-client --echo $pid || exit 1
filled=0
resident 0
for n in $(echo "$nodes" | tr , ' '); do
	store-client $filled $n || exit 1
	XENSTORED_PATH=/dev/xen/xenbus store-client $n $n |
		sed 's/cost /cost ring-/'
	filled=$n
	resident $n
done
store-client --echo $pid || exit 1

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
until [ -S /run/xenstored/socket ]; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || exit 1
	usleep 100000
done
sleep 2
store-client --echo || exit 1
store-client --echo || exit 1
store-client $(echo "$nodes" | tr , ' ') || exit 1
store-client --echo || exit 1
pid=$(cat /run/stored.pid)
echo "@@ cost resident_1_0 $(awk '/^VmRSS/ { print $2 * 1024 }' \
	/proc/$pid/status) 1"
XENSTORED_PATH=/dev/xen/xenbus store-client 1000 | sed 's/cost /cost ring-/'

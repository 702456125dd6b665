#!/bin/sh
# In Dom0: the protocol's rules, asked of the store daemon that serves there,
# with three domains of guest-pv beside it. Prints TAP.
#
# Kernel parameters: store=xen for Debian's daemon; see lib.sh.
. /usr/lib/paravane-test/lib.sh

services >/dev/null 2>&1 || echo "# services: status $?"
for i in 1 2 3; do
	cat > /tmp/bell$i.cfg <<-END
	name = "bell$i"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 64
	vcpus = 1
	cmdline = "test=bell"
	on_poweroff = "preserve"
	on_crash = "preserve"
	END
	vane create /tmp/bell$i.cfg >/tmp/create 2>&1 || tell /tmp/create
done
# Debian's daemon does not live through all of it: a fresh one for each
# chapter, which hears again of the domains' ports.
port() { vane store read /local/domain/$1/store/port; }

fresh() {
	[ "$store" = xen ] || return 0
	kill $(cat /run/xenstored.pid)
	sleep 2
	rm -f /run/xenstored.pid /run/xenstored/socket
	/usr/lib/xen-4.17/bin/xenstored --pid-file /run/xenstored.pid
	until_true 60 [ -S /run/xenstored/socket ]
	vane store write /local/domain/1/store/port $port1 \
		/local/domain/2/store/port $port2 \
		/local/domain/3/store/port $port3
}

status=0
part() {
	conformance $* >/tmp/part || status=1
	grep -v '^1\.\.' /tmp/part
	cat /tmp/part >> /tmp/parts
}

option=
[ "$store" != xen ] || option=--stock
port1=$(port 1)
port2=$(port 2)
port3=$(port 3)
part $option
fresh
part --rings $option
# Domain 3 does not outlive the last chapter.
for chapter in permissions operations paths watches transactions quotas domains
do
	fresh
	part --domains --only $chapter: $option
done
echo "1..$(grep -c '^\(not \)\?ok' /tmp/parts)"
[ $status = 0 ] || [ "$store" = xen ] || tell /var/log/xen/vane-stored.log
exit $status

#!/bin/sh
# In Dom0: see net-setups.
. /usr/lib/paravane-test/lib.sh
address=10.0.0.101
mac=00:16:3e:00:00:01

# guest NAME VIF: a domain that answers, with such an interface
guest() {
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 32
	cmdline = "end=poweroff test=echo ip=$address"
	vif = [ "mac=$mac,$2" ]
	on_crash = "destroy"
	END
	create $1 && until_true 60 grep -q 'echo: ready' /tmp/$1.console
}

# stop NAME: and what it found
stop() {
	udp $address 7 stop >/dev/null
	gone $1 60 || $tool destroy $1
	tr -d '\r' < /tmp/$1.console > /tmp/$1.tap
	ip neigh flush all
	! grep '^not ok' /tmp/$1.tap && grep -q '^1\.\.' /tmp/$1.tap
}

pings() { ping -c 1 -W 1 $address >/dev/null; }
answers() { until_true 20 pings && [ "$(udp $address 7 word)" = word ]; }
routed_by() { ip route get $address | grep -q "dev $1 "; }
# The bridge's table of addresses: 16 bytes each, the address first.
known() {
	hexdump -v -e '16/1 "%02x" "\n"' /sys/class/net/xenbr0/brforward |
		grep -q "^$(echo $mac | tr -d :)"
}
again() {
	pid=$(cat /run/vane/netd.pid)
	kill -KILL "$pid"
	until_true 20 another
}
another() { [ "$(cat /run/vane/netd.pid)" != "$pid" ]; }
no_bridge() { [ ! -e "/sys/class/net/$1/brport" ]; }

# routed NAME BACKEND INTERFACE
routed() {
	ok "$1: is created" guest $1 "script=vif-route,ip=$address,$2"
	ok "$1: it answers" answers
	ok "$1: by a route" routed_by "$3"
	ok "$1: in no bridge" no_bridge "$3"
}

filtered() { vane-netd -s | grep -q "sent_filtered=$1 "; }
spoofs() { [ "$(udp $address 7 spoof)" = spoof ]; }
spoofs_not() { ! spoofs; }

ok "services come up" services
remember /tmp/state

routed routed backendtype=vane,vifname=web0 web0
ok "routed: the daemon is killed and comes back" again
ok "routed: and the route is still there" answers
ok "routed: ends well" stop routed
routed routed-by-linux backendtype=linux 'vif[0-9]*.0'
ok "routed-by-linux: ends well" stop routed-by-linux

# It says nothing by itself: its address is known all the same.
ok "bridged: is created" guest bridged bridge=xenbr0
ok "bridged: its address is known to the bridge" until_true 10 known
ok "bridged: it answers" answers
ok "bridged: its senders are not looked at" filtered 0
ok "bridged: another sender's name is let through" spoofs
ok "bridged: ends well" stop bridged

ok "checked: is created" guest checked bridge=xenbr0,antispoof=yes
ok "checked: it answers" answers
ok "checked: nothing was refused" filtered 0
ok "checked: a wrong sender gets no answer through" spoofs_not
ok "checked: which is counted" until_true 10 filtered 1
ok "checked: it answers again" answers
ok "checked: ends well" stop checked
refused() {
	guest both backendtype=linux,antispoof=yes >/tmp/both.out 2>&1
	grep -q 'antispoof: the kernel' /tmp/both.out
}
ok "what the kernel's back end cannot check is refused" refused
ok "nothing is left" as_before /tmp/state
echo "1..$n"

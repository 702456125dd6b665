#!/bin/sh
# In Dom0: see survival. The domain's console is followed in its log file,
# because the terminal changes when vane-consoled is started again.
. /usr/lib/paravane-test/lib.sh
log=/var/log/xen/console/guest-solid.log

rounds() { grep -c '^@round .* good' $log; }
heard() { grep -q "$1" $log; }
more_rounds() { [ "$(rounds)" -ge $((had + $1)) ]; }
goes_on() {
	had=$(rounds)
	until_true 120 more_rounds 2
}
no_bad_round() { ! grep '^@round .* bad' $log; }

running() { [ -d /proc/"$1" ]; }
ended() { ! running "$1"; }

# again DAEMON SIGNAL: end it, start the next one
again() {
	pid=$(cat /run/vane/$1.pid)
	kill "$2" "$pid" && until_true 60 ended "$pid" && vane-$1
}

# Three times, while the guest is in the middle of it.
disk_again() {
	for _ in 1 2 3; do
		again blockd "$1" && goes_on || return 1
	done
}

pings() { until_true 60 ping -c 1 -W 1 10.0.0.101 >/dev/null; }
sent() {
	dd if=/dev/urandom of=/tmp/send bs=1M count=4 2>/dev/null
	nc -w 5 10.0.0.101 7 </tmp/send
	until_true 120 heard "@received $(sum </tmp/send)"
}

make_solid() {
	config solid 1 none
	$tool create /tmp/solid.cfg >/tmp/create.out 2>&1 || tell /tmp/create.out
	until_true 300 heard @ready
}

# A disk that is in use, and one that is not there: refused, saying why.
refused() {
	sed "s/solid/$1/; s,/tmp/$1.img,$2,; s,/tmp/solid.img,$2," \
		/tmp/solid.cfg >/tmp/$1.cfg
	! $tool create /tmp/$1.cfg >/tmp/$1.out 2>&1 && grep -q "$3" /tmp/$1.out
}

shut_down() { $tool destroy solid >/dev/null && until_true 60 not_listed solid; }

plan 15
ok "services come up" services
snapshot /tmp/state
ok "a domain comes up" make_solid
ok "its disk works" goes_on
ok "a second domain cannot have the same disk" \
	refused twin /tmp/solid.img "busy"
ok "vane-blockd may end" disk_again -TERM
ok "vane-blockd may be killed" disk_again -KILL
ok "the domain can be reached" pings
ok "and be sent to" sent
ok "vane-netd may be killed" again netd -KILL
ok "the domain can be reached again" pings
ok "and be sent to again" sent
ok "vane-consoled may be killed" again consoled -KILL
ok "what the domain says is heard again" goes_on
ok "no round was bad" no_bad_round
shut_down
ok "nothing is left" as_before /tmp/state

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

# again DAEMON: killed, it is there again without anybody's help
another() { [ "$(cat /run/vane/$1.pid 2>/dev/null)" != "$2" ]; }
again() {
	pid=$(cat /run/vane/$1.pid)
	kill -KILL "$pid" && until_true 60 ended "$pid" &&
		until_true 60 another $1 "$pid"
}

# A daemon that is asked to end does, and stays away.
start_anew() {
	pid=$(cat /run/vane/$1.pid)
	kill "$pid" && until_true 60 ended "$pid" && vane-$1
}

# Three times, while the guest is in the middle of it.
disk_again() {
	for _ in 1 2 3; do
		"$1" blockd && goes_on || return 1
	done
}

# The process that serves the domain's disk. A successor does the work that
# it left.
worker() { cat /run/vane/workers/vane-vbd.*; }
other_worker() { [ "$(worker)" != "$1" ]; }
worker_again() {
	for _ in 1 2 3 4 5; do
		pid=$(worker)
		sleep 1
		kill -KILL "$pid" && until_true 60 other_worker "$pid" &&
			goes_on || return 1
	done
}

# It may do what a user may whom nobody knows, and few system calls.
status_of() { sed -n "s/^$2:[[:space:]]*//p" /proc/$1/status; }
has_no_rights() {
	pid=$(worker)
	[ "$(status_of $pid Uid | cut -f1)" -ge 1900000000 ] &&
		[ "$(status_of $pid CapEff)" = 0000000000000000 ] &&
		[ "$(status_of $pid Seccomp)" = 2 ] &&
		[ "$(status_of $pid NoNewPrivs)" = 1 ]
}
# Its log, its supervisor, its disk, and what rings and events need.
holds_little() {
	for fd in /proc/$(worker)/fd/*; do
		readlink $fd
	done | sed 's/:\[[0-9]*\]$//' | sort -u >/tmp/held
	cat >/tmp/may <<-END
	/dev/null
	/dev/xen/evtchn
	/dev/xen/gntdev
	/run/vane/workers/vane-vbd.1.51712
	/tmp/solid.img
	/var/log/xen/vane-blockd.log
	anon_inode:[eventpoll]
	anon_inode:[io_uring]
	anon_inode:[timerfd]
	socket
	END
	cmp -s /tmp/held /tmp/may || { tell /tmp/held; return 1; }
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

plan 18
ok "services come up" services
snapshot /tmp/state
ok "a domain comes up" make_solid
ok "its disk works" goes_on
ok "a second domain cannot have the same disk" \
	refused twin /tmp/solid.img "busy"
ok "its worker has no rights" has_no_rights
ok "and holds nothing but what it needs" holds_little
ok "its worker may be killed" worker_again
ok "vane-blockd may end" disk_again start_anew
ok "vane-blockd may be killed" disk_again again
ok "the domain can be reached" pings
ok "and be sent to" sent
ok "vane-netd may be killed" again netd
ok "the domain can be reached again" pings
ok "and be sent to again" sent
ok "vane-consoled may be killed" again consoled
ok "what the domain says is heard again" goes_on
ok "no round was bad" no_bad_round
shut_down
ok "nothing is left" as_before /tmp/state

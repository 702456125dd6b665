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
no_bad_round() { ! grep '@round .* bad\|@fault' $log; }

running() { [ -d /proc/"$1" ]; }
ended() { ! running "$1"; }

# process_of disk|net|DAEMON: a device's process, or a daemon's
process_of() {
	case $1 in
	disk)	cat /run/vane/workers/vane-vbd.* ;;
	net)	cat /run/vane/workers/vane-vif.* ;;
	*)	cat /run/vane/$1.pid ;;
	esac 2>/dev/null
}
replaced() {
	now=$(process_of $1)
	[ -n "$now" ] && [ "$now" != "$2" ]
}

# kill_one WHO: another comes without anybody's help
kill_one() {
	pid=$(process_of $1)
	kill -KILL "$pid" && until_true 60 replaced $1 "$pid" ||
		{ echo "# $1, process $pid, turn $turn"; return 1; }
}

# One after another, each time in the middle of something else. A round takes
# more than a second: who dies before that is started again more slowly.
all_die() {
	for turn in $(seq $kills); do
		for who in blockd netd consoled disk net; do
			kill_one $who || return 1
			usleep $((150000 + turn * 37777 % 100000))
		done
	done
}

# paused DEVICE: for less than a second at most
paused() {
	sed -n "s/^@longest $1 \([0-9]*\) .*/\1/p" $log | sort -n |
		tail -n 1 >/tmp/longest
	echo "# longest pause of its $1: $(cat /tmp/longest) ms"
	[ "$(cat /tmp/longest)" -lt 1000 ]
}

# What it says is numbered. What was being written when a daemon died may be
# there twice.
all_heard() {
	tr -d '\r' <$log | awk '/^@tick [0-9]+ *which is to fill the ring$/ { said[$2]; n = $2 }
		END {
			for (i = 1; i <= n; i++)
				if (!(i in said))
					print "# never heard: " i
			exit n < 100
		}' >/tmp/unheard && [ ! -s /tmp/unheard ] && return 0
	head -n 5 /tmp/unheard
	return 1
}

# A daemon that is asked to end does, and stays away.
start_anew() {
	pid=$(cat /run/vane/$1.pid)
	kill "$pid" && until_true 60 ended "$pid" && vane-$1
}

# Three times, while the guest is in the middle of it.
blockd_anew() {
	for _ in 1 2 3; do
		start_anew blockd && goes_on || return 1
	done
}

# It may do what a user may whom nobody knows, and few system calls.
status_of() { sed -n "s/^$2:[[:space:]]*//p" /proc/$1/status; }
has_no_rights() {
	pid=$(process_of disk)
	[ "$(status_of $pid Uid | cut -f1)" -ge 1900000000 ] &&
		[ "$(status_of $pid CapEff)" = 0000000000000000 ] &&
		[ "$(status_of $pid Seccomp)" = 2 ] &&
		[ "$(status_of $pid NoNewPrivs)" = 1 ]
}
# Its log, its supervisor, its disk, and what rings and events need.
holds_little() {
	for fd in /proc/$(process_of disk)/fd/*; do
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

plan 19
ok "services come up" services
stream serve 5000 &
snapshot /tmp/state
ok "a domain comes up" make_solid
ok "its disk works" goes_on
ok "a second domain cannot have the same disk" \
	refused twin /tmp/solid.img "busy"
ok "its worker has no rights" has_no_rights
ok "and holds nothing but what it needs" holds_little
ok "vane-blockd may end" blockd_anew
ok "the domain can be reached" pings
ok "and be sent to" sent
ok "daemons and devices' processes may be killed, each $kills times" all_die
ok "its disk works again" goes_on
ok "it can be reached again" pings
ok "and be sent to again" sent
ok "its disk never paused for a second" paused disk
ok "nor its interface" paused net
ok "nor its console" paused console
ok "all that it said was heard" all_heard
ok "no round was bad" no_bad_round
shut_down
ok "nothing is left" as_before /tmp/state

#!/bin/sh
# In Dom0: see four-ways. Kernel parameter: backs=ours or ours+linux. A domain of guest-pv with a disk and a card, whose
# results come over its console and are passed on.
. /usr/lib/paravane-test/lib.sh

# guest NAME BACKEND COMMANDLINE [DISK]: its configuration, and a disk of 8 MiB;
# vif_more is added to its card.
guest() {
	dd if=/dev/urandom of=/tmp/$1.img bs=1M count=8 2>/dev/null
	kind=${2:+,backendtype=$2}
	more=
	[ -z "$4" ] || more=", \"$4\""
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	type = "pv"
	kernel = "/boot/guest-pv"
	memory = 32
	cmdline = "end=poweroff $3"
	disk = [ "format=raw,vdev=xvda,access=rw$kind,target=/tmp/$1.img"$more ]
	vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0$kind$vif_more" ]
	on_crash = "destroy"
	END
	create $1
}

# results NAME: when it is gone, what it found; a plan must be among it
results() {
	gone $1 120 || $tool destroy $1
	tr -d '\r' < /tmp/$1.console > /tmp/$1.tap
	grep -q '^1\.\.[1-9]' /tmp/$1.tap || tell /tmp/$1.tap
	while read -r line; do
		case $line in
		"ok "*) n=$((n + 1)); echo "ok $n - $1: ${line#*- }" ;;
		"not ok "*) n=$((n + 1)); echo "not ok $n - $1: ${line#*- }" ;;
		"#"*) echo "$line" ;;
		esac
	done < /tmp/$1.tap
	ok "$1 printed its plan" grep -q '^1\.\.[1-9]' /tmp/$1.tap
}

mib() { dd if=/tmp/$1.img bs=1M skip=$2 count=1 2>/dev/null | sum; }
copied() { [ "$(mib $1 0)" = "$(mib $1 2)" ]; }

disk() {
	guest $1 "$2" "test=disk $3" || return
	results $1
	ok "$1: Dom0 finds the MiB that it copied" copied $1
}

pings() { ping -c 3 -s "$1" -W 5 10.0.0.101 >/dev/null; }
echoes() { [ "$(udp 10.0.0.101 7 "a word")" = "a word" ]; }

segment() { segment=$(/usr/bin/segment xenbr0 00:16:3e:00:00:01 10.0.0.101 $1); }

# card NAME BACKEND FEATURES: all or none
card() {
	guest $1 "$2" "test=echo ip=10.0.0.101 features=$3" || return
	until_true 60 grep -q 'echo: ready' /tmp/$1.console
	ok "$1: it answers pings" until_true 20 pings 56
	ok "$1: and large ones" pings 1400
	ok "$1: and UDP" until_true 20 echoes
	ok "$1: and a TCP segment" segment 1000
	ok "$1: and one to be cut" segment 30000
	echo "# $1: $segment"
	udp 10.0.0.101 7 stop >/dev/null
	results $1
	ip neigh flush all
}

# Ten answers of 1,442 bytes at 2 kB a second: nothing can make that faster.
slow_pings() {
	begun=$(uptime_s)
	ping -A -c 10 -s 1400 -W 30 10.0.0.101 >/dev/null &&
		[ $(($(uptime_s) - begun)) -ge 5 ]
}
limited() {
	vif_more=",rate=2KB/s@100ms"
	guest limited "" "test=echo ip=10.0.0.101" || return
	vif_more=
	until_true 60 grep -q 'echo: ready' /tmp/limited.console
	until_true 20 pings 56
	ok "limited: answers come at the rate of its card" slow_pings
	udp 10.0.0.101 7 stop >/dev/null
	results limited
}

ok "services come up" services
remember /tmp/state
for back in $(echo "$backs" | tr + ' '); do
	back_end=
	[ $back = ours ] || back_end=linux
	disk $back-disk "$back_end" ""
	disk $back-persistent-disk "$back_end" persistent=1
	ok "$back: grants were persistent" \
		grep -q 'persistent 1' /tmp/$back-persistent-disk.console
	disk $back-indirect-disk "$back_end" "indirect=1 order=1"
	disk $back-rich-disk "$back_end" \
		"persistent=1 indirect=1 order=1 queues=2"
	ok "$back: it had all that it wished" grep -q \
		"$(nproc) queues of 64 slots, requests of 256 sectors" \
		/tmp/$back-rich-disk.console
	card $back-card "$back_end" all
	ok "$back-card: large frames came whole" \
		grep -q '[1-9][0-9]* to be cut' /tmp/$back-card.console
	card $back-plain-card "$back_end" none
	ok "$back-plain-card: and in pieces where they must" \
		grep -q ' 0 large, 0 blank, 0 to be cut' \
		/tmp/$back-plain-card.console
done
limited

# A front end that does everything wrong to one disk; each time that one is
# ended the log says why, in one line.
LOG=/var/log/xen/vane-blockd.log
stops() { [ "$(grep -c 'stopped: ring corrupted' $LOG)" = "$1" ]; }
bad_guest() {
	cp /tmp/ours-disk.img /tmp/good.img
	guest bad "" "test=badio" 'access=rw,vdev=xvdb,target=/tmp/good.img'
}
bad_guest && results bad
ok "each end of a device is told in one line" stops 4
ok "nothing is left" as_before /tmp/state
echo "1..$n"

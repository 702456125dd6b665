#!/bin/sh
# In Dom0: the life of a domain. guest-pv is the guest, which is up and down
# again in milliseconds.
#
#   faults   each operation that `create` consists of fails once, or the tool
#            is killed there, or told to end: nothing is left (vane-faulty)
#   packed   a kernel that is unpacked straight to its domain, at its first
#            time alone; such as turn out to be none; and faults there
#   ends     every way to end with every action of the configuration
#   watch    who watches over a domain, and for how long
#   console  what it says is seen, and kept
#   scripts  hot-plug scripts
#   states   every command in every state that a domain can be in
#
# Kernel parameters: parts=faults+ends+...; from=N: the first
# operation that fails
. /usr/lib/paravane-test/lib.sh

state_of() { vane list | awk -v n="$1" '$1 == n { print $5 }'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
id_of() { vane list | awk -v n="$1" '$1 == n { print $2 }'; }
uuid_of() { vane list -v | awk -v n="$1" '$1 == n { print $7 }'; }
none_left() { [ "$(vane list | wc -l)" = 2 ]; }
no_monitor() { ! pidof vane >/dev/null && ! pidof vane-faulty >/dev/null; }
log=/var/log/xen/vane-life.log

# guest END [LINE...]: a domain that ends so, with more lines
guest() {
	cat > /tmp/life.cfg <<-END
	name = "life"
	kernel = "/boot/guest-pv"
	memory = 16
	cmdline = "test=none end=$1"
	END
	shift
	for line; do echo "$line"; done >> /tmp/life.cfg
	rm -f $log
}

# clean WHAT: all is as it was, no process watches
clean() {
	ok "$1: nothing is left" as_before /tmp/state
	ok "$1: nobody watches any more" until_true 30 no_monitor
}

# --- faults ------------------------------------------------------------------

faults() {
	dd if=/dev/zero of=/tmp/a.img bs=1M count=1 2>/dev/null
	cp /tmp/a.img /tmp/b.img
	guest wait 'disk = [ "/tmp/a.img,raw,xvda,w",' \
		'"format=raw,vdev=xvdb,access=rw,backendtype=phy,target=/tmp/b.img" ]' \
		'vif = [ "bridge=xenbr0", "bridge=xenbr0,backendtype=linux" ]'
	ok "each operation of create fails once" \
		vane-faulty fail 1 /tmp/life.cfg "${from:-1}"
	ok "create is killed, at one operation in seven" \
		vane-faulty kill 7 /tmp/life.cfg
	ok "create is told to end, at one in seven" \
		vane-faulty term 7 /tmp/life.cfg
	clean faults
}

# destroy_all: by number, since a name may not have been written yet
destroy_all() {
	for id in $(vane list | awk 'NR > 2 { print $2 }'); do
		vane destroy "$id" || return 1
	done
}

# --- packed ------------------------------------------------------------------

cache=/var/cache/vane
kept() { find $cache -type f ! -name seen | grep -c .; }

# packed_runs KERNEL TIME KEPT: it runs to its end; so many kernels are kept
packed_runs() {
	rm -f $log
	ok "$1, $2 time: is created" vane create -q /tmp/life.cfg
	ok "$1, $2 time: runs to its end" gone life 30
	vane console --replay life >/tmp/life.out
	ok "$1, $2 time: from its beginning" whole /tmp/life.out ||
		tell /tmp/life.out
	ok "$1, $2 time: kernels kept: $3" [ "$(kept)" = "$3" ]
}

# packed_bad KERNEL TEXT: refused with that text, both times
packed_bad() {
	sed -i "s|^kernel.*|kernel = \"/boot/$1\"|" /tmp/life.cfg
	for time in first second; do
		ok "$1, $time time: is refused" refused
		ok "$1, $time time: the reason is told" \
			grep -q "kernel /boot/$1: $2" /tmp/refused ||
			tell /tmp/refused
		clean "$1, $time time"
	done
}

packed() {
	rm -rf $cache
	guest poweroff
	sed -i 's|guest-pv|guest-pv.lz4|' /tmp/life.cfg
	packed_runs guest-pv.lz4 first 0
	packed_runs guest-pv.lz4 second 1
	packed_runs guest-pv.lz4 third 1
	rm -rf $cache
	cp /boot/guest-pv.lz4 /tmp/guest-pv.lz4
	sed -i 's|/boot|/tmp|' /tmp/life.cfg
	packed_runs "a copy" first 0
	cp /boot/guest-pv.lz4 /tmp/guest-pv.lz4
	packed_runs "one that was written again" first 0
	sed -i "s|^kernel.*|kernel = \"/boot/moved.lz4\"|" /tmp/life.cfg
	packed_runs moved.lz4 first 1
	packed_bad no-notes.lz4 'has no notes of owner "Xen"'
	packed_bad short.lz4 "damaged: its LZ4 payload unpacks to [0-9]* bytes"
	ok "none of these is kept but what was unpacked whole" [ "$(kept)" = 2 ]
	clean packed
	guest wait
	sed -i 's|guest-pv|guest-pv.lz4|' /tmp/life.cfg
	ok "packed: each operation of create fails once" \
		vane-faulty fail 1 /tmp/life.cfg
	clean "packed, faults"
}

# --- ends --------------------------------------------------------------------

# runs WHAT: the domain is created
runs() { ok "$1: is created" vane create -q /tmp/life.cfg; }

# stays END LETTER: it is listed as shut down until it is destroyed
stays() {
	guest "$1" "on_$1 = \"preserve\""
	runs "$1, preserve"
	ok "$1, preserve: stays listed" until_true 30 is_state life "---s$2-"
	sleep 1
	ok "$1, preserve: still" is_state life "---s$2-"
	ok "$1, preserve: is destroyed" vane destroy life
	clean "$1, preserve"
}

goes() {
	guest "$1" "on_$1 = \"destroy\""
	runs "$1, destroy"
	ok "$1, destroy: is gone" gone life 30
	clean "$1, destroy"
}

# The fifth short life is the last one.
restarts() {
	guest "$1" "on_$1 = \"$2\""
	runs "$1, $2"
	ok "$1, $2: not for ever" until_true 60 grep -q "too often" $log
	ok "$1, $2: is gone" gone life 30
	ok "$1, $2: four new domains" [ "$(grep -c ': runs$' $log)" = 4 ]
	ok "$1, $2: each with a new id" \
		[ "$(grep ': runs$' $log | sort -u -k 4,4 | wc -l)" = 4 ]
}

# core_is_good [FILE]
core_is_good() {
	f=${1:-/var/lib/xen/dump/life}
	[ "$(od -An -tx1 -N4 $f | tr -d ' ')" = 7f454c46 ] &&
		[ "$(stat -c %s $f)" -gt $((16 << 20)) ] &&
		grep -q "guest-pv: %s" $f
}

ends() {
	for way in poweroff reboot crash watchdog; do
		goes $way
	done
	stays poweroff -
	stays reboot r
	stays crash c
	stays watchdog w
	for way in poweroff reboot crash; do
		restarts $way restart
		clean "$way, restart"
	done

	rm -f /var/lib/xen/dump/life
	guest crash 'on_crash = "coredump-destroy"'
	runs "crash, coredump-destroy"
	ok "crash, coredump-destroy: is gone" gone life 60
	ok "crash, coredump-destroy: the core is one" core_is_good || {
		ls -l /var/lib/xen/dump | sed 's/^/# /'
		tell $log
	}
	rm -f /var/lib/xen/dump/life
	clean "crash, coredump-destroy"
	restarts crash coredump-restart
	ok "crash, coredump-restart: the core is one" core_is_good
	rm -f /var/lib/xen/dump/life
	clean "crash, coredump-restart"

	restarts crash rename-restart
	ok "crash, rename-restart: the dead ones stay" \
		[ "$(vane list | grep -c '^life-.*---sc-')" = 4 ]
	ok "crash, rename-restart: each with its UUID" [ "$(vane list -v |
		awk '/^life-/ { print $7 }' | sort -u | wc -l)" = 4 ]
	ok "crash, rename-restart: each with its nodes" [ "$(xenstore-ls /vm |
		grep -c 'name = "life-')" = 4 ]
	ok "crash, rename-restart: they are destroyed" destroy_all
	clean "crash, rename-restart"

	guest poweroff 'on_poweroff = "soft-reset"'
	ok "soft-reset: is refused" refused
	ok "soft-reset: the message names it" grep -q "soft-reset" /tmp/refused ||
		tell /tmp/refused
}

refused() { ! vane create /tmp/life.cfg >/tmp/refused 2>&1; }

# --- watch -------------------------------------------------------------------

orphan() {
	pid=$(pidof vane) && [ "$(awk '/^PPid/ { print $2 }' \
		/proc/"$pid"/status)" = 1 ]
}

# It comes back by itself, and what its clients asked for is still known.
store_killed() {
	old=$(cat /run/vane/stored.pid)
	kill -9 "$old" && until_true 20 eval \
		'[ "$(cat /run/vane/stored.pid)" != "$old" ]' &&
		vane list >/dev/null
}

# A script that notes each life's interface and its address.
note_script() {
	mkdir -p /etc/xen/scripts
	cat > /etc/xen/scripts/note <<-'END'
	#!/bin/sh
	[ $1 = online ] || exit 0
	echo "$vif" >> /tmp/vifs
	vane store read "$XENBUS_PATH/mac" >> /tmp/macs
	ip link set "$vif" up &&
		vane store write "$XENBUS_PATH/hotplug-status" connected
	END
	chmod +x /etc/xen/scripts/note
}
different() { sort -u "$1" | grep -c .; }

watch() {
	guest poweroff
	ok "watching: a domain is created, paused" vane create -qp /tmp/life.cfg
	ok "watching: its watcher is nobody's child" orphan
	ok "watching: it holds no signal back" grep -q \
		'^SigBlk:[[:space:]]*0*$' "/proc/$(pidof vane)/status"
	uuid=$(uuid_of life)
	id=$(id_of life)
	ok "a UUID is as good as a name" [ "$(vane domid "$uuid")" = "$id" ]
	ok "the store daemon is killed and comes back" store_killed
	ok "a UUID may be unpaused" vane unpause "$uuid"
	ok "watching: it outlives the store daemon" gone life 60 || tell $log
	ok "watching: nobody watches any more" until_true 30 no_monitor
	none_left || destroy_all

	note_script
	guest reboot 'vif = [ "script=note" ]'
	vane create -qp /tmp/life.cfg
	uuid=$(uuid_of life)
	vane unpause life
	ok "restarts come to an end" until_true 60 grep -q "too often" $log
	gone life 60
	ok "each of five lives has its id" [ "$(different /tmp/vifs)" = 5 ]
	ok "a restart keeps the MAC address" [ "$(different /tmp/macs)" = 1 ]
	ok "a restart keeps the UUID" eval \
		'vane console --replay "$uuid" >/dev/null'

	guest poweroff
	vane create -qe /tmp/life.cfg
	ok "create -e: it stays" until_true 30 is_state life "---s--"
	ok "create -e: nobody watches" no_monitor
	vane destroy life
	guest wait
	vane create -q /tmp/life.cfg
	ok "the same name again is refused" refused
	ok "so is the same UUID" eval '! vane create -q /tmp/life.cfg \
		"name=\"b\"" "uuid=\"$(uuid_of life)\"" 2>/tmp/refused'
	vane destroy "$(uuid_of life)"
	guest poweroff
	vane create -qFp /tmp/life.cfg >/tmp/life.out 2>&1 &
	tool=$!
	until_true 20 is_state life "--p---"
	ok "create -F: waits" kill -0 $tool
	vane unpause life
	ok "create -F: ends with the domain" wait $tool
	ok "create -F: the domain is gone" not_listed life
}

# --- console -----------------------------------------------------------------

whole() { grep -q '^# guest-pv: ' "$1" && grep -q '^1\.\.1' "$1"; }

# A domain that lives for milliseconds, again and again.
seen_all() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		timeout 60 vane create -qc /tmp/life.cfg >/tmp/life.out 2>&1 \
			</dev/null || return 1
		whole /tmp/life.out || {
			echo "# create -c, $i:"
			tell /tmp/life.out
			return 1
		}
		gone life 30
	done
}

kept_all() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		vane create -q /tmp/life.cfg || return 1
		gone life 30 || return 1
		vane console --replay life >/tmp/life.out
		whole /tmp/life.out || {
			echo "# --replay, $i:"
			tell /tmp/life.out
			return 1
		}
	done
}

console() {
	guest poweroff 'uuid = "01234567-89ab-cdef-0123-456789abcdef"'
	ok "create -c: every line of ten short lives" seen_all
	ok "console --replay: every line of ten lives that are over" kept_all
	vane console --replay 01234567-89ab-cdef-0123-456789abcdef >/tmp/uuid
	ok "console --replay UUID" cmp -s /tmp/uuid /tmp/life.out
	ok "console --replay: of one that never was" eval \
		'! vane console --replay nobody 2>/tmp/err && grep -q nobody /tmp/err'
	ok "console -t serial: is refused" eval \
		'! vane console -t serial life 2>/tmp/err && grep -q "allowed: pv" /tmp/err'
	ok "console -n 1: is refused" eval \
		'! vane console -n 1 life 2>/tmp/err && grep -q "allowed: 0" /tmp/err'
	guest wait
	vane create -q /tmp/life.cfg
	id=$(id_of life)
	replays() { vane console --replay "$1" >/tmp/life.out && whole /tmp/life.out; }
	ok "console --replay: of one that lives" until_true 20 replays life
	vane rename life other
	ok "console --replay: under its new name" replays other
	ok "dump-core: of one that lives" eval \
		'vane dump-core other /tmp/core && core_is_good /tmp/core'
	ok "dump-core: it lives on" is_state other -b----
	ok "dump-core: to nowhere, an error" eval \
		'! vane dump-core other /none/core 2>/tmp/err && grep -q /none/core /tmp/err'
	rm -f /tmp/core
	vane destroy other
	ok "console --replay: by id, when it is gone" replays "$id"
	clean console
}

# --- scripts -----------------------------------------------------------------

scripts() {
	mkdir -p /etc/xen/scripts
	dd if=/dev/zero of=/tmp/s.img bs=1M count=1 2>/dev/null
	cat > /etc/xen/scripts/good <<-'END'
	#!/bin/sh
	echo "$@ $XENBUS_TYPE $XENBUS_PATH $vif" >> /tmp/calls
	case $1 in
	add)
		dev=$(losetup -f) && losetup "$dev" /tmp/s.img || exit 1
		echo "$dev" > /tmp/s.dev
		vane store write "$XENBUS_PATH/physical-device" \
			"$(stat -c %t:%T "$dev")" \
			"$XENBUS_PATH/hotplug-status" connected ;;
	remove)	losetup -d "$(cat /tmp/s.dev)" ;;
	online)	ip link set "$vif" up &&
		vane store write "$XENBUS_PATH/hotplug-status" connected ;;
	esac
	END
	cat > /etc/xen/scripts/bad <<-'END'
	#!/bin/sh
	[ $1 = add ] || exit 0
	echo "volume group vg9 is not there" >&2
	exit 5
	END
	chmod +x /etc/xen/scripts/good /etc/xen/scripts/bad
	guest wait 'disk = [ "script=good,format=raw,vdev=xvda,access=rw,target=vg0/x" ]' \
		'vif = [ "script=good" ]'
	ok "scripts: a domain with two" vane create -q /tmp/life.cfg
	id=$(id_of life)
	ok "scripts: the disk is theirs" [ "$(vane store read \
		/local/domain/0/backend/vbd/$id/51712/physical-device)" = \
		"$(stat -c %t:%T "$(cat /tmp/s.dev)")" ]
	vane destroy life
	printf '%s\n' "add vbd backend/vbd/$id/51712 " \
		"online type_if=vif vif backend/vane-vif/$id/0 vif$id.0" \
		"remove vbd backend/vbd/$id/51712 " \
		"offline type_if=vif vif backend/vane-vif/$id/0 vif$id.0" > /tmp/wanted
	ok "scripts: each was called twice" cmp -s /tmp/wanted /tmp/calls ||
		tell /tmp/calls
	clean scripts
	guest wait 'disk = [ "script=bad,format=raw,vdev=xvda,access=rw,target=vg9/x" ]'
	ok "a script that fails: no domain" refused
	ok "a script that fails: its words are told" grep -q \
		"bad add failed with status 5: volume group vg9 is not there" \
		/tmp/refused || tell /tmp/refused
	clean "a script that fails"
}

# --- states ------------------------------------------------------------------

# rows STATE: each line of the input is "STATUS COMMAND" or "STATUS COMMAND #
# TEXT", which stands in the error then.
rows() {
	while read -r want line; do
		text=${line#*# }
		command=${line%% #*}
		# shellcheck disable=SC2086
		timeout 60 vane $command </dev/null >/tmp/out 2>/tmp/err
		got=$?
		[ $got = "$want" ] && { [ "$want" = 0 ] ||
			grep -q -- "$text" /tmp/err; }
		bad=$?
		ok "$1: $command" [ $bad = 0 ] || {
			echo "# status $got"
			tell /tmp/err
		}
	done
}

# What asks, and changes nothing; life is its name.
asking() {
	cat <<-END
	0 list life
	0 list -l life
	0 list -v
	0 domid life
	0 domname $1
	0 uptime life
	0 vcpu-list life
	0 block-list life
	0 network-list life
	0 sched-credit -d life
	END
}

# What changes it in any state before its end.
changing() {
	cat <<-END
	0 rename life other
	0 rename other life
	1 rename life Domain-0 # exists already
	1 rename life 77 # not digits alone
	0 vcpu-pin life 0 all
	1 vcpu-pin life 5 0 # no such vCPU
	0 vcpu-set life 1
	1 vcpu-set life 2 # allowed: 1 to 1
	0 mem-set life 16
	1 mem-set life 32 # more than its maxmem
	0 mem-max life 24
	1 mem-max life 8 # less than its target
	0 sched-credit -d life -w 300 -c 50
	0 sysrq life h
	1 trigger life nmi # not for a PV domain
	0 cpupool-migrate life Pool-0
	1 cpupool-migrate life nopool # there is no CPU pool
	0 config-update life /tmp/life.cfg
	0 block-attach life /tmp/a.img,raw,xvda,w
	1 block-attach life /tmp/a.img,raw,xvda,w # has one of that number
	0 block-list life
	0 block-detach --force life xvda
	1 block-detach --force life xvda # has no device
	0 network-attach life
	0 network-list life
	0 network-detach --force life 0
	1 network-detach --force life 0 # has no device
	3 create -q /tmp/life.cfg # exists already
	END
}

# What there is no domain for.
missing() {
	for command in "pause life" "unpause life" "shutdown life" \
			"reboot life" "destroy life" "rename life other" \
			"domid life" "list life" "list -l life" "uptime life" \
			"vcpu-list life" "vcpu-pin life 0 all" \
			"vcpu-set life 1" "mem-set life 16" "mem-max life 16" \
			"sched-credit -d life" "sysrq life h" \
			"trigger life nmi" "cpupool-migrate life Pool-0" \
			"config-update life /tmp/life.cfg" "block-list life" \
			"block-attach life /tmp/a.img,raw,xvda,w" \
			"block-detach life xvda" "block-resize life xvda" \
			"network-list life" "network-attach life" \
			"network-detach life 0" "dump-core life /tmp/core" \
			"console life"; do
		echo "1 $command # there is no domain \"life\""
	done
}

states() {
	dd if=/dev/zero of=/tmp/a.img bs=1M count=1 2>/dev/null
	guest wait
	vane create -qpe /tmp/life.cfg
	id=$(id_of life)
	{ asking "$id"; changing
	cat <<-END
	0 pause life
	0 unpause life
	0 unpause life
	1 unpause life # not in that state
	END
	} >/tmp/rows
	rows paused </tmp/rows
	ok "blocked: is the state" until_true 20 is_state life -b----
	{ asking "$id"; changing
	cat <<-END
	1 unpause life # not in that state
	0 dump-core life /tmp/core
	0 pause life
	0 dump-core life /tmp/core
	0 unpause life
	0 destroy life
	END
	} >/tmp/rows
	rows blocked </tmp/rows
	missing >/tmp/rows
	rows gone </tmp/rows
	for way in poweroff crash; do
		guest $way "on_$way = \"preserve\""
		vane create -q /tmp/life.cfg
		until_true 20 eval 'state_of life | grep -q "^---s"'
		{ asking "$(id_of life)"; changing
		cat <<-END
		1 unpause life # not in that state
		0 pause life
		0 unpause life
		0 shutdown life
		0 reboot life
		0 dump-core life /tmp/core
		0 destroy life
		END
		} >/tmp/rows
		rows $way </tmp/rows
	done
	# The console daemon stands still, and keeps its pages of the domain.
	guest wait
	vane create -qe /tmp/life.cfg
	id=$(id_of life)
	pid=$(cat /run/vane/consoled.pid)
	kill -STOP "$pid"
	cat >/tmp/rows <<-END
	1 destroy life # dead but not gone
	0 list
	0 list $id
	0 vcpu-list $id
	1 shutdown $id # does not take requests
	1 domid life # there is no domain
	1 destroy $id # dead but not gone
	END
	rows dying </tmp/rows
	ok "dying: is the state" eval 'vane list | grep -q "^(null) .*d  "' ||
		{ vane list >/tmp/out; tell /tmp/out; }
	kill -CONT "$pid"
	ok "dying: it goes" until_true 20 none_left
	cat >/tmp/rows <<-END
	1 pause 0 # domain 0
	1 unpause 0 # domain 0
	1 destroy 0 # not to be destroyed
	1 shutdown 0 # does not take requests
	1 dump-core 0 /tmp/core # domain 0
	1 mem-set 0 64 # needs 128
	0 vcpu-pin 0 0 all
	0 sched-credit -d 0
	0 list 0
	0 uptime 0
	END
	rows "Domain-0" </tmp/rows
	rm -f /tmp/core
	clean states
}

services >/dev/null 2>&1 || echo "not ok - services come up"
remember /tmp/state
for part in $(echo "$parts" | tr + ' '); do $part; done
echo "1..$n"

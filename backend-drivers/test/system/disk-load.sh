#!/bin/sh
# In Dom0: see disk-load.
. /usr/lib/paravane-test/lib.sh
KILLS=50

worker_file() { echo /run/vane/workers/vane-vbd.$(domid_of $1).$2; }
domid_of() { vane domid $1; }
worker_of() { cat $(worker_file $1 $2) 2>/dev/null; }
other_worker() {
	now=$(worker_of $1 $2)
	[ -n "$now" ] && [ "$now" != "$3" ]
}

# Each time in the middle of something: the pauses differ.
kill_workers() {
	for i in $(seq $KILLS); do
		pid=$(worker_of load 51712)
		kill -KILL "$pid" || return 1
		until_true 60 other_worker load 51712 "$pid" || return 1
		usleep $((200000 + i * 37777 % 900000))
	done
}

# Not so soon that it is started more slowly.
kill_daemon() {
	for i in $(seq $KILLS); do
		pid=$(cat /run/vane/blockd.pid)
		kill -KILL "$pid"
		until_true 60 another "$pid" || return 1
		usleep $((1050000 + i * 37777 % 300000))
	done
}
another() { [ "$(cat /run/vane/blockd.pid 2>/dev/null)" != "$1" ]; }

attached() {
	[ "$(xenstore-ls -f /local/domain/0/backend/vane-vbd 2>/dev/null |
		sed -n 's,.*/51728/state = "\(.*\)",\1,p')" = 4 ]
}
# The tool gives up after ten seconds, which a busy host may need.
patiently() {
	for _ in 1 2 3; do
		"$@" >/tmp/attach.out 2>&1 && return 0
		grep -q 'within 10 s\|did not' /tmp/attach.out || break
	done
	tell /tmp/attach.out
	tail -n 20 /var/log/xen/vane-blockd.log >/tmp/log
	tell /tmp/log
	return 1
}
tell_nodes() {
	xenstore-ls -f | grep 51728 >/tmp/nodes
	tail -n 20 /var/log/xen/vane-blockd.log >>/tmp/nodes
	tell /tmp/nodes
	return 1
}
attach() {
	patiently vane block-attach load \
		format=raw,vdev=xvdb,access=rw,target=/tmp/more.img
}
detach() { patiently vane block-detach load xvdb; }
taken() { until_true 60 attached || tell_nodes; }
attach_detach() {
	for _ in $(seq 50); do
		attach && taken && detach || return 1
	done
}
counts_some() { [ "$(counted $1)" -gt 0 ]; }
counted() {
	vane block-list --json load |
		sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}

no_fio_bad() { ! grep '^@fio .* bad\|error' /tmp/load.console; }

all_there() {
	tr -d '\r' </tmp/files.console | sed -n 's/^@synced //p' |
		sed '$d' >/tmp/synced
	echo "# $(wc -l </tmp/synced) files were flushed"
	[ "$(wc -l </tmp/synced)" -ge 20 ] || return 1
	while read -r name sum; do
		[ "$(sum </mnt/$name)" = "$sum" ] ||
			{ echo "# $name is not what it was"; return 1; }
	done </tmp/synced
}
# 1: what the journal held was put in its place. The counts of what is free are
# only written when it is unmounted.
repaired() {
	e2fsck -fy /tmp/files.img >/tmp/fsck.out 2>&1
	[ $? -le 1 ] && ! grep -v 'count wrong' /tmp/fsck.out |
		grep -i 'wrong\|clear\|corrupt\|invalid\|bad ' ||
		{ tell /tmp/fsck.out; return 1; }
}
many_synced() { [ "$(grep -c '@synced' /tmp/files.console)" -ge 30 ]; }

fio_part() {
	plan 10
	ok "services come up" services
	dd if=/dev/zero of=/tmp/more.img bs=1M count=8 2>/dev/null
	remember /tmp/state
	config load 1 fio
	sed -i 's/^vif/# &/' /tmp/load.cfg
	ok "a domain comes up" create load
	says load @begun 300
	kill_workers >/tmp/kills 2>&1 &
	kills=$!
	ok "a disk is attached and detached 50 times under load" attach_detach
	ok "the worker of the other is killed $KILLS times meanwhile" \
		wait $kills || tell /tmp/kills
	ok "the daemon is killed $KILLS times" kill_daemon
	ok "fio has verified for two minutes" says load '@two minutes' 900
	ok "no block was wrong, no error seen" no_fio_bad
	ok "the requests were counted" counts_some reads
	grep -c '^@fio .* good' /tmp/load.console | sed 's/^/# patterns: /'
	vane destroy load
	ok "nothing is left" as_before /tmp/state
}

files_part() {
	plan 6
	ok "services come up" services
	remember /tmp/state
	config files 2 files
	sed -i 's/^vif/# &/' /tmp/files.cfg
	ok "a domain comes up" create files
	until_true 600 many_synced
	vane destroy files
	ok "its file system is whole" repaired
	modprobe crc32c_generic
	modprobe ext4
	mount -o loop,ro /tmp/files.img /mnt
	ok "and all that was flushed is there" all_there
	umount /mnt
	ok "nothing is left" as_before /tmp/state
}

case $part in
disk-load)	fio_part ;;
*)		files_part ;;
esac
ok "no worker was killed by what it must not do" \
	eval '! grep "signal 31" /var/log/xen/vane-blockd.log'

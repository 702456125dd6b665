#!/bin/sh
# Runs in a Dom0 as its test: our daemon on a real hypervisor. Prints TAP.
n=0
failed=0

# check TITLE COMMAND...: what a failing command printed follows as comment
check() {
	title=$1
	shift
	n=$((n + 1))
	if "$@" > /tmp/out 2>&1; then
		echo "ok $n - $title"
	else
		echo "not ok $n - $title"
		grep -v '^ok' /tmp/out | sed 's/^/# /'
		failed=1
	fi
}

through_kernel() {
	XENSTORED_PATH=/dev/xen/xenbus timeout 300 "$@"
}

is() {
	[ "$1" = "$2" ] || { echo "is '$1', want '$2'"; return 1; }
}

second_daemon_leaves() {
	! vane-stored --foreground --pid-file /run/second.pid
}

# The kernel writes these when its xenbus comes up.
kernel_is_there() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(xenstore-read control/feature-poweroff)" = 1 ] &&
			return 0
		sleep 1
	done
	return 1
}

# Another process goes on with the store.
updated() {
	before=$(cat /run/xenstore.pid)
	xenstore-write /before update
	xenstore-control live-update /usr/sbin/vane-stored || return 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat /run/xenstore.pid)" != "$before" ] && break
		sleep 1
	done
	[ "$(cat /run/xenstore.pid)" != "$before" ] &&
		[ "$(xenstore-read /before)" = update ] &&
		xenstore-rm /before
}

# control PATTERN ARGUMENT...: what it prints has such a line
control() {
	pattern=$1
	shift
	xenstore-control "$@" | grep -q "$pattern"
}

control_logs() {
	xenstore-control logfile /run/other.log && xenstore-control log on &&
		xenstore-read /tool/xenstored && xenstore-control log off &&
		grep -q "request domain=0 .*op=READ text=\"/tool/xenstored" \
			/run/other.log &&
		xenstore-control logfile /run/stored.log
}

# A daemon of its own whose state lies on a file system that becomes full.
small=/run/small
in_small() { XENSTORED_PATH=$small/socket "$@"; }

fill_small() {
	v=$(head -c 3000 /dev/zero | tr '\0' x)
	i=0
	while in_small xenstore-write /fill/$i/a "$v" /fill/$i/b "$v" \
		/fill/$i/c "$v" /fill/$i/d "$v" /fill/$i/e "$v" \
		/fill/$i/f "$v" /fill/$i/g "$v" /fill/$i/h "$v" 2>/tmp/error
	do
		i=$((i + 1))
		[ $i -lt 500 ] || return 1
	done
	echo "refused at $i: $(cat /tmp/error)"
	[ $i -gt 10 ]
}

small_reads() { is "$(in_small xenstore-read /first)" here; }

small_again() {
	in_small xenstore-rm /fill || return 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		in_small xenstore-write /another 1 2>/tmp/error && return 0
		sleep 1
	done
	return 1
}

mkdir -p /tmp /run/xenstored
check "the daemon starts" vane-stored --pid-file /run/xenstore.pid \
	--log-file /run/stored.log
check "the kernel's xenbus comes up" kernel_is_there
check "a second daemon leaves" second_daemon_leaves
check "the protocol's rules, over the socket" conformance
check "our client through the kernel's ring" through_kernel test_client
check "Debian's clients through the kernel's ring" \
	through_kernel xenstore-write /k/a 1 /k/b two
check "what they wrote is there" is "$(xenstore-ls /k)" 'a = "1"
b = "two"'
check "test-xenstore over the socket" test-xenstore
check "test-xenstore through the kernel's ring" through_kernel test-xenstore
check "the store is sound" is "$(xenstore-control check)" OK
check "control: help" control live-update help
check "control: quota" control '^watches  *128' quota
check "control: quota of a domain" control '^nodes .* of 1000' quota 0
check "control: quota set" xenstore-control quota set nodes 900
check "control: what was set" control '^nodes  *900' quota
check "control: memreport" control '^connections' memreport
check "control: log, logfile" control_logs
check "control: live-update" updated
check "the kernel's ring goes on after it" \
	through_kernel xenstore-exists /tool

mkdir -p $small
mount -t tmpfs -o size=3m tmpfs $small
check "a daemon with its state on a small file system" vane-stored --no-xen \
	--socket $small/socket --pid-file $small/pid --log-file /run/small.log
check "takes a node" in_small xenstore-write /first here
check "the file system becomes full: an error to who writes" fill_small
check "what is there can be read" small_reads
check "nobody else is harmed" xenstore-write /t-others 1
check "room is there again: writing goes on" small_again
check "the log told it" grep -q "state-file full=1" /run/small.log
kill "$(cat $small/pid)"
xenstore-rm /t-others 2>/dev/null || true
kill "$(cat /run/xenstore.pid)"
while [ -e /run/xenstore.pid ]; do sleep 0.1; done
check "a daemon starts after the first has ended" \
	vane-stored --pid-file /run/xenstore.pid --log-file /run/stored.log
check "the kernel's ring goes on with it" through_kernel xenstore-exists /tool
echo "1..$n"
[ $failed = 0 ] || sed 's/^/# /' /run/stored.log
exit $failed

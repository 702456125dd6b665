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
	XENSTORED_PATH=/dev/xen/xenbus timeout 60 "$@"
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
kill "$(cat /run/xenstore.pid)"
while [ -e /run/xenstore.pid ]; do sleep 0.1; done
check "a daemon starts after the first has ended" \
	vane-stored --pid-file /run/xenstore.pid --log-file /run/stored.log
check "the kernel's ring goes on with it" through_kernel xenstore-exists /tool
echo "1..$n"
[ $failed = 0 ] || sed 's/^/# /' /run/stored.log
exit $failed

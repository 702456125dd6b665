# Shell functions for tests of store clients: a daemon of ours for them alone.
# TAP: `check` as often as wanted, then `finish`.
dir=$(mktemp -d)
export XENSTORED_PATH=$dir/socket
n=0 failed=0

build/xenstore/test/vane-stored --foreground --no-xen --socket "$dir/socket" \
	--pid-file "$dir/pid" --log-file "$dir/log" &
daemon=$!
for _ in {1..500}; do [ -s "$dir/pid" ] && break; sleep 0.02; done

# check TITLE WANT-STATUS WANT-OUTPUT COMMAND...
check() {
	local title=$1 status=$2 want=$3 got rc
	shift 3
	got=$(timeout 20 "$@" 2>/dev/null)
	rc=$?
	n=$((n + 1))
	if [ "$rc" = "$status" ] && [ "$got" = "$want" ]; then
		echo "ok $n - $title"
	else
		echo "not ok $n - $title"
		printf '%s\n' "exit $rc, want $status" "$got" | sed 's/^/# /'
		failed=1
	fi
}

# finish: the daemon ends, and the test with it
finish() {
	kill $daemon
	wait $daemon
	check "the daemon ended well" 0 0 echo $?
	[ "$failed" = 0 ] || sed 's/^/# /' "$dir/log"
	rm -rf "$dir"
	echo "1..$n"
	exit $failed
}

#!/bin/sh
# In Dom0: see net-hostile.
. /usr/lib/paravane-test/lib.sh
LOG=/var/log/xen/vane-netd.log

cat > /tmp/bad.cfg <<END
name = "bad"
type = "pv"
kernel = "/boot/guest-pv"
memory = 32
cmdline = "end=poweroff test=badnet gateway=10.0.0.1"
vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0",
	"mac=00:16:3e:00:00:02,bridge=xenbr0" ]
on_crash = "destroy"
END

# results: what the domain found, when it is gone
results() {
	gone bad 300 || $tool destroy bad
	tr -d '\r' < /tmp/bad.console > /tmp/bad.tap
	while read -r line; do
		case $line in
		"ok "*) n=$((n + 1)); echo "ok $n - ${line#*- }" ;;
		"not ok "*) n=$((n + 1)); echo "not ok $n - ${line#*- }" ;;
		"#"*) echo "$line" ;;
		esac
	done < /tmp/bad.tap
	grep -q '^1\.\.[1-9]' /tmp/bad.tap
}

# told TIMES WORDS: so often the log gives them as the reason, or once more:
# slots that change under way may end the card by any of them, or not.
told() {
	times=$(grep -c "/0: stopped: .*$2" $LOG)
	[ "$times" = "$1" ] || [ "$times" = $(($1 + 1)) ] || {
		echo "# $times times: $2"
		return 1
	}
}
all_told() {
	times=$(grep -c "/0: stopped: " $LOG)
	[ "$times" = 19 ] || [ "$times" = 20 ]
}
only_the_bad() { ! grep '/1: stopped' $LOG; }

ok "services come up" services
remember /tmp/state
ok "the domain is created" create bad
ok "it runs to its end" results
ok "the log tells of four transmit indices" told 4 "transmit: ring corrupted"
ok "of two receive indices" told 2 "receive ring corrupted"
ok "of data across pages" told 3 "data crosses a page"
ok "of slots that are missing" told 3 "slots of a packet are missing"
ok "of too many slots" told 1 "too many slots in a packet"
ok "of extra information" told 3 "unknown extra information"
ok "of segments of no kind" told 2 "unknown kind of GSO"
ok "of the control ring" told 1 "control ring corrupted"
ok "each end in one line" all_told
ok "the other card never ended" only_the_bad
ok "nothing is left" as_before /tmp/state
echo "1..$n"

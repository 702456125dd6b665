#!/bin/sh
# In Dom0: guest-pv as an unprivileged domain. Its own TAP comes over its
# console and is passed on; then it must be gone without a trace.
#
# Kernel parameters: programs=NAME+NAME...
. /usr/lib/paravane-test/lib.sh

services >/dev/null 2>&1
cat > /tmp/gp.cfg <<END
name = "gp"
type = "pv"
kernel = "/boot/guest-pv"
memory = 64
vcpus = 4
cmdline = "test=$programs end=poweroff"
on_crash = "destroy"
END
snapshot /tmp/state
create gp || echo "not ok - guest-pv is created"
until_true 120 grep -q "^1\.\.[0-9]" /tmp/gp.console ||
	echo "# no plan on its console"
tr -d '\r' < /tmp/gp.console > /tmp/gp.tap
grep -E '^(ok |not ok |#|Bail out)' /tmp/gp.tap
count=$(sed -n 's/^1\.\.//p' /tmp/gp.tap)
n=${count:-0}
ok "guest-pv is gone" gone gp 30
ok "guest-pv leaves everything as it was" as_before /tmp/state
echo "1..$n"

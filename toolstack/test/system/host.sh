#!/bin/sh
# In Dom0: see host.
. /usr/lib/paravane-test/lib.sh

# linux NAME ON_POWEROFF
linux() {
	cat <<-END
	name = "$1"
	kernel = "/boot/domu-vmlinuz"
	ramdisk = "/boot/domu.cpio"
	memory = 128
	cmdline = "console=hvc0 quiet"
	on_poweroff = "$2"
	END
}
deaf() {
	printf 'name = "deaf"\nkernel = "/boot/guest-pv"\nmemory = 16\n'
	printf 'cmdline = "test=none end=wait"\n'
}
none_left() { [ "$(vane list | wc -l)" = 2 ]; }
order() { vane list | awk 'NR > 2 { printf "%s ", $1 }'; }
ready() { until_true 300 eval "vane console --replay $1 2>/dev/null | grep -q @ready"; }

plan 19
ok "services come up" services
snapshot /tmp/state
mkdir -p /etc/vane/auto
linux web restart > /etc/vane/auto/20-web.cfg
linux database destroy > /etc/vane/auto/10-database.cfg
deaf > /etc/vane/auto/30-deaf.cfg
echo 'STOP_SECONDS=25' > /etc/vane/domains.conf
ok "status: none runs" eval '! /etc/vane/domains status >/tmp/status'
ok "it is told of each" [ "$(grep -c "does not run" /tmp/status)" = 3 ]
ok "start" /etc/vane/domains start
ok "all run, in the order of the files" [ "$(order)" = "database web deaf " ]
ok "status: all run" eval '/etc/vane/domains status >/tmp/status'
ok "a second start finds them" eval \
	'/etc/vane/domains start >/tmp/start && [ $(grep -c already /tmp/start) = 3 ]'
linux broken destroy | sed 's|/boot/domu-vmlinuz|/boot/none|' \
	> /etc/vane/auto/15-broken.cfg
ok "one that is wrong: an error" eval '! /etc/vane/domains start >/dev/null 2>/tmp/err'
ok "which names the file and the cause" \
	grep -q "15-broken.cfg: .*/boot/none: No such file" /tmp/err
rm /etc/vane/auto/15-broken.cfg
ok "the database is up" ready database
ok "the web server is up" ready web
ok "stop" eval '/etc/vane/domains stop >/tmp/stop 2>&1' || tell /tmp/stop
ok "in the other order" [ "$(cut -d: -f1 /tmp/stop | tr '\n' ' ')" = \
	"deaf web database " ] || tell /tmp/stop
ok "who does not listen is destroyed" grep -q "^deaf: .*destroyed" /tmp/stop
ok "the others have shut down" [ "$(grep -c "has shut down" /tmp/stop)" = 2 ]
ok "on_poweroff=restart does not count at the host's end" none_left
ok "nothing is left" as_before /tmp/state
/etc/vane/domains start >/dev/null
ok "start again" [ "$(order)" = "database web deaf " ]
for name in deaf web database; do vane destroy $name; done
ok "nothing is left" as_before /tmp/state

#!/bin/sh
# In Dom0: see cluster. Lists and the host's data come out as lines that begin
# with "@STATE ", for the parser on the other side.
. /usr/lib/paravane-test/lib.sh

ln -s /usr/sbin/vane /usr/sbin/xl
export OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=web OCF_RESKEY_xmfile=/etc/web.cfg
export OCF_RESKEY_CRM_meta_timeout=600000 HA_LOGFILE=/tmp/ha.log HA_debug=0
agent() {
	__OCF_ACTION=$1 /usr/lib/ocf/resource.d/heartbeat/Xen "$1" >/tmp/agent.out 2>&1
}
# answers ACTION STATUS
answers() {
	agent "$1"
	got=$?
	[ $got = "$2" ] && return 0
	echo "# $1: $got"
	tell /tmp/agent.out
	return 1
}
# show STATE: what an engine reads now
show() { xl list 2>/dev/null | sed "s/^/@$1 /"; }
is_state() { xl list | awk 'NR > 2 { print $5 }' | grep -q "^$1$"; }
ready() { until_true 300 eval "vane console --replay web | grep -q @ready"; }

# short END ACTION: a domain of guest-pv's
short() {
	cat > /tmp/short.cfg <<-END
	name = "short"
	kernel = "/boot/guest-pv"
	memory = 16
	cmdline = "test=none end=$1"
	on_$1 = "$2"
	END
}

plan 25
ok "services come up" services
cat > /etc/web.cfg <<END
name = "web"
kernel = "/boot/domu-vmlinuz"
ramdisk = "/boot/domu.cpio"
memory = 128
cmdline = "console=hvc0 quiet"
END
remember /tmp/state
ok "meta-data" answers meta-data 0
ok "validate-all" answers validate-all 0
ok "monitor: it does not run" answers monitor 7
ok "start" answers start 0
ok "monitor: it runs" answers monitor 0
ok "start once more: it runs already" answers start 0
ok "one domain is there" [ "$(xl list | wc -l)" = 3 ]
ok "it is up" ready
show running
ok "stop" answers stop 0
ok "it has shut down, and was not destroyed" eval '! grep -q destroyed /tmp/ha.log'
ok "monitor: it does not run" answers monitor 7
ok "stop once more" answers stop 0
ok "nothing is left" as_before /tmp/state
sed -i 's|^kernel.*|kernel = "/boot/guest-pv"|; s|^ramdisk.*||; s|^cmdline.*|cmdline = "test=none end=wait"|' /etc/web.cfg
ok "start one that will not listen" answers start 0
OCF_RESKEY_shutdown_timeout=3 ok "stop" answers stop 0
ok "it has been destroyed" not_listed web
sed -i 's|/boot/guest-pv|/boot/none|' /etc/web.cfg
ok "start one without a kernel: an error" answers start 1

short wait destroy
xl create -qp /tmp/short.cfg
ok "paused" until_true 30 is_state --p---
show paused
xl unpause short
ok "blocked" until_true 30 is_state -b----
show blocked
xl destroy short
for way in poweroff reboot crash watchdog; do
	short $way preserve
	xl create -q /tmp/short.cfg
	ok "$way" until_true 30 is_state '---s.-'
	show $way
	xl destroy short
done
show none
xl info | sed 's/^/@info /'
ok "nothing is left" as_before /tmp/state

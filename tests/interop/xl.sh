#!/bin/sh
# In Dom0 with Debian's xenstored, xenconsoled, xl and libxl as they are: each
# command of xl that a host's owner needs, and xen-utils' own tests. What a
# command is to bring about is checked, in its words and in the domain.
. /usr/lib/paravane-test/lib.sh
. /usr/lib/paravane-test/interop.sh

bin=/usr/lib/xen-4.17/bin

# A value of `xl list`: id Mem VCPUs State Time
column() { xl list | awk -v n="$1" -v c="$2" '$1 == n { print $c }'; }
mem_is() { is "$1" "$(column solo 3)"; }
state_has() { case $(column solo 5) in *$1*) ;; *) return 1 ;; esac; }
state_lacks() { ! state_has "$1"; }
time_of() { column solo 6; }

domid() { xl domid "$1" 2>/dev/null; }

counted() { [ "$(grep -c "$2" /tmp/solo.console)" -ge "$1" ]; }

# seconds_of NAME: by `xl uptime`, which says H:MM:SS
seconds_of() {
	xl uptime | awk -v n="$1" '$1 == n {
		split($3, t, ":"); print 3600 * t[1] + 60 * t[2] + t[3] }'
}
older() { [ "$(seconds_of "$1")" -gt "$2" ]; }

told_again() { xl dmesg | grep -F -f /tmp/oldest; }

host() {
	group "xl info"
	ok "info: version, memory, CPUs" prints "xl info" \
		'^xen_major *: 4$' '^xen_minor *: 17$' \
		"^nr_cpus *: $(nproc)\$" '^total_memory *: 20[0-9]{2}$' \
		'^free_memory *: [1-9]' '^xen_scheduler *: credit' \
		'^xen_caps *:.*xen-3.0-x86_64'
	ok "info -n: topology and the node" prints "xl info -n" \
		'^cpu_topology' '^ *0: *0 *0 *0$' '^numa_info'

	group "xl list"
	ok "list: Dom0 runs" prints "xl list" '^Domain-0 +0 +[0-9]+ +[0-9]+ +r'
	ok "list -v: its UUID" prints "xl list -v" \
		'^Domain-0.*[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}'
	ok "list -l: JSON" prints "xl list -l" \
		'"domid":.0' '"name":."Domain-0"'

	group "xl dmesg"
	ok "dmesg: the hypervisor's log" prints "xl dmesg" '^\((XEN|PV)\)'
	head -n 1 /tmp/out >/tmp/oldest
	ok "dmesg -c: reads it again" prints "xl dmesg -c" '^\((XEN|PV)\)'
	ok "and clears it" refused told_again

	group "xl vcpu-list"
	ok "vcpu-list: a line per vCPU of Dom0" is "$(nproc)" "$(xl vcpu-list \
		Domain-0 | grep -Ec '^Domain-0 +0 +[01] +[01] +[-rb]{2}-  ')"

	group "xl sched-credit, cpupool-list"
	ok "cpupool-list: one pool with all CPUs" \
		prints "xl cpupool-list" "^Pool-0 +$(nproc) +credit.* +y +1"
	ok "cpupool-list -c: which CPUs" \
		prints "xl cpupool-list -c" '^Pool-0 +0,1'
	sched=$(xl info | awk '/^xen_scheduler/ { print "sched-" $3 }')
	ok "$sched: Dom0's weight is 256" prints "xl $sched" '^Domain-0 +0 +256'

	group "xl uptime"
	ok "uptime: Dom0" prints "xl uptime" '^Domain-0 +0 +0:0'
	ok "uptime: that of Dom0's kernel" within 5 \
		"$(seconds_of Domain-0)" "$(uptime_s)"
}

create_solo() {
	group "xl create, console"
	ok "create: a PV domain with disk and network" run xl create /tmp/solo.cfg
	enter xl console solo
	ok "console: the domain speaks" says solo "@hello solo has 2 CPUs" 300
	ok "console: the domain listens" answers sum 42 'expr 6 \* 7'
	ok "list: domain with its memory" mem_is 256
	ok "list -v: its UUID, and how it is labelled" prints "xl list -v solo" \
		'^solo .* [0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12} '
	ok "list -l: domain's configuration" prints "xl list -l solo" \
		'"name": "solo"' '"max_vcpus": 2' '"max_memkb": 262144' \
		'"vdev": "xvda"' '"mac": "00:16:3e:00:00:01"'
	ok "domid, domname" is solo "$(xl domname "$(domid solo)")"
	ok "vcpu-list: both vCPUs" is 2 "$(xl vcpu-list solo | grep -c ^solo)"
	ok "uptime: the domain is younger than Dom0" \
		[ "$(seconds_of solo)" -lt "$(seconds_of Domain-0)" ]
	ok "uptime: it counts on" soon older solo "$(seconds_of solo)"
	ok "disk: what Dom0 wrote is read" answers disk \
		"$(dd if=/tmp/solo.img bs=1M count=4 2>/dev/null | sum)" \
		"dd if=/dev/xvda bs=1M count=4 2>/dev/null | sum"
	ok "network: Dom0 pings it" soon pinged
}

pause_solo() {
	group "xl pause, unpause"
	ok "pause" run xl pause solo
	ok "paused: the list says so" state_has p
	before=$(time_of)
	sleep 2
	ok "paused: it takes no CPU time" is "$before" "$(time_of)"
	ok "unpause" run xl unpause solo
	ok "unpaused: the list says so" state_lacks p
	ok "unpaused: it answers" answers prod 15 'expr 3 \* 5'
}

memory_solo() {
	group "xl mem-set, mem-max"
	ok "mem-set 200" run xl mem-set solo 200
	ok "the domain gives memory back" soon mem_is 200
	ok "mem-set 256" run xl mem-set solo 256
	ok "the domain has it again" soon mem_is 256
	ok "mem-set beyond its maximum is refused" refused xl mem-set solo 512
	ok "mem-max 300" run xl mem-max solo 300
	ok "the store has the new maximum" is 307200 "$(xenstore-read \
		"/local/domain/$(domid solo)/memory/static-max")"
}

vcpus_solo() {
	group "xl vcpu-set"
	ok "vcpu-set 1" run xl vcpu-set solo 1
	ok "the domain has 1 CPU" answers cpus1 1 nproc
	ok "vcpu-list: one is offline" soon offline 1
	ok "vcpu-set 2" run xl vcpu-set solo 2
	ok "the domain has 2 CPUs" answers cpus2 2 \
		'echo 1 >/sys/devices/system/cpu/cpu1/online; nproc'
	ok "vcpu-list: none is offline" soon offline 0

	group "xl vcpu-pin"
	ok "vcpu-pin 0 to CPU 1" run xl vcpu-pin solo 0 1
	ok "vcpu-list: hard affinity" prints "xl vcpu-list solo" \
		'^solo +[0-9]+ +0 +[-0-9]+ .* 1 / all'
	ok "it runs there" soon on_cpu 0 1
	ok "vcpu-pin: soft affinity" run xl vcpu-pin solo 1 - 0
	ok "vcpu-list: soft affinity" prints "xl vcpu-list solo" \
		'^solo +[0-9]+ +1 .* all / 0$'
	ok "vcpu-pin all" run xl vcpu-pin solo all all all
	ok "vcpu-list: none" prints "xl vcpu-list solo" \
		'^solo +[0-9]+ +0 .* all / all$'

	group "xl sched-credit"
	ok "weight 512" run xl $sched -d solo -w 512
	ok "weight is told" prints "xl $sched -d solo" '^solo +[0-9]+ +512'
	ok "cap 50" run xl $sched -d solo -c 50
	ok "cap is told" prints "xl $sched -d solo" '^solo +[0-9]+ +512 +50'
	ask 'while :; do :; done &'
	ok "it takes no more than half a CPU" soon half_a_cpu 3
	ask 'kill $!'
	ok "no cap" run xl $sched -d solo -c 0 -w 256
	ok "pool's parameters" prints "xl $sched -s" 'Pool-0'
}
# half_a_cpu N: its busy loop has taken N s, and not in less than about 2 N
half_a_cpu() {
	now=$(awk '{ print $1 }' /proc/uptime) used=$(time_of)
	: "${since:=$now}" "${used_before:=$used}"
	awk -v t="$now" -v t0="$since" -v u="$used" -v u0="$used_before" \
		-v n="$1" 'BEGIN { exit !(u - u0 >= n && t - t0 > 1.6 * (u - u0)) }'
}
offline() {
	is "$1" "$(xl vcpu-list solo | awk '$5 ~ /--p/ { n++ } END { print n + 0 }')"
}
on_cpu() {
	ask :
	is "$2" "$(xl vcpu-list solo | awk -v v="$1" '$1 == "solo" && $3 == v { print $4 }')"
}

devices_solo() {
	group "xl block-attach, block-list, block-detach"
	dd if=/dev/urandom of=/tmp/more.img bs=1M count=4 2>/dev/null
	losetup /dev/loop7 /tmp/more.img
	ok "block-attach: a block device" run \
		xl block-attach solo phy:/dev/loop7,xvdb,w
	ok "the domain reads it" answers more "$(sum </tmp/more.img)" \
		'sum </dev/xvdb'
	ok "the domain writes it" answers written 0 \
		'dd if=/dev/xvda of=/dev/xvdb bs=1M count=4 conv=fsync; echo $?'
	ok "block-list: two devices" is 2 \
		"$(xl block-list solo | grep -c '/vbd/')"
	ok "block-detach" run xl block-detach solo xvdb
	ok "the domain has it no more" answers gone 1 \
		'[ -e /dev/xvdb ]; echo $?'
	losetup -d /dev/loop7
	ok "what it wrote is in the file" is "$(sum </tmp/more.img)" \
		"$(dd if=/tmp/solo.img bs=1M count=4 2>/dev/null | sum)"

	group "xl network-attach, network-list, network-detach"
	ok "network-attach" run xl network-attach solo \
		mac=00:16:3e:00:01:01 bridge=xenbr0
	ok "the domain sees its address" answers mac 00:16:3e:00:01:01 \
		'cat /sys/class/net/eth1/address'
	ask 'ip addr add 10.0.1.2/24 dev eth1; ip link set eth1 up'
	ip addr add 10.0.1.1/24 dev xenbr0
	ok "Dom0 pings it there" soon pinged 10.0.1.2
	ip addr del 10.0.1.1/24 dev xenbr0
	ok "network-list: two devices" is 2 \
		"$(xl network-list solo | grep -c '/vif/')"
	ok "network-detach" run xl network-detach solo 1
	ok "the domain has it no more" answers nonet 1 \
		'[ -e /sys/class/net/eth1 ]; echo $?'
}

watchers() {
	group "xentop, xl top"
	ok "xentop -b: both domains, twice" prints "xentop -b -i 2 -d 1" \
		'^ +Domain-0 +-----r '
	ok "xentop -b: solo's CPU time, vCPUs, devices, reads" \
		[ "$(awk "$busy" /tmp/out)" = 2 ]
	ok "xl top: is xentop" top_shows
	ok "its key q ends it" soon [ -e /tmp/top.over ]
	group "xenpm get-cpu-topology"
	ok "a line per CPU" prints "xenpm get-cpu-topology" \
		'^CPU0[^0-9]+0[^0-9]+0[^0-9]+0$' '^CPU1[^0-9]'
	ok "as xl info has it" is "$(xl info -n | awk '$1 ~ /^[01]:$/ {
		print "CPU" $1 + 0, $2, $3, $4 }' | head -n 2)" \
		"$(awk '/^CPU[01]/ { print $1, $2, $3, $4 }' /tmp/out)"
}
# xentop's columns: 3 CPU time, 9 vCPUs, 10 cards, 13 disks, 15 reads
busy='$1 == "solo" && $3 > 0 && $9 == 2 && $10 == 1 && $13 == 1 && $15 > 0 {
	n++ } END { print n + 0 }'

# In a terminal of its own, which gets the key q when it has shown solo.
top_shows() {
	mkfifo /tmp/top.in
	exec 7<>/tmp/top.in
	: >/tmp/top
	(TERM=vt100 script -q -f -c "xl top" /tmp/top <&7 >/dev/null 2>&1
	: >/tmp/top.over) &
	soon shows /tmp/top Domain-0 solo >/tmp/top.told
	said=$?
	printf q >&7
	exec 7>&-
	return $said
}

utilities() {
	group "test-resource"
	ok "it fails nowhere" run $bin/test-resource
	ok "it maps a PV domain's grant table" shows /tmp/out \
		'^Test x86 PV$' 'Created d[0-9]+' 'Test grant table'
	group "test-xenstore"
	ok "every test passes" run $bin/test-xenstore
	ok "each of the twelve has its time" is 12 \
		"$(grep -Ec '^[a-z].* *: +[0-9]+ ns$' /tmp/out)"
}

reboot_solo() {
	group "xl reboot"
	old=$(domid solo)
	ok "reboot" run xl reboot solo
	ok "a new domain of that name" soon new_domain ||
		tell /var/log/xen/xl-solo.log
	kill $console_pid 2>/dev/null
	enter xl console solo
	ok "it comes up" soon counted 2 "@hello solo"
	ok "it answers" answers quotient 7 'expr 42 / 6'
	ok "network: Dom0 pings it" soon pinged
	ok "xl's log: the reason was a reboot" \
		shows /var/log/xen/xl-solo.log 'has shut down, reason code 1 '
}
# It has a console: before that `xl console` would find nothing.
new_domain() {
	new=$(domid solo)
	[ -n "$new" ] && [ "$new" != "$old" ] &&
		xenstore-read "/local/domain/$new/console/tty" >/dev/null 2>&1
}

end_solo() {
	group "xl shutdown"
	ok "shutdown -w: returns when the domain has ended" \
		run timeout 300 xl shutdown -w solo
	ok "it is gone" gone solo 60
	ok "xl's log: the reason was a power-off" \
		shows /var/log/xen/xl-solo.log 'has shut down, reason code 0 '

	group "xl destroy"
	ok "create -p: paused" run xl create -p /tmp/solo.cfg
	ok "the list says so" state_has p
	ok "destroy" run xl destroy solo
	ok "it is gone" gone solo 60
	ok "create with an unknown kernel is refused" refused \
		xl create /tmp/broken.cfg
	ok "and leaves no domain" is 2 "$(xl list | wc -l)"
	ok "everything is as it was" as_before /tmp/state
}

prepare() {
	config solo 1 shell
	sed 's/domu-vmlinuz/none/; s/solo/broken/' /tmp/solo.cfg >/tmp/broken.cfg
	snapshot /tmp/state
}

ok "services come up" services
host
utilities
prepare
create_solo
pause_solo
memory_solo
vcpus_solo
devices_solo
watchers
reboot_solo
end_solo
echo "1..$n"

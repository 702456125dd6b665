#!/bin/sh
# In Dom0: see commands.
. /usr/lib/paravane-test/lib.sh

cat > /tmp/d.cfg <<-END
	name = "d"
	uuid = "5e0c1b1a-3f0e-4a52-9f6b-0d1f2a3b4c5d"
	kernel = "/boot/domu-vmlinuz"
	ramdisk = "/boot/domu.cpio"
	memory = 256
	vcpus = 2
	maxvcpus = 4
	cpu_weight = 300
	cmdline = "console=hvc0"
END
UUID=5e0c1b1a-3f0e-4a52-9f6b-0d1f2a3b4c5d

said_cpus() { sed -n "s/\r//; s/^@sees \(.*\) .*/\1/p" /tmp/d.console | tail -n 1; }
said_mem() { sed -n "s/\r//; s/^@sees .* //p" /tmp/d.console | tail -n 1; }
cpus_now() { [ "$(said_cpus)" = "$1" ]; }
has_cpus() { until_true 300 cpus_now "$1" || { echo "# $(said_cpus)"; false; }; }
mem_now() { [ "$(said_mem)" "$1" "$2" ]; }
has_mem() { until_true 300 mem_now "$@" || { echo "# $(said_mem)"; false; }; }
prints() {
	want=$1
	shift
	[ "$(vane "$@" 2>&1)" = "$want" ] || { vane "$@" 2>&1 | sed 's/^/# /'; false; }
}
shows() {
	want=$1
	shift
	vane "$@" >/tmp/out 2>&1 && grep -q -- "$want" /tmp/out && return 0
	tell /tmp/out
	false
}
refused() {
	want=$1
	shift
	vane "$@" >/tmp/out 2>/tmp/err
	status=$?
	[ $status = 1 ] && [ ! -s /tmp/out ] &&
		grep -q -- "$want" /tmp/err && return 0
	echo "# status $status"
	cat /tmp/out /tmp/err | sed 's/^/# /'
	false
}
as_json() { printf '@@json %s\t%s\n' "$*" "$(vane "$@" --json | tr '\n' ' ')"; }
quiet() { vane "$@" >/tmp/out && [ ! -s /tmp/out ]; }

# Of the scheduler bvt alone.
warped() {
	[ $other != bvt ] || { quiet sched-bvt -d d -W 50000 -L 2000 &&
		shows ' 50000      2000         0$' sched-bvt -d d; }
}

plan $((65 + 17 + 21))
ok "services come up" services
ok "a domain comes up" create d
ok "it runs" says d @ready 900

ok "domid of a name" prints 1 domid d
ok "domid of a UUID" prints 1 domid $UUID
ok "domname" prints d domname 1
ok "domid of nobody" refused 'there is no domain "nobody"' domid nobody
ok "rename" quiet rename d e
ok "the new name" prints 1 domid e
ok "not a name that is taken" refused "exists already" rename e Domain-0
ok "and back, by UUID" quiet rename $UUID d

ok "the guest has two CPUs" has_cpus 0-1
ok "vcpu-list says which are offline" shows '^d *1  *2    -   --p' vcpu-list d
ok "vcpu-set to one" quiet vcpu-set d 1
ok "the guest has one" has_cpus 0
ok "vcpu-set to three" quiet vcpu-set d 3
ok "the guest has three" has_cpus 0-2
ok "not more than it may have" refused "allowed: 1 to 4" vcpu-set d 5
ok "not none" refused "allowed: a number from 1" vcpu-set d 0
ok "vcpu-pin one vCPU" quiet vcpu-pin d 0 1 0
ok "it stays there" shows '^d *1  *0 .* 1 / 0$' vcpu-list d
ok "vcpu-pin the soft one alone" quiet vcpu-pin d 0 - all
ok "the hard one stays" shows '^d *1  *0 .* 1 / all$' vcpu-list d
ok "vcpu-pin all" quiet vcpu-pin d all all,^1
ok "each of them" shows '^d *1  *2 .* 0 / all$' vcpu-list d
ok "by node" quiet vcpu-pin --ignore-global-affinity-masks d all node:0
ok "that is all" shows '^d *1  *2 .* all / all$' vcpu-list d
ok "not to CPUs that are not there" refused "none of these CPUs" vcpu-pin d 0 9
ok "not a vCPU that is not there" refused "no such vCPU" vcpu-pin d 7 0
ok "what is no list of CPUs" refused "no list of CPUs" vcpu-pin d 0 x

ok "mem-set less, in MiB" quiet mem-set d 160
ok "the guest gives some back" has_mem -lt 12
ok "the list shows it" until_true 300 shows '^d  *1   160 ' list
ok "mem-set all, with a unit" quiet mem-set d 262144k
ok "the guest takes it" until_true 300 shows '^d  *1   256 ' list
ok "not more than its maxmem" refused "more than its maxmem" mem-set d 1g
ok "mem-max" quiet mem-max d 300m
ok "not less than its target" refused "less than its target" mem-max d 100
ok "Domain-0 keeps what it needs" refused "needs 128" mem-set 0 64

sched=$(vane info xen_scheduler)
ok "the scheduler's parameters" shows "^d  *1    300    0" sched-$sched
ok "set a weight and a cap" quiet sched-$sched -d d -w 512 -c 50
ok "they are set" shows "^d  *1    512   50" sched-$sched -d d
ok "not a weight of 0" refused "allowed: 1 to 65535" sched-$sched -d d -w 0
ok "not a cap beyond its vCPUs" refused "100 for each" sched-$sched -d d -c 500
ok "of no domain" refused 'there is no domain "nobody"' \
	sched-$sched -d nobody -w 10
ok "of a pool" shows '^Cpupool Pool-0: ' sched-$sched -s
ok "of no pool" refused 'there is no CPU pool "none"' sched-$sched -s -p none
ok "a pool's rate limit" quiet sched-$sched -s -r 2000
ok "it is set" shows ' ratelimit=2000us' sched-$sched -s
ok "not one beyond its bounds" refused "100 to 500000 us\|refuses" \
	sched-$sched -s -r 99
quiet sched-$sched -s -r 1000
ok "the scheduler's trace" shows 'switch  d0v' sched-trace -t 1
ok "the other scheduler has nothing to say" prints "" \
	sched-$([ $sched = credit ] && echo credit2 || echo credit)

ok "sysrq" quiet sysrq d h
ok "the guest's kernel gets it" says d "sysrq: HELP" 300
ok "not a sign" refused "letter or a digit" sysrq d -
ok "what is no trigger" refused "allowed: nmi" trigger d bang
ok "top" shows '^d  *1 -' top -b -i 2 -d 1
ok "uptime" shows '^d  *1  0:[0-9][0-9]:[0-9][0-9]$' uptime d
ok "uptime -s" shows ' up  0:[0-9][0-9], d (1)$' uptime -s d
ok "info -n" shows '^  0:       0        0        0$' info -n
ok "list -v" shows "^d .* $UUID  *-  *-$" list -v
ok "list -c" shows '^d .* Pool-0$' list -c d
ok "list -n" shows '^d .* all$' list -n d
ok "list -l" shows '"name": "d"' list --long d
ok "vm-list" shows "^$UUID  1    d" vm-list
ok "claims" shows '^d .* 0$' claims
ok "info of one key" prints 2 info nr_cpus
ok "not of one that is not there" refused "no key" info none
ok "create -n" shows '"target_memkb": 262144' create -n /tmp/d.cfg
ok "-N create" shows '"name": "n"' -N create -q /tmp/d.cfg 'name="n"; vcpus=1'
ok "help of a command" shows "vcpu-pin .*HARD" help vcpu-pin
ok "debug-keys" quiet debug-keys h
ok "dmesg shows what they say" shows "key" dmesg
lines=$(vane dmesg -c | wc -l)
ok "dmesg -c has emptied it" [ "$(vane dmesg | wc -l)" -lt $((lines / 2)) ]
ok "list of one that is not there" refused 'no domain "nobody"' list nobody

sed 's/^maxvcpus.*/maxvcpus = 3/; s/^vcpus.*/vcpus = 1/' /tmp/d.cfg >/tmp/next.cfg
ok "a configuration for the next start" vane config-update d /tmp/next.cfg \
	memory=192
ok "not one that is wrong" refused "allowed: a number" \
	config-update d /tmp/next.cfg vcpus=0
ok "the domain reboots" quiet reboot d
ok "and is what it was updated to" until_true 300 shows '^d  *2   192     1 ' \
	list
vane console -t pv -n 0 d <&9 >/tmp/d.again 2>&1 &
ok "its console" until_true 300 grep -q @ready /tmp/d.again

# Pools, with the other scheduler that the hypervisor has.
other=$([ $sched = credit ] && echo bvt || echo credit)
ok "none without a free CPU" refused "no CPU is free" cpupool-create 'name="p"'
ok "a CPU goes" quiet cpupool-cpu-remove Pool-0 1
ok "the last one stays" refused "the last one" cpupool-cpu-remove Pool-0 0
ok "not one that is gone" refused "not in that pool" cpupool-cpu-remove Pool-0 1
ok "a pool of its own" quiet cpupool-create 'name="p"' 'cpus="1"' \
	"sched=\"$other\""
ok "the domain moves there" quiet cpupool-migrate d p
ok "it is there" shows '^d .* p$' list -c d
ok "its vCPU, too" until_true 300 shows '^d  *[0-9]*  *0  *1 ' vcpu-list d
ok "its pool's scheduler" shows '^d  *[0-9]*  *[0-9]*  *[0-9]' sched-$other -d d
ok "a warp, where there is one" warped
ok "not the other" refused "vane sched-$other" sched-$sched -d d
ok "not Domain-0" refused "stays where it is" cpupool-migrate Domain-0 p
ok "its CPU stays" refused "the last one" cpupool-cpu-remove p 1
ok "and so does the pool" refused "has 1 domains" cpupool-destroy p
ok "the domain goes home" quiet cpupool-migrate d Pool-0
ok "without a CPU" quiet cpupool-cpu-remove p 1
ok "nobody gets in" refused "has no CPU\|No such" cpupool-migrate d p
ok "the pool goes" quiet cpupool-destroy p
ok "its CPU comes back" quiet cpupool-cpu-add Pool-0 1
ok "one pool is left" [ "$(vane cpupool-list | wc -l)" = 2 ]
ok "a trigger is refused" refused "not for a PV domain" trigger d nmi

# Errors: an object a line, and nothing else.
as_message() {
	vane "$@" --json >/dev/null 2>/tmp/out
	while read -r line; do printf '@@json message\t%s\n' "$line"; done </tmp/out
	[ -s /tmp/out ] || printf '@@json message\t%s\n' "no error: $*"
}
sed 's/^vcpus.*/vcpus = 0/' /tmp/d.cfg >/tmp/bad.cfg
as_message domid nobody
as_message domid
as_message list --none
as_message list -x
as_message sched-credit -w
as_message shutdown --all=x
as_message lits
as_message -x list
as_message vcpu-set d none
as_message info none
as_message store read /none
as_message store none
as_message create -n /tmp/bad.cfg
as_message create /tmp/none
as_message destroy nobody
as_message help none
for c in "list" "list nobody d" "claims" "vm-list" "uptime" "uptime nobody" \
		"vcpu-list d" "vcpu-list d nobody" "block-list d" \
		"block-list nobody" "network-list d" "sched-$sched" \
		"sched-$sched -d d" "sched-$sched -d nobody" \
		"sched-$sched -s" "sched-bvt" "cpupool-list" "info" "info -n" "domid d" \
		"domname d" "dmesg" "top -i 1" "check /tmp/d.cfg /tmp/none" \
		"check /tmp/bad.cfg" "store ls /local" "store ls /none" \
		"store read /local/domain/0/name /none" \
		"store exists /local /none" "store write /tool/a b" \
		"store chmod /tool/a n0" "store watch -n 1 /tool" \
		"store mkdir /tool/b" "store rm /tool/a" "store quota" \
		"store quota 0" "store stat"; do
	as_json $c 2>/dev/null
done
vane store rm /tool/b
ok "shutdown of all, until they are gone" quiet shutdown -a -ww -F
ok "and they are" not_listed d

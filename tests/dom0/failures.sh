#!/bin/sh
# In Dom0: domains that end badly leave nothing behind. One crashes, one is
# destroyed in the middle of disk and network I/O, others have a wrong
# configuration or do not fit.
. /usr/lib/paravane-test/lib.sh

refused() {
	if $tool create /tmp/$1.cfg >/tmp/$1.create 2>&1; then
		return 1
	fi
	[ -s /tmp/$1.create ]
}

# wrong NAME WHAT WORD SED-SCRIPT: a configuration spoilt in one way is
# refused with a message that has WORD in it, and nothing stays behind.
wrong() {
	config $1 9 idle
	sed -i "$4" /tmp/$1.cfg
	ok "$2: refused" refused $1
	[ "$tool" = xl ] || ok "$2: the message names it" \
		grep -q "$3" /tmp/$1.create || tell /tmp/$1.create
	ok "$2: no such domain" not_listed $1
	ok "$2: nothing is left" as_before /tmp/state
	rm -f /tmp/$1.*
}

if [ "$tool" = xl ]; then plan 30; else plan 36; fi
ok "services come up" services
remember /tmp/state

config crash 1 crash
ok "crash: is created" create crash
ok "crash: is about to" says crash "@crashing" 300
ok "crash: is gone" gone crash 120
ok "crash: nothing is left" as_before /tmp/state
rm -f /tmp/crash.*

config churn 2 churn
nc -l -p 7004 <&9 >/dev/null &
ok "churn: is created" create churn
ok "churn: its disk and network are busy" says churn "@churning" 300
sleep 2
ok "churn: is destroyed" $tool destroy churn
ok "churn: is gone" gone churn 60
ok "churn: nothing is left" as_before /tmp/state
rm -f /tmp/churn.*

wrong nokernel "no kernel" /boot/missing 's|/boot/domu-vmlinuz|/boot/missing|'
wrong damaged "damaged kernel" damaged \
	's|/boot/domu-vmlinuz|/tmp/damaged.img|'
wrong nodisk "no disk file" /tmp/missing 's|target=.*img|target=/tmp/missing|'
wrong syntax "syntax error" syntax.cfg:6: 's|^vcpus = 2|vcpus = two|'
wrong value "wrong value" vcpus 's|^vcpus = 2|vcpus = "two"|'
wrong huge "more memory than there is" memory 's|^memory = .*|memory = 99999|'

# The first part of a kernel.
config cut 9 idle
dd if=/boot/domu-vmlinuz of=/tmp/cut.img bs=64k count=40 2>/dev/null
sed -i 's|/boot/domu-vmlinuz|/tmp/cut.img|' /tmp/cut.cfg
ok "kernel cut short: refused" refused cut
ok "kernel cut short: nothing is left" as_before /tmp/state

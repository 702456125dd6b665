#!/bin/sh
# In Dom0 with Debian's libvirtd, its Xen driver and libxl as they are: a
# domain's life by virsh. Its disks: a block device, and a file that libxl's
# qemu-system-xen serves.
#
# Kernel parameter: short=1 for a life without changes, and the first disk alone.
. /usr/lib/paravane-test/lib.sh
. /usr/lib/paravane-test/interop.sh

v() { virsh -c xen:///system "$@"; }
listed_as() { v list --all | grep -Eq "^ *[0-9]+ +solo +$1\$"; }
# With an id it is said to be off while libxl still cleans up.
off() { v list --all | grep -Eq '^ *- +solo +shut off$'; }
# info NAME: a value of `virsh dominfo`
info() { v dominfo solo | sed -n "s/^$1: *//p"; }
info_is() { is "$2" "$(info "$1")"; }

daemon() {
	mkdir -p /etc/libvirt /var/lib/libvirt /var/log/libvirt
	# It asks for root's name and home.
	echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
	echo 'root:x:0:' >/etc/group
	libvirtd -d && until_true 120 v uri >/dev/null 2>&1
}

prepare() {
	config solo 1 shell
	dd if=/dev/urandom of=/tmp/more.img bs=1M count=4 2>/dev/null
	losetup /dev/loop7 /tmp/solo.img
	second_disk="<disk type='file'>
	      <driver name='qemu' type='raw'/>
	      <source file='/tmp/more.img'/>
	      <target dev='xvdb' bus='xen'/>
	    </disk>"
	[ -z "$short" ] || second_disk=
	cat >/tmp/solo.xml <<-END
	<domain type='xen'>
	  <name>solo</name>
	  <memory unit='MiB'>256</memory>
	  <vcpu>2</vcpu>
	  <os>
	    <type arch='x86_64' machine='xenpv'>linux</type>
	    <kernel>/boot/domu-vmlinuz</kernel>
	    <initrd>/boot/domu.cpio</initrd>
	    <cmdline>console=hvc0 job=shell name=solo ip4=10.0.0.101/24</cmdline>
	  </os>
	  <devices>
	    <disk type='block'>
	      <driver name='phy'/>
	      <source dev='/dev/loop7'/>
	      <target dev='xvda' bus='xen'/>
	    </disk>
	    $second_disk
	    <interface type='bridge'>
	      <mac address='00:16:3e:00:00:01'/>
	      <source bridge='xenbr0'/>
	      <script path='vif-bridge'/>
	    </interface>
	    <console type='pty'><target type='xen' port='0'/></console>
	  </devices>
	</domain>
	END
}

begin() {
	group "virsh start, list, console"
	ok "list: Dom0 runs" prints "v list" '^ *0 +Domain-0 +running'
	ok "define" run v define /tmp/solo.xml
	ok "list --all: it is off" off
	ok "start" run v start solo
	ok "list: it runs" soon listed_as running
	enter virsh -c xen:///system console solo
	ok "console: the domain speaks" says solo "@hello solo has 2 CPUs" 300
	ok "console: the domain listens" answers sum 42 'expr 6 \* 7'
	ok "its disk is the block device" answers disk \
		"$(dd if=/tmp/solo.img bs=1M count=4 2>/dev/null | sum)" \
		"dd if=/dev/xvda bs=1M count=4 2>/dev/null | sum"
	[ -n "$short" ] || ok "its other disk is the file" answers more \
		"$(sum </tmp/more.img)" "sum </dev/xvdb"
	ok "network: Dom0 pings it" soon pinged
	group "xl beside it"
	ok "xl list: its memory and CPUs" \
		prints "xl list solo" '^solo +[0-9]+ +256 +2 '
}

change() {
	group "virsh setvcpus"
	ok "setvcpus 1" run v setvcpus solo 1 --live
	ok "the domain has 1 CPU" answers cpus1 1 nproc
	ok "dominfo says so" soon info_is 'CPU(s)' 1
	ok "setvcpus 2" run v setvcpus solo 2 --live
	ok "the domain has 2 CPUs" answers cpus2 2 \
		'echo 1 >/sys/devices/system/cpu/cpu1/online; nproc'

	group "virsh setmem"
	ok "setmem 200 MiB" run v setmem solo 200M --live
	ok "the domain gives memory back" soon \
		info_is 'Used memory' '204800 KiB'
	ok "setmem 256 MiB" run v setmem solo 256M --live
	ok "the domain has it again" soon \
		info_is 'Used memory' '262144 KiB'

	group "virsh suspend, resume"
	ok "suspend" run v suspend solo
	ok "list: it is paused" soon listed_as paused
	ok "resume" run v resume solo
	ok "it answers" answers prod 15 'expr 3 \* 5'
}

shut_down() {
	group "virsh shutdown"
	ok "shutdown" run v shutdown solo
	ok "list: it is off" soon off
}

destroy() {
	group "virsh destroy"
	ok "start --paused" run v start solo --paused
	ok "list: it is paused" soon listed_as paused
	ok "destroy" run v destroy solo
	ok "list: it is off" soon off
}

end() {
	group "virsh undefine"
	ok "undefine" run v undefine solo
	ok "xl list: none is left" gone solo 60
	ok "everything is as it was" as_before /tmp/state
}

ok "services come up" services
ok "libvirtd comes up" daemon
prepare
remember /tmp/state
begin
[ -n "$short" ] || change
shut_down
[ -n "$short" ] || destroy
end
echo "1..$n"

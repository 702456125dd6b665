#!/bin/sh
# In Dom0: see guest-image. The image's disk is /dev/vda here.
. /usr/lib/paravane-test/lib.sh

mkfifo /run/keys
exec 8<>/run/keys
type_in() { printf '%s\r' "$1" >&8; }
seen() {
	until_true "$2" grep -q "$1" /tmp/first.console && return 0
	tail -n 20 /tmp/first.console | tr -d '\033\r' > /tmp/tail
	tell /tmp/tail
	return 1
}

plan 9
modprobe virtio_pci
modprobe virtio_blk
ok "services come up" services
ok "the image's disk is there" until_true 60 [ -b /dev/vda ]
sed -i 's|target=[^"]*|target=/dev/vda|' /boot/first.cfg
remember /tmp/state
ok "its configuration is right" eval 'vane check /boot/first.cfg >/dev/null'
ok "it is created, with its own kernel" vane create -q /boot/first.cfg
vane console first <&8 >/tmp/first.console 2>&1 &
ok "a login prompt" seen "first login:" 1500
type_in root
seen "Password:" 200
type_in secret
ok "root logs in" seen 'root@first' 300
type_in 'echo "@is $(id -un) on $(hostname), $(cat /sys/class/block/xvda/size)"'
ok "and is root" seen "@is root on first, 2097152" 200
type_in 'systemctl poweroff'
ok "it powers off" gone first 600
ok "nothing is left" as_before /tmp/state

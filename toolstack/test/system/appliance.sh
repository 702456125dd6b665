#!/bin/sh
# In Dom0: see appliance.
. /usr/lib/paravane-test/lib.sh

told() { tr -d '\r' < /tmp/app.out | grep -q "$1" || { tell /tmp/app.out; false; }; }
refused() { ! vane create "$@" >/tmp/refused 2>&1; }
no_folder() { [ -z "$(ls -d /run/vane/boot.* 2>/dev/null)" ]; }

plan 15
ok "services come up" services
remember /tmp/state
cfg=$(vane import -o /srv -n app --network nat=xenbr0 /boot/app.ova \
	2>/tmp/import.err) || tell /tmp/import.err
ok "an appliance is imported" [ "$cfg" = /srv/app/app.cfg ]
ok "its configuration is right" eval 'vane check $cfg >/dev/null'
ok "it boots, with the kernel of its own disk" eval \
	'timeout 300 vane create -qc $cfg >/tmp/app.out 2>&1 </dev/null'
ok "as its menu says" told "@cmdline .*from=menu"
ok "its disk is there" told "@disk xvda1 vmlinuz"
ok "it is gone" gone app 60
ok "no file of the boot loader's is left" no_folder
timeout 300 vane create -qc $cfg 'cmdline="more=this"' >/tmp/app.out 2>&1 \
	</dev/null
ok "cmdline comes behind the menu's" told "from=menu more=this"
gone app 60
ok "an entry that there is not: refused" refused $cfg \
	'bootloader_args="--entry none"'
ok "with the reason" grep -q 'no entry "none"' /tmp/refused || tell /tmp/refused
dd if=/dev/urandom of=/tmp/noise.img bs=1M count=2 2>/dev/null
ok "a disk without a menu: refused" refused $cfg \
	'disk=["/tmp/noise.img,raw,xvda,w"]'
ok "with the reason" grep -q 'none has a GRUB configuration' /tmp/refused ||
	tell /tmp/refused
ok "no file of the boot loader's is left" no_folder
rm -rf /srv/app
ok "nothing is left" as_before /tmp/state

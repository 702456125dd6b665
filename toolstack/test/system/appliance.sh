#!/bin/sh
# In Dom0: see appliance.
. /usr/lib/paravane-test/lib.sh

told() { tr -d '\r' < /tmp/app.out | grep -q "$1" || { tell /tmp/app.out; false; }; }
refused() { ! vane create "$@" >/tmp/refused 2>&1; }
no_folder() { [ -z "$(ls -d /run/vane/boot.* 2>/dev/null)" ]; }

plan 22
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

# Another boot loader has a terminal, ours for as long as we stay there.
cat > /tmp/menu <<'END'
#!/bin/sh
[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : </dev/tty || exit 9
stty size
printf 'which one? '
read -r one
[ "$one" = this ] || { echo "no such thing: $one"; exit 8; }
exec /usr/lib/vane/vane-bootloader "$@"
END
chmod +x /tmp/menu
printf 'this\n' | timeout 300 vane create -qc $cfg 'bootloader="/tmp/menu"' \
	>/tmp/app.out 2>&1
ok "a boot loader of one's own asks on the console" told "which one?"
ok "it has a terminal's size" told "^24 80"
ok "what it chose boots" told "@cmdline .*from=menu"
gone app 60
ok "its failure is told, with what it said" eval \
	'printf "that\n" | refused -c $cfg "bootloader=\"/tmp/menu\"" &&
	grep -q "status 8.*no such thing: that" /tmp/refused' || tell /tmp/refused
printf '#!/bin/sh\n[ -t 0 ] && exit 7; exit 9\n' > /tmp/menu
ok "it has one without us, too" eval \
	'refused $cfg "bootloader=\"/tmp/menu\"" && grep -q "status 7" /tmp/refused'
vane create -qp $cfg
ok "the store has the kernel's name on the disk" eval \
	'vane list -l app | grep -q "\"kernel\": \"/srv/app/disk1.raw:/"' ||
	{ vane list -l app > /tmp/long; tell /tmp/long; }
ok "and the ramdisk's" eval \
	'vane list -l app | grep -q "\"ramdisk\": \"/srv/app/disk1.raw:/"'
vane destroy app
dd if=/dev/urandom of=/tmp/noise.img bs=1M count=2 2>/dev/null
ok "a disk without a menu: refused" refused $cfg \
	'disk=["/tmp/noise.img,raw,xvda,w"]'
ok "with the reason" grep -q 'none has a GRUB configuration' /tmp/refused ||
	tell /tmp/refused
ok "no file of the boot loader's is left" no_folder
rm -rf /srv/app
ok "nothing is left" as_before /tmp/state

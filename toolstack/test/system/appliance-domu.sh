#!/bin/sh
# In the domain: how it was booted, and what its disk holds.
modprobe ext4
mkdir -p /mnt
mount -o ro /dev/xvda1 /mnt
echo "@cmdline $(cat /proc/cmdline)"
echo "@disk xvda1 $(ls /mnt/boot/vmlinuz | sed 's|.*/||')"
umount /mnt

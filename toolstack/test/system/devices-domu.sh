#!/bin/sh
# In the domain: says each time that its disks and interfaces change, and a
# checksum of each new disk's first MiB; and each time that a size changes.

seen=
echo "@ready"
while :; do
	now="$(cd /sys/class/block && echo xvd*) $(cd /sys/class/net && echo eth*)"
	if [ "$now" != "$seen" ]; then
		for disk in $(cd /sys/class/block && echo xvd*); do
			case " $seen " in
			*" $disk "*) ;;
			*) [ -b /dev/$disk ] && echo "@sum $disk $(dd \
				if=/dev/$disk bs=1M count=1 2>/dev/null |
				md5sum | cut -d' ' -f1)" ;;
			esac
		done
		seen=$now
		echo "@sees $now"
	fi
	for disk in $(cd /sys/class/block && echo xvd*); do
		[ -b /dev/$disk ] || continue
		# The kernel's back end looks at its disk at each request.
		dd if=/dev/$disk of=/dev/null bs=512 count=1 iflag=direct \
			2>/dev/null
		size="$disk $(cat /sys/class/block/$disk/size)"
		case "$sizes" in
		*"[$size]"*) ;;
		*) sizes="$sizes[$size]"; echo "@size $size" ;;
		esac
	done
	usleep 100000
done

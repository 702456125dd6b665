#!/bin/sh
# In Dom0, for the bench: free memory after boot, and with eight paused
# domains of one vCPU and 16 MiB.
echo "@@ after-boot $(pvstate)"
/etc/vane/services start
echo "@@ before $(pvstate)"
i=0
while [ $i -lt 8 ]; do
	cat > /tmp/m.cfg <<-END
	name = "m$i"
	kernel = "/boot/guest-pv"
	memory = 16
	vcpus = 1
	END
	vane create -p /tmp/m.cfg >/dev/null || exit 1
	i=$((i + 1))
done
echo "@@ with-eight $(pvstate)"

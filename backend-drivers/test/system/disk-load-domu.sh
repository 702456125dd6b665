#!/bin/sh
# In the domain: see disk-load. job=fio: verified patterns on xvda without end,
# told as "@fio PATTERN good" or bad, and "@two minutes" when so many have
# passed. job=files: files on an ext4 of xvda, each told as "@synced NAME SUM"
# once it was flushed.

fio_pattern() {
	fio --name=$1 --filename=/dev/xvda --direct=1 --ioengine=libaio \
		--iodepth=32 --rw=$1 --bsrange=4k-128k --size=24m --norandommap=0 \
		--verify=crc32c --verify_fatal=1 --loops=1000 --randrepeat=0 \
		--time_based --runtime=20 --thread \
		--verify_backlog=64 --output=/tmp/fio.out >/tmp/fio.error 2>&1 &&
		! grep -q 'err= *[1-9]' /tmp/fio.out
}

job_fio() {
	dmesg -n 4	# an error of the disk's is on the console
	while :; do
		for pattern in write randwrite randrw readwrite; do
			if fio_pattern $pattern; then
				echo "@fio $pattern good"
			else
				echo "@fio $pattern bad"
				tail -n 5 /tmp/fio.error /tmp/fio.out
			fi
		done
		[ "$(cut -d. -f1 /proc/uptime)" -lt $((began + 120)) ] ||
			echo "@two minutes"
	done
}

job_files() {
	mkfs.ext4 -q /dev/xvda && mount /dev/xvda /mnt && echo "@mounted"
	n=0
	while :; do
		n=$((n + 1))
		dd if=/dev/urandom of=/mnt/file$n bs=4k count=$((n % 9 + 1)) \
			conv=fsync 2>/dev/null
		echo "@synced file$n $(md5sum </mnt/file$n | cut -d' ' -f1)"
		# Not flushed: may be lost, must not be in the way.
		dd if=/dev/urandom of=/mnt/loose$n bs=4k count=4 2>/dev/null
	done
}

until [ -b /dev/xvda ]; do usleep 100000; done
began=$(cut -d. -f1 /proc/uptime)
echo "@begun"
job_$job

#!/bin/sh
# In Dom0 on q35: move 64 MiB to and from an AHCI disk, an NVMe disk and an
# e1000e card. Checksums are told in lines "@sum NAME MD5"; the host compares.
#
# Kernel parameter: server_port=PORT, the host's end of the network.
echo "1..9"
n=0
ok() {
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
}

# wait_for PATH: until a device appears; the limit only guards against a hang
wait_for() {
	tries=1200
	until [ -e "$1" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		usleep 100000
	done
}

sum() { md5sum | cut -d' ' -f1; }

# What is written is another 64 MiB, new in every run.
dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null
data=$(sum </tmp/data)

disk() {
	echo "@sum $1-read $(dd if="$2" bs=1M count=64 iflag=direct \
		2>/dev/null | sum)"
	dd if=/tmp/data of="$2" bs=1M seek=64 conv=fsync 2>/dev/null ||
		return 1
	echo "@sum $1-write $data"
}

modprobe sd_mod
modprobe ahci
ok "the AHCI disk is there" wait_for /dev/sda
ok "AHCI: 64 MiB each way" disk ahci /dev/sda
modprobe nvme
ok "the NVMe disk is there" wait_for /dev/nvme0n1
ok "NVMe: 64 MiB each way" disk nvme /dev/nvme0n1

modprobe e1000e
card() {
	wait_for /sys/class/net/eth0 &&
		ip addr add 10.0.2.15/24 dev eth0 &&
		ip link set eth0 up || return 1
	tries=120
	until ping -c 1 -W 1 10.0.2.2 >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
	done
}
ok "the e1000e card is up" card
network() {
	echo "@sum e1000e-read $(nc 10.0.2.2 "$server_port" </dev/null | sum)"
	nc 10.0.2.2 "$server_port" </tmp/data >/dev/null || return 1
	echo "@sum e1000e-write $data"
}
ok "e1000e: 64 MiB each way" network

# interrupts KIND NAME: at least a hundred have come
interrupts() {
	awk -v kind="$1" -v name="$2" '
		$0 ~ kind && $0 ~ name {
			for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i
		}
		END { exit sum < 100 }' /proc/interrupts
}
ok "AHCI interrupts come by MSI" interrupts 'msi' ahci
ok "NVMe interrupts come by MSI-X" interrupts 'msi-x' nvme
ok "e1000e interrupts come by MSI-X" interrupts 'msi-x' eth0
grep -E 'ahci|nvme|eth0' /proc/interrupts | sed 's/^/# /'

#!/bin/sh
# In a test domain: what the domain does, by the kernel parameter job=.
# Results go to the console as "@KEY VALUE"; Dom0 compares.
#
#   work   use disk and network, then wait to be shut down
#   idle   wait to be shut down
#   shell  do what is typed on the console
#   churn  write to the disk and to the network without end
#   crash  panic
#   storm  as work, while a client of the store writes until /c/stop is there
#          and xvdb comes and goes
#   forks  make processes that make processes, without end
#   steal  compute on each CPU, and tell /proc/stat
#   demo   as work, then do what is typed on the console

sum() { md5sum | cut -d' ' -f1; }
mkfifo /tmp/endless
exec 9<>/tmp/endless

wait_for() {
	tries=1200
	until [ -e "$1" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		usleep 100000
	done
}

idle() {
	while :; do sleep 60; done
}

work() {
	wait_for /dev/xvda || echo "@fault no disk"
	echo "@disk-read $(dd if=/dev/xvda bs=1M count=16 2>/dev/null | sum)"
	dd if=/dev/urandom of=/tmp/data bs=1M count=16 2>/dev/null
	dd if=/tmp/data of=/dev/xvda bs=1M seek=16 conv=fsync 2>/dev/null
	echo "@disk-write $(sum </tmp/data)"

	tries=120
	until ping -c 1 -W 1 10.0.0.1 >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
	done
	ping -c 3 -W 10 10.0.0.1 >/tmp/ping
	echo "@ping $(sed -n 's/.* \([0-9]*\) packets received.*/\1/p' \
		/tmp/ping)"
	echo "@net-read $(nc 10.0.0.1 "$port" <&9 | sum)"
	rm -f /tmp/data
	dd if=/dev/urandom of=/tmp/data bs=1M count="$mib" 2>/dev/null
	nc 10.0.0.1 $((port + 1)) </tmp/data
	echo "@net-write $(sum </tmp/data)"
	rm -f /tmp/data
	echo "@done $name"
}

shell() {
	while read -r line; do eval "$line"; done
}

demo() {
	work
	shell
}

churn() {
	wait_for /dev/xvda || echo "@fault no disk"
	while :; do
		dd if=/dev/zero of=/dev/xvda bs=64k oflag=direct 2>/dev/null
	done &
	while :; do
		dd if=/dev/xvda of=/dev/null bs=64k iflag=direct 2>/dev/null
	done &
	while :; do nc 10.0.0.1 "$port" </dev/zero; done &
	sleep 1
	echo "@churning $name"
	idle
}

crash() {
	wait_for /dev/xvda
	dd if=/dev/zero of=/dev/xvda bs=64k oflag=direct 2>/dev/null &
	echo "@crashing $name"
	sleep 1
	echo c > /proc/sysrq-trigger
}

# Each time that a disk xvdb appears: how often, and what it begins with.
watch_xvdb() {
	there=0
	seen=0
	while :; do
		if [ ! -b /dev/xvdb ]; then
			there=0
		elif [ $there = 0 ]; then
			there=1
			seen=$((seen + 1))
			echo "@xvdb $seen $(dd if=/dev/xvdb bs=64k count=4 \
				2>/dev/null | sum)"
		fi
		usleep 100000
	done
}

storm() {
	/usr/bin/storm "$name" /c/stop &
	storm_pid=$!
	watch_xvdb &
	work
	wait $storm_pid
	echo "@stormed $?"
}

forks() {
	echo "@ready $name"
	sleep 3
	for i in 1 2 3 4 5 6 7 8; do
		while :; do (:) & wait $!; done &
	done
}

steal() {
	echo "@ready $name"
	while :; do :; done &
	while :; do :; done &
	while :; do
		sleep 5
		echo "@stat $(head -n 1 /proc/stat)"
	done
}

echo "@hello $name has $(nproc) CPUs"
$job
idle

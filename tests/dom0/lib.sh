# Shell functions for tests that run in Dom0 and create domains.
#
# Kernel parameters: tool=vane (default) or xl, for the same on Debian's Xen;
# backendtype=KIND for each disk, and for each vif of vane's (default: the
# tool's own default);
# slack=KIB of memory that the hypervisor may keep (default: none);
# store=vane or xen: whose store daemon (default: that of the tool's makers).
#
# TAP: plan N first, then `ok NAME COMMAND...`: passes if the command does.

tool=${tool:-vane}
n=0

plan() { echo "1..$1"; }

ok() {
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		return 1
	fi
}

# tell FILE: show a file as comments
tell() { sed 's/^/#   /' "$1"; }

uptime_s() { cut -d. -f1 /proc/uptime; }

# until_true SECONDS COMMAND...: try it ten times a second, and once at least
until_true() {
	end=$(($(uptime_s) + $1))
	shift
	until "$@"; do
		[ "$(uptime_s)" -le $end ] || return 1
		usleep 100000
	done
}

# The store of the other makers, before the services that would start theirs.
other_store() {
	case $tool-$store in
	xl-vane)
		mkdir -p /run/vane
		vane-stored --pid-file /run/vane/stored.pid ;;
	vane-xen)
		/usr/lib/xen-4.17/bin/xenstored --pid-file /run/xenstored.pid ;;
	*)
		return 0 ;;
	esac
	until_true 120 [ -S /run/xenstored/socket ]
}

services() {
	other_store || return 1
	if [ "$tool" = xl ]; then
		/etc/xen/services start
		ip link add name xenbr0 type bridge
		ip addr add 10.0.0.1/24 dev xenbr0
		ip link set xenbr0 up
	else
		/etc/vane/services start
	fi
}

sum() { md5sum | cut -d' ' -f1; }

# A pipe that never ends: nc gives up when its input ends, so it gets this.
mkfifo /run/endless
exec 9<>/run/endless

# A domain is made of NAME and a number I below 100: its address is
# 10.0.0.(100 + I), its TCP ports in Dom0 are 7000 + 2 * I and the next.

# config NAME I JOB: write /tmp/NAME.cfg and a disk of 32 MiB
config() {
	dd if=/dev/urandom of=/tmp/$1.img bs=1M count=32 2>/dev/null
	kind=${backendtype:+,backendtype=$backendtype}
	vif_kind=
	[ "$tool" != vane ] || vif_kind=$kind
	cat > /tmp/$1.cfg <<-END
	name = "$1"
	type = "pv"
	kernel = "/boot/domu-vmlinuz"
	ramdisk = "/boot/domu.cpio"
	memory = 256
	vcpus = 2
	cmdline = "console=hvc0 job=$3 name=$1 ip4=10.0.0.$((100 + $2))/24 port=$((7000 + 2 * $2)) mib=${mib:-64}"
	disk = [ "format=raw,vdev=xvda,access=rw$kind,target=/tmp/$1.img" ]
	vif = [ "mac=00:16:3e:00:00:$(printf %02x "$2"),bridge=xenbr0$vif_kind" ]
	on_crash = "destroy"
	END
}

# create NAME: the domain's console goes to /tmp/NAME.console
create() {
	$tool create /tmp/$1.cfg >/tmp/$1.create 2>&1 || {
		tell /tmp/$1.create
		return 1
	}
	$tool console $1 <&9 >/tmp/$1.console 2>&1 &
}

# says NAME PATTERN SECONDS: wait until the domain's console shows it; a
# domain that is gone says no more.
says() {
	left=$3
	until grep -q "$2" /tmp/$1.console; do
		left=$((left - 1))
		if [ $left -le 0 ] || not_listed $1; then
			grep -q "$2" /tmp/$1.console && break
			echo "# $1 did not say '$2'; its last lines:"
			tail -n 15 /tmp/$1.console > /tmp/$1.tail
			tell /tmp/$1.tail
			return 1
		fi
		sleep 1
	done
}

# said NAME KEY: the value of a line "@KEY VALUE" on the domain's console
said() {
	sed -n "s/\r//; s/^@$2 //p" /tmp/$1.console | tail -n 1
}

listed() { $tool list 2>/dev/null | awk -v n="$1" '$1 == n { f = 1 } END { exit !f }'; }
not_listed() { ! listed "$1"; }
gone() { until_true "$2" not_listed "$1"; }

free_memory() { $tool info | awk '/^free_memory/ { print $3 }'; }

# What must be as it was when a domain is gone, one file below the folder $1.
# A daemon's own housekeeping (its descriptors, what it maps) is a part of it.
# /tool and an empty device-model are what Debian's xl leaves by design;
# /local/domain/0 changes with Dom0's own life (memory target) but not with
# other domains.
snapshot() {
	mkdir -p "$1"
	if [ -x /usr/sbin/pvstate ]; then
		pvstate | sed 's/.*, //' > "$1/memory"
	else
		free_memory > "$1/memory"
	fi
	xenstore-ls -f / | grep -v \
		'^/tool\|^/libxl\|^/vm = \|^/vm/00000000\|/0/device-model = ""$' \
		> "$1/store"
	losetup -a > "$1/loops"
	ls /sys/class/net > "$1/links"
	if [ -x /usr/lib/xen-4.17/bin/lsevtchn ]; then
		/usr/lib/xen-4.17/bin/lsevtchn 0 | wc -l > "$1/ports"
	fi
	for daemon in stored consoled blockd netd; do
		pid=$(cat /run/vane/$daemon.pid 2>/dev/null) || continue
		echo "$daemon: $(ls /proc/$pid/fd | wc -l) descriptors," \
			"$(grep -c /dev/xen/ /proc/$pid/maps) device maps"
	done > "$1/daemons"
}

# forgive OLD NEW: what is missing within the slack is not told
forgive() {
	missing=$(($(cut -d' ' -f1 "$1/memory") - $(cut -d' ' -f1 "$2/memory")))
	if [ $missing -gt 0 ] && [ $missing -le "$slack" ]; then
		cp "$1/memory" "$2/memory"
	fi
}

same_state() {
	rm -rf /tmp/state.new
	snapshot /tmp/state.new
	[ -z "$slack" ] || forgive "$1" /tmp/state.new
	diff -r "$1" /tmp/state.new > /tmp/state.diff
}

# remember DIR: the state now, once it has been the same for a second
remember() {
	tries=20
	snapshot "$1"
	sleep 1
	until same_state "$1" || [ $tries -eq 0 ]; do
		rm -rf "$1"
		snapshot "$1"
		sleep 1
		tries=$((tries - 1))
	done
}

# as_before DIR: at last (frames are scrubbed when the machine is idle)
as_before() {
	until_true 60 same_state "$1" && return 0
	tell /tmp/state.diff
	return 1
}

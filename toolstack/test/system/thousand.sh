#!/bin/sh
# In Dom0: many domains of 4 MiB at once, of guest-pv. Each asks the store for
# its name over its own ring, and writes it to its own node.
#
# Kernel parameter: number=N domains.
. /usr/lib/paravane-test/lib.sh

# create NUMBER: t1 and so on; each waits for an end that vane brings about
create() {
	for i in $(seq "$1"); do
		cat > /tmp/t.cfg <<-END
		name = "t$i"
		kernel = "/boot/guest-pv"
		memory = 4
		cmdline = "test=answer end=wait"
		END
		vane create -q /tmp/t.cfg || return 1
	done
}

# Number and name of each that has answered.
named() {
	xenstore-ls -f /local/domain | sed -n 's/"//g
		s|^/local/domain/\([0-9]*\)/data/answer = |\1 |p' | sort
}

listed_names() { vane list | awk '$1 ~ /^t[0-9]/ { print $2 " " $1 }' | sort; }

all_answer() {
	named > /tmp/named
	listed_names > /tmp/listed
	[ "$(wc -l < /tmp/named)" = "$number" ] && cmp -s /tmp/named /tmp/listed
}

# All of them, by their ids: a name costs a look at every domain's.
destroy() {
	for id in $(vane list | awk '$1 ~ /^t[0-9]/ { print $2 }'); do
		vane destroy "$id" || return 1
	done
}

no_monitor() { ! pidof vane >/dev/null; }

kib_free() { awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }

# spent WHAT SINCE: seconds since then
spent() { echo "# $1: $(($(uptime_s) - $2)) s"; }

plan 7
ok "the services start" services
# What comes once and stays: directories, histories.
create 1 && destroy
sleep 2
remember /tmp/state
dom0=$(kib_free)
free=$(free_memory)

start=$(uptime_s)
ok "$number domains of 4 MiB are created" create "$number"
spent created "$start"
ok "each answers over the store, with its own name" until_true 300 all_answer
spent "created and answered" "$start"
echo "# a domain takes $(((free - $(free_memory)) * 1024 / number)) KiB," \
	"and $(((dom0 - $(kib_free)) / number)) KiB of Dom0"
ok "as many watch over them" \
	[ "$(pidof vane | wc -w)" = "$number" ]
start=$(uptime_s)
ok "all are destroyed" destroy
spent destroyed "$start"
# The hypervisor's tables of Dom0's event channels and of domains stay as large as
# the most that there were at once made them; a second time takes nothing more.
slack=64
ok "nothing is left: memory, nodes, event channels, descriptors" \
	as_before /tmp/state
ok "nobody watches any more" until_true 60 no_monitor

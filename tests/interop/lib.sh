# Shell functions for tests of Debian's tools in Dom0, beside lib.sh of
# tests/dom0: what a command says, and what the domain "solo" says to it.
#
# "# -- NAME" in the output opens a group: a row of docs/interoperation.md.

group() { echo "# -- $*"; }

# shows FILE PATTERN...: the file has a line for each extended pattern
shows() {
	file=$1
	shift
	for pattern; do
		grep -Eq -- "$pattern" "$file" || {
			echo "# no line like '$pattern' in:"
			head -n 25 "$file" > /tmp/tell
			tell /tmp/tell
			return 1
		}
	done
}

# run COMMAND...: its words go to /tmp/out; its failure is told
run() {
	"$@" >/tmp/out 2>&1 </dev/null || {
		echo "# status $? of: $*"
		tell /tmp/out
		return 1
	}
}

# prints COMMAND PATTERN...: the command, split at blanks, succeeds and shows
prints() {
	run $1 || return 1
	shift
	shows /tmp/out "$@"
}

# soon COMMAND...: it becomes true; the limit only guards against a hang
soon() { until_true 120 "$@"; }

refused() { ! "$@" >/tmp/out 2>&1; }
is() { [ -n "$2" ] && [ "$1" = "$2" ]; }
pinged() { ping -c 1 -W 2 "${1:-10.0.0.101}" >/dev/null; }
within() { [ $(($2 - $3)) -le "$1" ] && [ $(($3 - $2)) -le "$1" ]; }

# The domain's console: what it says goes to a file, it reads from a pipe.
mkfifo /tmp/solo.in
exec 8<>/tmp/solo.in
: >/tmp/solo.console

# enter COMMAND...: a console client, which wants a terminal
enter() {
	script -q -f -a -c "$*" /tmp/solo.console <&8 >/dev/null 2>&1 &
	console_pid=$!
}

# ask NAME COMMAND: typed on the console; it answers "@KEY VALUE" lines
ask() { echo "$1" >&8; }
said_is() { is "$2" "$(said solo "$1")"; }
# answers KEY VALUE COMMAND: ask until the domain says so
answers() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		ask "echo \"@\"\"$1\" \$($3)"
		until_true 10 said_is "$1" "$2" && return 0
	done
	echo "# $1: wanted $2, the domain says $(said solo "$1")"
	return 1
}

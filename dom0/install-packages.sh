#!/bin/sh
# Install the Debian packages listed in packages.txt that are missing here.
#
#   dom0/install-packages.sh [--list]
#
# --list prints what is missing and installs nothing. apt is asked only when
# something is missing; a user who is not root goes through sudo. The state
# asked for is "installed": a removed package with leftover configuration
# counts as missing.
set -eu

list=$(dirname "$0")/packages.txt
missing=
for package in $(sed 's/#.*//' "$list" | awk 'NF { print $1 }'); do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) ||
		state=absent
	[ "$state" = installed ] || missing="$missing $package"
done

if [ "${1-}" = --list ]; then
	echo "${missing# }"
	exit 0
fi
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "need root or sudo to install:$missing" >&2
		exit 1
	}
	as_root=sudo
fi

echo "installing:$missing"
# A fresh machine may have no package lists, or stale ones that name versions
# which the mirror no longer holds: refresh them and try once more.
install() {
	# shellcheck disable=SC2086 # a list of package names
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends $missing
}
install || {
	$as_root apt-get update -q
	install
}

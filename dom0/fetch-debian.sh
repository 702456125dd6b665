#!/bin/sh
# Fetch Debian packages and unpack them below a folder, installing nothing.
#
#   dom0/fetch-debian.sh DIR PACKAGE...
#
# The packages are unpacked into DIR. A package that is only a name for the
# current version of another one (linux-image-amd64) stands for that other
# one, so no version is ever written down here. Downloads are kept in
# DIR/../pool and used again for as long as apt names the same version; apt
# checks their signatures by way of its signed lists.
set -eu

dir=$1
shift
pool=$(dirname "$dir")/pool
mkdir -p "$pool"
pool=$(cd "$pool" && pwd)

# The real package behind a meta package: linux-image-amd64 depends on
# linux-image-6.1.0-NN-amd64. Anything else stands for itself.
real_name() {
	case $1 in
	linux-image-amd64 | linux-image-cloud-amd64)
		apt-cache depends "$1" |
			awk '/Depends: linux-image-/ { print $2; exit }'
		;;
	*)
		echo "$1"
		;;
	esac
}

known() {
	for package; do
		name=$(real_name "$package")
		[ -n "$name" ] && apt-cache show "$name" >/dev/null 2>&1 ||
			return 1
	done
}

# Several of us may run at once, but only one apt-get may renew its lists.
(
	flock 9
	if ! known "$@"; then
		as_root=
		[ "$(id -u)" -eq 0 ] || as_root=sudo
		$as_root apt-get update -q
	fi
) 9>"$pool/lock"

download() (
	cd "$pool"
	apt-get download -q -o APT::Sandbox::User="$(id -un)" "$1"
)

rm -rf "$dir.new"
mkdir -p "$dir.new"
for package; do
	name=$(real_name "$package")
	[ -n "$name" ] || {
		echo "apt knows no package $package" >&2
		exit 1
	}
	version=$(apt-cache policy "$name" | awk '/Candidate:/ { print $2 }')
	# apt writes the colon of an epoch as %3a in file names.
	deb=$(echo "${name}_${version}_" | sed 's/:/%3a/')
	set -- "$pool/$deb"*.deb
	[ -f "$1" ] || download "$name"
	dpkg-deb -x "$pool/$deb"*.deb "$dir.new"
done
rm -rf "$dir"
mv "$dir.new" "$dir"

#!/bin/sh
# Fetches a kernel of the distribution, its modules and its headers, without
# installing any of them, and prints the directory they are in:
#
#   vmlinuz, release, lib/modules/RELEASE/   what runs
#   headers/                                 what modules are built with, if there is such
#
# usage: kernel.sh FLAVOUR
set -eu
cd "$(dirname "$0")/../.."

flavour=$1
metapackages=$(tests/vm/flavours.sh "$flavour")
cache=$PWD/target/vm/$flavour
kernel=$cache/kernel
mkdir -p "$cache"

# Two runs at the same time must not fetch twice.
exec 9>"$cache/kernel.lock"
flock 9

# One that is built here is built again when how has changed.
is_current() {
	case $flavour in
	*-no-unload) [ -z "$(find tests/vm/no-unload.* -newer "$kernel/release")" ] ;;
	esac
}
if [ -d "$kernel" ] && is_current; then
	echo "$kernel"
	exit
fi

# All work is done aside and moved into place at the end, so that an interrupted
# run leaves nothing that looks finished.
aside=$(mktemp -d "$cache/kernel.XXXXXX")
trap 'rm -rf "$aside"' EXIT
chmod 755 "$aside"

# The packages behind the metapackages, as far as they belong to the kernel.
# An image comes signed or unsigned; the signed one is what people run.
packages() {
	# shellcheck disable=SC2086 # two words
	apt-cache depends --important --recurse $metapackages |
		grep -E '^(linux-(image|modules|headers|kbuild|source)-|user-mode-linux$)' |
		grep -v -e '-unsigned$' | sort -u
}

download() {
	names=$(packages)
	[ -n "$names" ] || return
	# apt's own user may not write here, and need not.
	# shellcheck disable=SC2086 # a list of packages
	(cd "$aside" && apt-get -qq -o APT::Sandbox::User=root download $names)
}

echo "fetching kernel $flavour" >&2
# The package lists of a fresh container are empty, and old ones name packages that
# are gone; so they are updated when the first try fails.
if ! download 2>/dev/null; then
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	$sudo apt-get -qq update
	download
fi
for package in "$aside"/*.deb; do
	dpkg-deb -x "$package" "$aside"
	rm "$package"
done

# A kernel as the distribution built it.
image() {
	release=$(basename boot/vmlinuz-* | sed 's/^vmlinuz-//')
	echo "$release" >release
	ln -s "boot/vmlinuz-$release" vmlinuz
	ln -s "usr/src/linux-headers-$release" headers
	# Newer distributions have no /lib of their own.
	[ -d lib/modules ] || { mkdir -p lib && ln -s ../usr/lib/modules lib/modules; }

	# The headers name their common part by its installed place.
	sed -i 's|/usr/src/|../|' headers/Makefile
	# With vmlinux there, kbuild would add type information to modules, which needs
	# one more tool (pahole) and serves no test.
	rm -f headers/vmlinux
	# Links to the installed headers would dangle.
	rm -f "lib/modules/$release/build" "lib/modules/$release/source"
}

# A kernel that is a program: User-Mode Linux.
program() {
	release=$(basename usr/lib/uml/modules/*)
	echo "$release" >release
	ln -s usr/bin/linux.uml vmlinuz
	mkdir lib
	ln -s ../usr/lib/uml/modules lib/modules
}

scripts=$PWD/tests/vm
cd "$aside"
case $flavour in
*-no-unload) "$scripts/no-unload.sh" "$aside" >&2 ;;
*-uml) program ;;
*) image ;;
esac
depmod -b . "$(cat release)"

rm -rf "$kernel"
mv -T "$aside" "$kernel"
echo "$kernel"

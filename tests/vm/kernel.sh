#!/bin/sh
# Fetches a kernel of the distribution, its modules and its headers, without
# installing any of them, and prints the directory they are in:
#
#   vmlinuz, release, lib/modules/RELEASE/   what runs
#   config                                   how it was configured, if its package says so
#   headers/                                 what modules are built with, if there is such
#
# usage: kernel.sh FLAVOR
set -eu
cd "$(dirname "$0")/../.."

# shellcheck source=tests/vm/fetch.sh
. tests/vm/fetch.sh

flavor=$1
row=$(tests/vm/flavors.sh "$flavor")
set -f # asterisks in it are for apt
# shellcheck disable=SC2086 # words
set -- $row
set +f
architecture=$1 suite=$2
own=$(dpkg --print-architecture)
shift 2
metapackages=$*
cache=$PWD/target/vm/$flavor
kernel=$cache/kernel
mkdir -p "$cache"

# Two runs at the same time must not fetch twice.
exec 9>"$cache/kernel.lock"
flock 9

# One that is built here is built again when how has changed.
is_current() {
	case $flavor in
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

apt() {
	tests/vm/apt.sh "$suite" "$architecture" "$@"
}

# The packages that the flavor names; those with an asterisk are the newest of a series.
named() {
	for name in $metapackages; do
		case $name in
		*'*'*)
			apt apt-cache pkgnames "${name%%\**}" |
				grep -x "$(echo "$name" | sed 's/[.]/\\&/g; s/\*/[^-]*/')" | sort -V | tail -n 1
			;;
		*) echo "$name" ;;
		esac
	done
}

# The packages behind the metapackages, as far as they belong to the kernel.
# An image comes signed or unsigned; the signed one is what people run. Since Linux 7, the
# image, its configuration and the modules are in packages of their own.
packages() {
	# shellcheck disable=SC2046 # two words
	apt apt-cache depends --important --recurse $(named) |
		grep -E '^(linux-(image|binary|base|modules|headers|kbuild|source)-|user-mode-linux$)' |
		grep -v -e '-unsigned' | sort -u
}

# Kbuild's programs are for this machine, and so is what they are linked with, as it may be newer
# than this machine's.
own_packages() {
	[ "$suite" = - ] && return
	[ "$architecture" = "$own" ] || echo "$names" | grep '^linux-kbuild-'
	echo libc6
}

download() {
	names=$(packages)
	[ -n "$names" ] || return
	of_own=$(own_packages)
	[ "$architecture" = "$own" ] || names=$(echo "$names" | grep -v '^linux-kbuild-')
	# apt's own user may not write here, and need not.
	# shellcheck disable=SC2086 # a list of packages
	(cd "$aside" && "$OLDPWD/tests/vm/apt.sh" "$suite" "$architecture" \
		apt-get -qq -o APT::Sandbox::User=root download $names) || return
	# shellcheck disable=SC2086 # a list of packages
	[ -z "$of_own" ] || (cd "$aside" && "$OLDPWD/tests/vm/apt.sh" "$suite" "$own" \
		apt-get -qq -o APT::Sandbox::User=root download $of_own)
}

echo "fetching kernel $flavor" >&2
owns=
[ "$architecture" = "$own" ] || owns=$own
# shellcheck disable=SC2086 # one word or none
fetch "kernel $flavor" "$suite" "$architecture" $owns
for package in "$aside"/*.deb; do
	dpkg-deb -x "$package" "$aside"
	rm "$package"
done

# A kernel as the distribution built it.
image() {
	if [ -d boot ]; then
		# ppc64el has no compressed kernel.
		image=$(echo boot/vmlinu[xz]-*)
		release=${image#boot/vmlinu?-}
		ln -s "$image" vmlinuz
		ln -s "boot/config-$release" config
	else
		release=$(basename usr/lib/modules/*)
		ln -s "usr/lib/modules/$release/vmlinuz" "usr/lib/modules/$release/config" .
	fi
	echo "$release" >release
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

# Lets the programs among kbuild's run that are linked with a newer C library than this
# machine's: with the one that was fetched.
bring_library() {
	library=usr/lib/x86_64-linux-gnu
	find usr/lib/linux-kbuild-* usr/src -type f -perm -u+x | while read -r program; do
		ldd "$program" 2>&1 | grep -q 'not found' || continue
		mv "$program" "$program.bin"
		{
			echo '#!/bin/sh'
			echo "root=\${0%/*}/$(realpath --relative-to "$(dirname "$program")" .)"
			echo "exec \"\$root/$library/ld-linux-x86-64.so.2\" --library-path \"\$root/$library\"" \
				"\"\$0.bin\" \"\$@\""
		} >"$program"
		chmod 755 "$program"
	done
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
case $flavor in
*-no-unload) "$scripts/no-unload.sh" "$aside" >&2 ;;
*-uml) program ;;
*)
	image
	bring_library
	;;
esac
depmod -b . "$(cat release)"

rm -rf "$kernel"
mv -T "$aside" "$kernel"
echo "$kernel"

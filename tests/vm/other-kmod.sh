#!/bin/sh
# Fetches kmod as another release of Debian has it, with the libraries and the loader that it needs,
# and prints the directory they are in: our tools speak as both do. Prints nothing where there is
# none to fetch.
#
# usage: other-kmod.sh
set -eu
cd "$(dirname "$0")/../.."

# shellcheck source=tests/vm/fetch.sh
. tests/vm/fetch.sh
# shellcheck source=/dev/null # the system's
. /etc/os-release
case "${ID:-} ${VERSION_ID:-} $(uname -m)" in
'debian 12 x86_64') suite=trixie ;;
'debian 13 x86_64') suite=bookworm ;;
*) exit 0 ;;
esac

kmod=$PWD/target/vm/kmod-$suite
mkdir -p target/vm
exec 9>"$kmod.lock"
flock 9
if [ -d "$kmod" ]; then
	echo "$kmod"
	exit
fi

aside=$(mktemp -d "$kmod.XXXXXX")
trap 'rm -rf "$aside"' EXIT
apt() {
	tests/vm/apt.sh "$suite" amd64 "$@"
}
download() {
	names=$(apt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances kmod |
		grep '^[a-z]' | grep -v -e openssl-provider -e gcc | sort -u)
	[ -n "$names" ] || return
	# shellcheck disable=SC2086 # a list of packages
	(cd "$aside" && "$OLDPWD/tests/vm/apt.sh" "$suite" amd64 \
		apt-get -qq -o APT::Sandbox::User=root download $names)
}
fetch "kmod of $suite" "$suite" amd64 >&2 || {
	echo "other-kmod.sh: the tests go without it" >&2
	exit 0
}
for package in "$aside"/*.deb; do
	dpkg-deb -x "$package" "$aside/all"
done

# What it loads, by name, without those parts of libraries that are data.
mkdir "$aside/kmod"
needed() {
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}
take() {
	[ ! -e "$aside/kmod/${1##*/}" ] || return 0
	cp -L "$1" "$aside/kmod/${1##*/}"
	for library in $(needed "$1"); do
		found=$(find "$aside/all" -name "$library" | head -n 1)
		[ -z "$found" ] || (take "$found")
	done
}
take "$(find "$aside/all" -path '*bin/kmod' -type f | head -n 1)"
take "$(find "$aside/all" -name 'ld-linux-x86-64.so.2' | head -n 1)"
mv -T "$aside/kmod" "$kmod"
echo "$kmod"

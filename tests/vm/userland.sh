#!/bin/sh
# Fetches the programs that a guest of another machine needs, with all that they are linked with,
# and prints the directory they are in.
#
# usage: userland.sh FLAVOR
set -eu
cd "$(dirname "$0")/../.."

# shellcheck source=tests/vm/fetch.sh
. tests/vm/fetch.sh

row=$(tests/vm/flavors.sh "$1")
architecture=${row%% *}
suite=${row#* }
suite=${suite%% *}
userland=$PWD/target/vm/userland/$suite-$architecture
mkdir -p target/vm/userland

exec 9>"$userland.lock"
flock 9
if [ -d "$userland" ]; then
	echo "$userland"
	exit
fi

aside=$(mktemp -d "$userland.XXXXXX")
trap 'rm -rf "$aside"' EXIT
chmod 755 "$aside"
apt() {
	tests/vm/apt.sh "$suite" "$architecture" "$@"
}
# What packages only need for their configuration is left out.
download() {
	names=$(apt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances \
		busybox-static kmod dash bash strace util-linux jq |
		grep '^[a-z]' | grep -v -e debconf -e perl -e dpkg -e tar -e base-files -e sysvinit | sort -u)
	[ -n "$names" ] || return
	# shellcheck disable=SC2086 # a list of packages
	(cd "$aside" && "$OLDPWD/tests/vm/apt.sh" "$suite" "$architecture" \
		apt-get -qq -o APT::Sandbox::User=root download $names) >&2
}
fetch "programs for $architecture" "$suite" "$architecture"
for package in "$aside"/*.deb; do
	dpkg-deb -x "$package" "$aside"
	rm "$package"
done
mv -T "$aside" "$userland"
echo "$userland"

#!/bin/sh
# Runs apt-get or apt-cache on a suite of Debian's and an architecture that may not be this
# machine's. It has sources, lists and a state of its own in target/vm/apt; those of the
# machine are left alone.
#
# usage: apt.sh SUITE ARCHITECTURE PROGRAM [ARGUMENT...]
#
# A suite of - is what the machine's own sources have.
set -eu

suite=$1 architecture=$2
shift 2
if [ "$suite" = - ]; then
	if [ "$1" = apt-get ] && [ "$2" = update ] && [ "$(id -u)" -ne 0 ]; then
		exec sudo "$@"
	fi
	exec "$@"
fi

directory=$(cd "$(dirname "$0")/../.." && pwd)/target/vm/apt/$suite-$architecture
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=http://deb.debian.org/debian
release=${suite%-backports}

sources() {
	echo "deb [signed-by=$keys] $mirror $release main"
	case $suite in
	sid) ;;
	*-backports) echo "deb [signed-by=$keys] $mirror $suite main" ;;
	*) echo "deb [signed-by=$keys] $mirror-security $suite-security main" ;;
	esac
}

# It names its own place: a folder that was copied or moved gets another one.
if ! grep -qsF "\"$directory\"" "$directory/apt.conf"; then
	mkdir -p "$directory/lists/partial" "$directory/archives/partial"
	: >"$directory/status"
	sources >"$directory/sources.list"
	cat >"$directory/apt.conf.$$" <<-CONFIGURATION
		Dir::State "$directory";
		Dir::State::status "$directory/status";
		Dir::Cache "$directory";
		Dir::Etc::sourcelist "$directory/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "$architecture";
		APT::Architectures { "$architecture"; };
		APT::Default-Release "$suite";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	CONFIGURATION
	mv "$directory/apt.conf.$$" "$directory/apt.conf"
fi
export APT_CONFIG="$directory/apt.conf"
exec "$@"

#!/bin/sh
# Prints the machine that a kernel is for, by its name in `uname -m`.
#
# usage: machine.sh FLAVOR
set -eu
cd "$(dirname "$0")/../.."

row=$(tests/vm/flavors.sh "$1")
case ${row%% *} in
amd64) echo x86_64 ;;
i386) echo i686 ;;
arm64) echo aarch64 ;;
armhf) echo armv7 ;;
ppc64el) echo powerpc64le ;;
*) echo "${row%% *}" ;;
esac

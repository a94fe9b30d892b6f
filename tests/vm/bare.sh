#!/bin/sh
# Boots a system that has nothing but the three tools and two modules, as an initramfs
# may be, and prints what the tools say.
#
# usage: bare.sh FLAVOR
#
# The directory of the tools is taken from MODUTILS_BIN.
set -eu
cd "$(dirname "$0")/../.."

flavor=$1
: "${MODUTILS_BIN:?the directory of the three tools}"
modules=$(tests/vm/modules.sh "$flavor")
initramfs=$PWD/target/vm/$flavor/bare.cpio
console=$PWD/target/vm/$flavor/console-bare.log

root=$(mktemp -d "$PWD/target/vm/$flavor/bare.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/sbin" "$root/modules" "$root/dev" "$root/proc"
gcc -Os -static -Wall -Werror -o "$root/init" tests/vm/bare-init.c
cp "$MODUTILS_BIN/insmod" "$MODUTILS_BIN/rmmod" "$MODUTILS_BIN/lsmod" "$root/sbin"
cp "$modules/t_base.ko" "$modules/t_user.ko.xz" "$root/modules"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$initramfs"

tests/vm/boot.sh "$flavor" "$initramfs" 120 "$console" quiet \
	-- /modules/t_base.ko /modules/t_user.ko.xz </dev/null

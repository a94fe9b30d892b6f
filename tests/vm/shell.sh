#!/bin/sh
# Boots a kernel into a shell with the three tools. Commands that are piped into it run there, and
# the machine is turned off after that.
#
# usage: shell.sh [FLAVOR]    without one, the newest the distribution offers
set -eu
cd "$(dirname "$0")/../.."

flavor=${1:-$(tests/vm/flavors.sh | tail -n 1)}
kernel=$(tests/vm/kernel.sh "$flavor")
initramfs=target/vm/$flavor/shell.cpio
if [ -t 0 ]; then
	tests/vm/initramfs.sh "$flavor" "$initramfs" tests/vm/shell
	echo "Booting $(cat "$kernel/release"); leave with Ctrl-D."
else
	# A serial port loses bytes that come before a reader, and has no end of file.
	commands=target/vm/$flavor/commands
	cat >"$commands"
	tests/vm/initramfs.sh "$flavor" "$initramfs" tests/vm/shell "$commands"
	echo "Booting $(cat "$kernel/release")."
fi
exec tests/vm/boot.sh "$flavor" "$initramfs" 0 - quiet

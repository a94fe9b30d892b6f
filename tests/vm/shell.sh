#!/bin/sh
# Boots a kernel into a shell with the three tools. What is piped into it is executed there, and
# the machine is turned off after that.
#
# usage: shell.sh [FLAVOUR]    without one, the newest the distribution offers
set -eu
cd "$(dirname "$0")/../.."

flavour=${1:-$(tests/vm/flavours.sh | tail -n 1)}
kernel=$(tests/vm/kernel.sh "$flavour")
initramfs=target/vm/$flavour/shell.cpio
if [ -t 0 ]; then
	tests/vm/initramfs.sh "$flavour" "$initramfs" tests/vm/shell
	echo "Booting $(cat "$kernel/release"); leave with Ctrl-D."
else
	# A serial port loses what comes before somebody reads, and knows no end of a file.
	commands=target/vm/$flavour/commands
	cat >"$commands"
	tests/vm/initramfs.sh "$flavour" "$initramfs" tests/vm/shell "$commands"
	echo "Booting $(cat "$kernel/release")."
fi
exec tests/vm/boot.sh "$flavour" "$initramfs" 0 - quiet

#!/bin/sh
# Boots a kernel into a shell with the three tools.
#
# usage: shell.sh [FLAVOUR]    without one, the newest the distribution offers
set -eu
cd "$(dirname "$0")/../.."

flavour=${1:-$(tests/vm/flavours.sh | tail -n 1)}
kernel=$(tests/vm/kernel.sh "$flavour")
initramfs=target/vm/$flavour/shell.cpio
tests/vm/initramfs.sh "$flavour" "$initramfs" tests/vm/shell

echo "Booting $(cat "$kernel/release"); leave with Ctrl-D."
exec tests/vm/boot.sh "$flavour" "$initramfs" 0 - quiet

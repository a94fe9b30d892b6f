#!/bin/sh
# Shows the tools at work on a booted kernel.
#
# usage: demo.sh [FLAVOR]    without one, the newest the distribution offers
set -eu
cd "$(dirname "$0")/../.."

flavor=${1:-$(tests/vm/flavors.sh | tail -n 1)}
initramfs=target/vm/$flavor/demo.cpio
console=target/vm/$flavor/console-demo.log
transcript=target/vm/$flavor/demo.txt
tests/vm/initramfs.sh "$flavor" "$initramfs" tests/vm/demo

# The guest cannot return an exit status; its last line tells.
tests/vm/boot.sh "$flavor" "$initramfs" 120 "$console" quiet | tee "$transcript"
if ! grep -qx 'Every step did what it should.' "$transcript"; then
	echo "demo.sh: a step failed; the kernel's console is in $console" >&2
	exit 1
fi

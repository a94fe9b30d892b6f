#!/bin/sh
# Shows the tools at work on a booted kernel.
#
# usage: demo.sh [FLAVOUR]    without one, the newest the distribution offers
set -eu
cd "$(dirname "$0")/../.."

flavour=${1:-$(tests/vm/flavours.sh | tail -n 1)}
initramfs=target/vm/$flavour/demo.cpio
console=target/vm/$flavour/console-demo.log
transcript=target/vm/$flavour/demo.txt
tests/vm/initramfs.sh "$flavour" "$initramfs" tests/vm/demo

# The guest cannot return an exit status; its last line tells.
tests/vm/boot.sh "$flavour" "$initramfs" 120 "$console" quiet | tee "$transcript"
if ! grep -qx 'Every step did what it should.' "$transcript"; then
	echo "demo.sh: a step failed; the kernel's console is in $console" >&2
	exit 1
fi

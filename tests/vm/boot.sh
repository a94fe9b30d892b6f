#!/bin/sh
# Boots a kernel with an initramfs.
#
# usage: boot.sh FLAVOUR INITRAMFS SECONDS CONSOLE [KERNEL PARAMETER...]
#
# The kernel's console goes to the file CONSOLE and the second serial port is
# this process's input and output; with - for CONSOLE, the console is. A machine
# that is still up after SECONDS is stopped; 0 is no limit.
set -eu
cd "$(dirname "$0")/../.."

flavour=$1 initramfs=$2 seconds=$3 console=$4
shift 4
kernel=$(tests/vm/kernel.sh "$flavour")

case $console in
-) ports='-serial mon:stdio' port=ttyS0 ;;
*) ports="-serial file:$console -serial stdio" port=ttyS1 ;;
esac

# No acceleration by the host's processor: nested virtualisation cannot be had
# everywhere. q35 because microvm's clock calibration fails on a busy host.
# shellcheck disable=SC2086 # two options
exec timeout --foreground "$seconds" qemu-system-x86_64 \
	-M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
	-nodefaults -no-user-config -display none -no-reboot $ports \
	-kernel "$kernel/vmlinuz" -initrd "$initramfs" \
	-append "console=ttyS0 panic=-1 PORT=$port $*"

#!/bin/sh
# Prints the accelerators for QEMU to choose from: KVM where a kernel boots with it, and emulation.
#
# usage: accel.sh KERNEL
#
# A device that can be opened proves nothing: in a container or a nested virtual machine, KVM may
# stop at the first instruction that it has to emulate and cannot. So KERNEL is booted once, to its
# panic for want of a root. The answer holds until the host boots again.
#
# Emulated processors take turns in one thread. In a thread each, one sometimes executes an
# instruction that another is just patching, of which the kernel dies; and on a busy host, each of
# the thousands of times that one wakes the other takes milliseconds.
set -eu
cd "$(dirname "$0")/../.."

kernel=$1
device=${KVM_DEVICE:-/dev/kvm}
emulation='-accel tcg,thread=single'
cache=target/vm/accel
boot=$(cat /proc/sys/kernel/random/boot_id)

if [ ! -r "$device" ] || [ ! -w "$device" ]; then
	echo "$emulation"
	exit
fi
if [ ! -e "$cache" ] || [ "$(sed -n 1p "$cache")" != "$boot $device" ]; then
	mkdir -p target/vm
	said=$(timeout 20 qemu-system-x86_64 -M q35 -accel kvm -smp 2 -cpu max -m 512 \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-kernel "$kernel" -append 'console=ttyS0 panic=-1' </dev/null 2>&1) || :
	case $said in
	*'Kernel panic'*'Unable to mount root'*) works=yes ;;
	*) works=no ;;
	esac
	printf '%s\n' "$boot $device" "$works" >"$cache.$$"
	mv "$cache.$$" "$cache"
fi
case $(sed -n 2p "$cache") in
yes) echo "-accel kvm $emulation" ;;
*) echo "$emulation" ;;
esac

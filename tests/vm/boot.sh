#!/bin/sh
# Boots a kernel with an initramfs.
#
# usage: boot.sh [-s] FLAVOR INITRAMFS SECONDS CONSOLE [KERNEL PARAMETER...]
#
# The kernel's console goes to the file CONSOLE and the second serial port is
# this process's input and output; with - for CONSOLE, the console is. A machine
# that is still up after SECONDS is stopped; 0 means no limit.
#
# -s makes the machine's clock steady: it counts the instructions that the machine
# executes and skips the time that it would idle. So times measured in the guest do
# not depend on what else the host does. It is slower and has one processor only, as
# two would wait for each other without progress.
#
# User-Mode Linux is a kernel that is a program: it needs no machine, and has no -s.
set -eu
cd "$(dirname "$0")/../.."

steady=
if [ "$1" = -s ]; then
	steady=yes
	shift
fi
flavor=$1 initramfs=$2 seconds=$3 console=$4
shift 4
kernel=$(tests/vm/kernel.sh "$flavor")

# Its serial port is on descriptors of its own, as it writes about itself to those that
# every program has, and the kernel's messages, too.
uml() {
	registers=target/vm/$flavor/registers.so
	gcc -shared -fPIC -O2 -Wall -Werror -o "$registers.$$" tests/vm/uml-registers.c
	mv "$registers.$$" "$registers"
	case $console in
	-) line=0 console=/dev/null ;;
	*) line=1 && set -- RAW=yes "$@" ;;
	esac
	exec env LD_PRELOAD="$PWD/$registers" \
		timeout --foreground "$seconds" "$kernel/vmlinuz" "uml_dir=target/vm/$flavor" \
		mem=1024M "initrd=$initramfs" con=null con0=null,fd:2 "ssl$line=fd:3,fd:4" panic=-1 \
		"PORT=ttyS$line" "$@" 3<&0 4>&1 </dev/null >"$console" 2>&1
}
case $flavor in
*-uml) uml "$@" ;;
esac

# A kernel for hardware comes with modules of 400 MB, which are in memory twice while they
# are unpacked, and may fill half the memory.
case $flavor in
*-generic | *-armhf | *-ppc64el | *-riscv64) memory=2048 ;;
*) memory=1024 ;;
esac

# How each machine is emulated: its program, its options, the port that is its console and the
# one that is for us. q35 because microvm's clock calibration fails on a busy host; and for the same
# reason the kernel is not to check whether timer interrupts come in time.
machine=$(tests/vm/machine.sh "$flavor")
case $machine in
x86_64 | i686)
	set -- no_timer_check "$@"
	system=x86_64 options='-M q35 -cpu max'
	first=ttyS0 second=ttyS1
	console_device='-serial chardev:console' port_device='-serial chardev:port'
	;;
aarch64 | armv7)
	# What newer ones add, such as signed pointers, is emulated slowly.
	system=aarch64 options='-M virt -cpu cortex-a57'
	[ "$machine" = aarch64 ] || system=arm options='-M virt,highmem=off -cpu cortex-a15'
	first=ttyS0 second=ttyAMA0
	console_device='-device pci-serial,chardev=console' port_device='-serial chardev:port'
	;;
riscv64)
	system=riscv64 options='-M virt'
	first=ttyS0 second=ttyS1
	console_device='-serial chardev:console' port_device='-device pci-serial,chardev=port'
	;;
s390x)
	# It writes to every port before it knows which one is its console.
	set -- nokaslr quiet "$@"
	system=s390x options='-M s390-ccw-virtio -cpu max'
	first=ttyS0 second=ttysclp0
	console_device='-device sclplmconsole,chardev=console'
	port_device='-device sclpconsole,chardev=port'
	;;
powerpc64le)
	system=ppc64 options='-M pseries -cpu power9'
	first=hvc0 second=hvc1
	console_device='-device spapr-vty,chardev=console'
	port_device='-device spapr-vty,chardev=port'
	;;
esac

# When they start, kernels measure how irregular their clock is, for seconds and on a busy host for
# minutes. Only IPsec and the like need the random numbers that they gain by it.
case $flavor in
*-generic) ;;
*) set -- initcall_blacklist=jent_mod_init "$@" ;;
esac

# QEMU keeps its translation of a program for the next time that it runs at the same addresses: most
# programs then take a fourth of the time.
set -- norandmaps "$@"

case $console in
-)
	# One port is both.
	ports="-chardev stdio,id=console,mux=on -mon chardev=console $console_device"
	second=$first
	;;
*)
	ports="-chardev file,id=console,path=$console -chardev stdio,id=port,signal=off"
	ports="$ports $console_device $port_device"
	set -- RAW=yes "$@"
	;;
esac

if [ -n "$steady" ]; then
	processors='-accel tcg -smp 1 -icount shift=0,sleep=off'
elif [ "$machine" = armv7 ] || [ "$machine" = s390x ] || [ "$machine" = riscv64 ]; then
	# With two, emulated in turns, these kernels hang: that of armhf before it starts init, that of
	# s390x at any moment of some runs; and that of riscv64 waits for itself for minutes.
	processors='-accel tcg -smp 1'
elif [ "$machine" = "$(uname -m)" ]; then
	processors="$(tests/vm/accel.sh "$kernel/vmlinuz") -smp 2"
else
	processors='-accel tcg,thread=single -smp 2'
fi

# shellcheck disable=SC2086 # several options in one word
exec timeout --foreground "$seconds" "qemu-system-$system" \
	$options $processors -m "$memory" -nodefaults -no-user-config -display none -no-reboot $ports \
	-kernel "$kernel/vmlinuz" -initrd "$initramfs" \
	-append "console=$first panic=-1 PORT=$second $*"

#!/bin/sh
# Builds a small kernel that loads modules but cannot unload them, as no distribution
# has one, from the distribution's source of the kernel. Its configuration is the
# smallest there is and no-unload.config.
#
# usage: no-unload.sh DIRECTORY
#
# DIRECTORY has the unpacked package of the source and becomes what kernel.sh promises.
set -eu
cd "$(dirname "$0")/../.."

# What a kernel is built with, beside what modules are built with.
tests/vm/tools.sh flex bison bc
config=$PWD/tests/vm/no-unload.config
log=$1.log

echo "building a kernel that cannot unload modules: some minutes"
cd "$1"
mkdir headers
tar -C headers --strip-components=1 -xf usr/src/linux-source-*.tar.*
rm -r usr

build() {
	make -C headers -j "$(nproc)" "$@" >>"$log" 2>&1 || {
		tail -n 50 "$log"
		exit 1
	}
}
build tinyconfig
(cd headers && scripts/kconfig/merge_config.sh -m .config "$config") >>"$log"
build olddefconfig
# What depends on something that is missing is dropped without a word.
grep CONFIG_ "$config" | while read -r line; do
	grep -qxF "$line" headers/.config || {
		echo "no-unload.sh: this kernel cannot have: $line"
		exit 1
	}
done
build bzImage modules
# No module, but the list of built-in ones.
build modules_install INSTALL_MOD_PATH="$PWD" DEPMOD=true

cp headers/arch/x86/boot/bzImage vmlinuz
cp headers/include/config/kernel.release release
rm -f "lib/modules/$(cat release)/build" "lib/modules/$(cat release)/source"

# The rest of a gigabyte: modules are built with the Makefiles, the scripts, the headers
# and one tool.
for directory in headers/*/ headers/arch/*/ headers/tools/*/; do
	case $directory in
	*/arch/ | */arch/x86/ | */include/ | */scripts/ | */tools/ | */objtool/) ;;
	*) rm -r "$directory" ;;
	esac
done
find headers/arch \( -name '*.[cSo]' -o -name '*.a' -o -name 'bzImage' -o -name 'vmlinux*' \) -delete
rm -f headers/vmlinux* headers/*.a headers/*.o "$log"

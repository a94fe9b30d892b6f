#!/bin/sh
# Builds the test modules for a kernel, plain and in each compression, and
# prints the directory they are in: an empty one, if there is nothing to build with.
#
# usage: modules.sh FLAVOR
set -eu
cd "$(dirname "$0")/../.."

flavor=$1
kernel=$(tests/vm/kernel.sh "$flavor")
build=$PWD/target/vm/$flavor/build
modules=$PWD/target/vm/$flavor/modules

exec 9>"target/vm/$flavor/modules.lock"
flock 9

if [ -d "$modules" ] && [ -z "$(find tests/modules tests/vm/modules.sh -newer "$modules")" ]; then
	echo "$modules"
	exit
fi

if [ ! -d "$kernel/headers" ]; then
	mkdir -p "$modules"
	touch "$modules"
	echo "$modules"
	exit
fi

# kbuild writes beside its sources: it gets copies.
mkdir -p "$build"
cp -p tests/modules/* "$build"
log=$build/make.log
# The compiler of this machine, where the one that built the kernel is not here. Options that
# only newer ones have are turned off, as kbuild itself does for an older compiler.
set --
machine=$(tests/vm/machine.sh "$flavor")
prefix=$(packaging/target compiler "$(packaging/target machine "$machine")" | sed 's/gcc$//')
compiler=$(sed -n 's/^CC = .*)//p' "$kernel/headers/.kernelvariables")
if [ -n "$prefix" ]; then
	packaging/cross-tools "$(packaging/target machine "$machine")" >&2
	set -- CROSS_COMPILE="$prefix" CC="${prefix}gcc"
elif [ -n "$compiler" ] && ! command -v "$compiler" >/dev/null; then
	set -- CC=gcc
fi
if [ $# -gt 0 ]; then
	"${prefix}gcc" -fmin-function-alignment=16 -E - </dev/null >/dev/null 2>&1 ||
		set -- "$@" CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=
fi
make -C "$kernel/headers" M="$build" -j "$(nproc)" KCFLAGS=-Werror "$@" >"$log" 2>&1 || {
	cat "$log" >&2
	exit 1
}

rm -rf "$modules"
aside=$(mktemp -d "$modules.XXXXXX")
trap 'rm -rf "$aside"' EXIT
chmod 755 "$aside"
for source in tests/modules/*.c; do
	module=$aside/$(basename "$source" .c).ko
	cp "$build/$(basename "$module")" "$module"
	# The options with which kbuild itself compresses the distribution's modules.
	xz --check=crc32 --lzma2=dict=1MiB <"$module" >"$module.xz"
	gzip -n <"$module" >"$module.gz"
	zstd -q <"$module" >"$module.zst"
done

# Kernels cannot verify the check that xz adds by default.
xz --check=crc64 <"$aside/t_plain.ko" >"$aside/t_plain.crc64.ko.xz"
# Filters that some kernels lack; and files in two streams, members or frames.
for filter in x86 arm delta; do
	xz --check=crc32 --$filter --lzma2 <"$aside/t_plain.ko" >"$aside/t_plain.$filter.ko.xz"
done
halves() {
	head -c 5000 "$aside/t_slow.ko" | "$@"
	tail -c +5001 "$aside/t_slow.ko" | "$@"
}
halves xz --check=crc32 >"$aside/t_slow.parts.ko.xz"
halves gzip -n >"$aside/t_slow.parts.ko.gz"
halves zstd -q >"$aside/t_slow.parts.ko.zst"
# A module that is followed by more zeros than is allowed.
bomb() {
	cat "$aside/t_plain.ko"
	head -c 600M /dev/zero
}
bomb | gzip -n -1 >"$aside/bomb.ko.gz"
bomb | zstd -q -1 >"$aside/bomb.ko.zst"

mv -T "$aside" "$modules"
echo "$modules"

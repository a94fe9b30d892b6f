#!/bin/sh
# Reads module files with random changes on other machines, under qemu-user: where addresses have
# 32 bits, or the byte order is another.
#
# usage: emulate.sh SECONDS MACHINE...
set -eu
cd "$(dirname "$0")/.."

seconds=$1
shift
for machine; do
	target=$(packaging/target machine "$machine")
	packaging/cross-tools "$target"
	case $machine in
	i686) emulator=qemu-i386-static ;;
	armv7) emulator=qemu-arm-static ;;
	powerpc64le) emulator=qemu-ppc64le-static ;;
	*) emulator=qemu-$machine-static ;;
	esac
	command -v "$emulator" >/dev/null || tests/vm/tools.sh qemu-user-static
	compiler=$(packaging/target compiler "$target")
	name=$(echo "$target" | tr a-z- A-Z_)
	echo "$machine: $(env "CARGO_TARGET_${name}_LINKER=$compiler" \
		"CARGO_TARGET_${name}_RUNNER=$emulator" "CC_$(echo "$target" | tr - _)=$compiler" \
		RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" CORPUS_SECONDS="$seconds" \
		cargo test --quiet --locked --target "$target" --package modutils-tools --test corpus -- \
		--nocapture changed_images | grep -E 'images in|panicked|test result')"
done

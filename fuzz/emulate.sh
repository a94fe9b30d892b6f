#!/bin/sh
# Runs the tests of the library, and reads module files with random changes, on other machines under
# qemu-user: where addresses have 32 bits, or the byte order is another.
#
# usage: emulate.sh SECONDS MACHINE...
set -eu
cd "$(dirname "$0")/.."

seconds=$1
shift
output=$(mktemp)
trap 'rm -f "$output"' EXIT
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
	tests() {
		env "CARGO_TARGET_${name}_LINKER=$compiler" "CARGO_TARGET_${name}_RUNNER=$emulator" \
			"CC_$(echo "$target" | tr - _)=$compiler" \
			RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" CORPUS_SECONDS="$seconds" \
			cargo test --quiet --locked --target "$target" "$@" >"$output" || {
			cat "$output" >&2
			exit 1
		}
		echo "$machine: $(grep -E 'images in|test result' "$output")"
	}
	tests --package modutils --lib
	tests --package modutils-tools --test corpus -- --nocapture changed_images
done

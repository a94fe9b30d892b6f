#!/bin/sh
# Builds what runs on another machine than this one, and prints the directory it is in: the three
# tools, the tests, and the example of the library.
#
# usage: guest.sh MACHINE
set -eu
cd "$(dirname "$0")/../.."

machine=$1
guest=$PWD/target/vm/guest/$machine
target=$(packaging/target machine "$machine")
mkdir -p "$guest"

make --no-print-directory TARGET="$machine" build >&2
install target/built-"$machine"/* "$guest"

compiler=$(packaging/target compiler "$target")
export "CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER=$compiler" \
	"CC_$(echo "$target" | tr - _)=$compiler" \
	RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
# The program that cargo built: of those it names, the last.
messages=$guest/messages.json
built() {
	cargo "$@" --locked --quiet --target "$target" --message-format json >"$messages"
	grep -o '"executable":"[^"]*"' "$messages" | tail -n 1 | cut -d '"' -f 4
}
program=$(built test --no-run --test kernel)
install "$program" "$guest/kernel"
program=$(built build --example lifecycle)
install "$program" "$guest/lifecycle"
rm "$messages"
echo "$guest"

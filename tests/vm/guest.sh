#!/bin/sh
# Builds what runs on another machine than this one, and prints the directory it is in: the three
# tools, the tests, and the example of the library.
#
# usage: guest.sh MACHINE
#
# The tools are those that are shipped. With dev in MODUTILS_PROFILE they are not optimized, which
# takes half the time to build; the tests that they run do not take longer.
set -eu
cd "$(dirname "$0")/../.."

machine=$1
profile=${MODUTILS_PROFILE:-release}
guest=$PWD/target/vm/guest/$machine-$profile
target=$(packaging/target machine "$machine")
mkdir -p "$guest"

# The tests run while others build the same.
exec 9>"$guest.lock"
flock 9

[ "$profile" = dev ] || make --no-print-directory TARGET="$machine" build >&2

compiler=$(packaging/target compiler "$target")
[ -z "$compiler" ] || export "CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER=$compiler" \
	"CC_$(echo "$target" | tr - _)=$compiler"
# The tests are run with these flags already; cargo would build all again for others.
case ${RUSTFLAGS:-} in
*target-feature=+crt-static*) ;;
*) RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" ;;
esac
# Small, as they are unpacked into the guest's memory.
export RUSTFLAGS CARGO_INCREMENTAL=0 \
	CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols
# Builds programs, and prints where they are.
messages=$guest/messages.json
built() {
	cargo "$@" --locked --quiet --target "$target" --message-format json >"$messages"
	grep -o '"executable":"[^"]*"' "$messages" | cut -d '"' -f 4
}
if [ "$profile" = dev ]; then
	programs=$(built build --package modutils-tools --bins)
	# shellcheck disable=SC2086 # a list of files
	install $programs "$guest"
else
	install target/built-"$machine"/* "$guest"
fi
# For a test cargo builds the tools, too, and names all of them in no order.
programs=$(built test --no-run --test kernel)
install "$(echo "$programs" | grep '/kernel-[^/]*$')" "$guest/kernel"
programs=$(built build --example lifecycle)
install "$(echo "$programs" | grep '/lifecycle$')" "$guest/lifecycle"
rm "$messages"
echo "$guest"

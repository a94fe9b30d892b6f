#!/bin/sh
# Adds to the corpora, of what runs have found, the shortest input for each new place in the code:
# `make check` tries them all.
#
# usage: keep.sh [TARGET...]
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' fuzz/Cargo.toml)
cargo fuzz build --sanitizer none --debug-assertions
for target in "$@"; do
	[ -d "target/fuzz/$target" ] || continue
	# Without counters: inputs are not kept for reaching a place more often.
	cargo fuzz run --sanitizer none --debug-assertions "$target" \
		"fuzz/corpus/$target" "target/fuzz/$target" -- \
		-set_cover_merge=1 -use_counters=0 -max_len=4096 >"target/fuzz/$target.merge" 2>&1 || {
		tail -n 30 "target/fuzz/$target.merge" >&2
		exit 1
	}
	echo "$target: $(ls "fuzz/corpus/$target" | wc -l) inputs"
done

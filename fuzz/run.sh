#!/bin/sh
# Runs each fuzz target for a while, from the corpus that is kept.
#
# usage: run.sh SECONDS [TARGET...]
#
# New inputs go to target/fuzz; an input that makes a target fail, to
# fuzz/artifacts. keep.sh adds new ones to the corpora.
set -eu
cd "$(dirname "$0")/.."

seconds=$1
shift
[ $# -gt 0 ] || set -- $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' fuzz/Cargo.toml)

if ! cargo fuzz --version >/dev/null 2>&1; then
	echo "installing cargo-fuzz" >&2
	cargo install --quiet --locked cargo-fuzz
fi

# The sanitizers need a nightly compiler. The library has no unsafe code of its own, and what goes
# wrong in its arithmetic or its slices is a panic without them, too.
cargo fuzz build --sanitizer none --debug-assertions

# A directory of its own, in memory if there is such a place: other runs go on beside this one.
place=/dev/shm
[ -d "$place" ] || place=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$place/modutils-fuzz.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM

status=0
for target in "$@"; do
	mkdir -p "target/fuzz/$target"
	log=target/fuzz/$target.log
	cargo fuzz run --sanitizer none --debug-assertions "$target" \
		"target/fuzz/$target" "fuzz/corpus/$target" -- \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=0 \
		-print_final_stats=1 >"$log" 2>&1 || {
		status=1
		tail -n 30 "$log" >&2
	}
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	coverage=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 edges, \2 features, \3 inputs/p' "$log" | tail -n 1)
	echo "$target: ${runs:-?} runs in $seconds s; $coverage"
done
exit $status

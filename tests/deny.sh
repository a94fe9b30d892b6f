#!/bin/sh
# What the crates that we depend on may be: licences, sources, duplicates, and neither known to
# be vulnerable nor withdrawn. The rules are in deny.toml.
set -eu
cd "$(dirname "$0")/.."

if ! cargo deny --version >/dev/null 2>&1; then
	echo "installing cargo-deny" >&2
	cargo install --quiet --locked cargo-deny
fi
cargo deny --log-level error --locked --workspace check licenses bans sources

# The database of advisories is a git repository, which not every machine can reach.
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
output=$database/output
if cargo deny --log-level error --locked --workspace check advisories >"$output" 2>&1; then
	echo 'advisories ok'
elif grep -q -i 'failed to fetch advisory database' "$output"; then
	echo 'advisories NOT CHECKED: their database cannot be reached from here' >&2
else
	cat "$output" >&2
	exit 1
fi

# The index of crates tells what was withdrawn; it is asked when a package is made.
if ! cargo package --locked --workspace --allow-dirty --no-verify --target-dir "$database" >"$output" 2>&1; then
	cat "$output" >&2
	exit 1
elif grep -i yanked "$output" >&2; then
	exit 1
fi
echo 'yanked ok'

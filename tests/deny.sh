#!/bin/sh
# What the crates that we depend on may be: licenses, sources, no duplicates, none withdrawn. The
# rules are those of deny.toml; `cargo deny check`, where it is installed, also looks for known
# vulnerabilities.
set -eu
cd "$(dirname "$0")/.."

aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT
failed=

# complain WHAT: the lines in the file are faults.
complain() {
	if [ -s "$aside/faults" ]; then
		sed "s/^/$1: /" "$aside/faults" >&2
		failed=1
	else
		echo "$1 ok"
	fi
}

cargo metadata --locked --format-version 1 --all-features >"$aside/metadata"
of_metadata() {
	jq -r "$1" "$aside/metadata"
}

# An expression of SPDX becomes one of the shell's arithmetic, in which 1 is an allowed license.
sed -n 's/^allow = \[\(.*\)\]$/\1/p' deny.toml | sed 's/, */\n/g' | tr -d '"' >"$aside/allowed"
of_metadata '.packages[] | select(.source) | "\(.name)\t\(.license)"' >"$aside/licenses"
sed 's%/% OR %g; s/(/ ( /g; s/)/ ) /g; s/ WITH /+/g' "$aside/licenses" |
	awk -F '\t' '
		NR == FNR { sub(" WITH ", "+"); terms[$0] = 1; next }
		FNR == 1 { terms["OR"] = "||"; terms["AND"] = "&&"; terms["("] = "("; terms[")"] = ")" }
		{
			count = split($2, words, " ")
			sum = ""
			for (i = 1; i <= count; i++)
				sum = sum " " (words[i] in terms ? terms[words[i]] : 0)
			print sum "\t" $1 " is under " $2
		}' "$aside/allowed" - >"$aside/sums"
[ "$(wc -l <"$aside/sums")" -eq "$(wc -l <"$aside/licenses")" ]
while IFS='	' read -r sum fault; do
	# shellcheck disable=SC2004 # its text is an expression
	[ "$(($sum))" = 1 ] || echo "$fault"
done <"$aside/sums" >"$aside/faults"
complain licenses
of_metadata '.packages[] | select(.source) |
	select(.source != "registry+https://github.com/rust-lang/crates.io-index") |
	"\(.name) is from \(.source)"' >"$aside/faults"
complain sources
of_metadata '.packages | group_by(.name)[] | select(length > 1) |
	"\(.[0].name) is there as \([.[].version] | join(", "))"' >"$aside/faults"
complain duplicates
of_metadata '.packages[] | select(.source == null) | .name as $name | .dependencies[] |
	select(.req == "*" and .path == null) | "\($name) takes any version of \(.name)"' >"$aside/faults"
complain wildcards

# The index of crates names what was withdrawn; it is asked when a package is made.
cargo package --locked --allow-dirty --no-verify --workspace --target-dir "$aside/target" \
	>"$aside/output" 2>&1 || {
	cat "$aside/output" >&2
	exit 1
}
grep -i yanked "$aside/output" >"$aside/faults" || true
complain withdrawn

if ! cargo deny --version >/dev/null 2>&1; then
	echo 'advisories NOT CHECKED: cargo-deny is not installed' >&2
elif cargo deny --log-level error --locked check >"$aside/output" 2>&1; then
	echo 'advisories ok'
elif grep -q -i 'failed to fetch advisory database' "$aside/output"; then
	echo 'advisories NOT CHECKED: their database cannot be reached from here' >&2
else
	cat "$aside/output" >&2
	failed=1
fi
[ -z "$failed" ]

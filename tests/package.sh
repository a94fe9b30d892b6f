#!/bin/sh
# Packages the three crates and builds what would be published.
set -eu
cd "$(dirname "$0")/.."

# cargo unpacks each crate into its home once for a path and a version, and would build that
# copy again instead of the crate that it has just packaged.
rm -rf "${CARGO_HOME:-$HOME/.cargo}"/registry/src/-*/modutils*
cargo package --locked --workspace --allow-dirty --quiet

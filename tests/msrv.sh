#!/bin/sh
# Checks with the oldest Rust that Cargo.toml promises, where rustup has it.
set -eu
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if rustup toolchain list 2>/dev/null | grep -q "^$version"; then
	cargo "+$version" check --quiet --locked --workspace --target-dir target/msrv
	echo "Rust $version ok"
else
	echo "Rust $version NOT CHECKED: install it with 'rustup toolchain install $version'" >&2
fi

#!/bin/sh
# The largest modules of a kernel, plain and in each compression, and prints the directory
# they are in. Several, as some want hardware to start.
#
# usage: large.sh FLAVOR
set -eu
cd "$(dirname "$0")/.."

flavor=$1
kernel=$(tests/vm/kernel.sh "$flavor")
large=$PWD/target/vm/$flavor/large

if [ -d "$large" ] && [ "$large" -nt benches/large.sh ]; then
	echo "$large"
	exit
fi

plain() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

rm -rf "$large"
aside=$(mktemp -d "$large.XXXXXX")
trap 'rm -rf "$aside"' EXIT
find "$kernel/lib/modules/" -name '*.ko*' -printf '%s %p\n' | sort -rn | head -n 4 |
	while read -r _ file; do
		name=$(basename "$file" | cut -d . -f 1)
		module=$aside/$name.ko
		plain "$file" >"$module"
		# As in tests/vm/modules.sh.
		xz --check=crc32 --lzma2=dict=1MiB <"$module" >"$module.xz"
		xz --check=crc64 <"$module" >"$aside/$name.crc64.ko.xz"
		gzip -n <"$module" >"$module.gz"
		zstd -q <"$module" >"$module.zst"
	done
mv -T "$aside" "$large"
echo "$large"

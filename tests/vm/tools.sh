#!/bin/sh
# Makes sure that everything the tests and the virtual machines need is on this
# machine: installs it on Debian and Ubuntu, elsewhere reports what it misses.
#
# usage: tools.sh [PACKAGE...]              these, too
#        tools.sh -k KERNELS [PACKAGE...]   and what these need, if they are for other machines
#        tools.sh -n                        installs nothing; reports missing tools where they
#                                           cannot be installed
set -eu

report=''
kernels=''
case ${1:-} in
-n) report=yes && shift ;;
-k) kernels=$2 && shift 2 ;;
esac

# What each tool is for: cc and libelf build test modules, musl-gcc the tools' C; xz, zstd and gzip
# compress them; kmod, strace, busybox and jq go into the guest. Completions are tested
# in their shells, manual pages with mandoc.
packages='make gcc libc6-dev musl-tools libelf-dev xz-utils zstd gzip
	kmod strace busybox-static jq cpio qemu-system-x86
	bash-completion zsh fish mandoc'
commands='make gcc xz zstd gzip kmod strace busybox jq cpio qemu-system-x86_64 zsh fish mandoc'

if ! command -v cargo >/dev/null; then
	echo "tools.sh: cargo is missing: install Rust (https://rustup.rs), version" \
		"$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer" >&2
	exit 1
fi

# For binaries of half the size; see packaging/target.
musl=$(rustc -vV | sed -n 's/^host: \(.*-linux-\)gnu/\1musl/p')
if [ -z "$report" ] && [ -n "$musl" ] && [ ! -d "$(rustc --print target-libdir --target "$musl")" ]; then
	echo "installing: Rust's library for $musl" >&2
	timeout 120 rustup --quiet target add "$musl" ||
		echo "tools.sh: without Rust's $musl, the tools are linked with the host's C library" >&2
fi

if ! command -v apt-get >/dev/null; then
	missing=
	for command in $commands; do
		command -v "$command" >/dev/null || missing="$missing $command"
	done
	echo "tools.sh: the virtual machines run kernels of Debian and Ubuntu, which only" \
		"apt-get can fetch; also missing here:${missing:- nothing}" >&2
	[ -n "$report" ] || exit 1
fi
[ -z "$report" ] || exit 0

# For the machine of each kernel: what emulates it, and what builds for it.
targets=
for kernel in $kernels; do
	architecture=$(tests/vm/flavors.sh "$kernel" | cut -d ' ' -f 1)
	target=$(packaging/target machine "$(tests/vm/machine.sh "$kernel")")
	compiler=$(packaging/target compiler "$target")
	[ -n "$compiler" ] || continue
	case $architecture in
	arm64 | armhf) set -- qemu-system-arm "$@" ;;
	ppc64el) set -- qemu-system-ppc "$@" ;;
	riscv64 | s390x) set -- qemu-system-misc "$@" ;;
	esac
	set -- "$@" "gcc-${compiler%-gcc}" "libc6-dev-$architecture-cross"
	targets="$targets $target"
done

missing=
for package in $packages "$@"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=none
	[ "$state" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo=sudo
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # a list of packages
	$sudo apt-get install -qq --no-install-recommends $missing >/dev/null
fi
for target in $targets; do
	packaging/cross-tools "$target"
done

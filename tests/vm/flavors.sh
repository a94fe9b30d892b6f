#!/bin/sh
# The kernels the tests know, by the distribution that they are run on.
#
#   flavors.sh            lists those that every test is run on, one name a line
#   flavors.sh main       lists those that the main tests are run on each time, too
#   flavors.sh all        lists all
#   flavors.sh machines   lists those for other machines
#   flavors.sh FLAVOR    prints its architecture, its suite and the packages it consists of
set -eu

# shellcheck source=/dev/null # the system's
. /etc/os-release

# when, name, architecture, suite, image, headers. A suite of - is the distribution's own, from
# the sources that apt has; other suites and other architectures are read with sources of their
# own, see apt.sh. The small kernels made for virtual machines boot within seconds, and have more
# than a thousand modules all the same; so they are tested always, and the newest one and one for
# another machine with the main tests. The others are tested when asked for: kernels for hardware
# take longer, and some can do less, see no-unload.sh and boot.sh.
table() {
	case "${ID:-} ${VERSION_ID:-}" in
	'debian 12')
		echo always 6.1 amd64 - linux-image-cloud-amd64 linux-headers-cloud-amd64
		echo always 6.12 amd64 - linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
		echo asked 6.1-generic amd64 - linux-image-amd64 linux-headers-amd64
		echo asked 6.12-generic amd64 - linux-image-6.12-amd64 linux-headers-6.12-amd64
		echo asked 6.1-no-unload amd64 - linux-source-6.1
		echo asked 6.1-uml amd64 - user-mode-linux
		machines
		newer
		;;
	'debian 13')
		echo always 6.12 amd64 - linux-image-cloud-amd64 linux-headers-cloud-amd64
		echo asked 6.12-generic amd64 - linux-image-amd64 linux-headers-amd64
		machines
		newer
		;;
	'ubuntu 22.04')
		echo always 5.15 amd64 - linux-image-virtual linux-headers-virtual
		;;
	'ubuntu 24.04')
		echo always 6.8 amd64 - linux-image-virtual linux-headers-virtual
		;;
	*)
		echo "flavors.sh: no kernels are known for ${PRETTY_NAME:-this system};" \
			"add a line for it to $0" >&2
		return 1
		;;
	esac
}

# Kernels of other suites of Debian's. Those of backports and sid are whatever is newest there; a
# package whose name has an asterisk is the newest of that series.
newer() {
	for series in 7.3 7.2 7.1 7.0 6.19 6.18; do
		echo "asked $series amd64 trixie-backports" \
			"linux-image-$series.*-cloud-amd64 linux-headers-$series.*-cloud-amd64"
	done
	echo asked 7.3-generic amd64 trixie-backports \
		'linux-image-7.3.*-amd64 linux-headers-7.3.*-amd64'
	echo main newest amd64 trixie-backports linux-image-cloud-amd64 linux-headers-cloud-amd64
	echo asked newest-generic amd64 trixie-backports linux-image-amd64 linux-headers-amd64
	echo asked sid amd64 sid linux-image-cloud-amd64 linux-headers-cloud-amd64
	echo asked sid-generic amd64 sid linux-image-amd64 linux-headers-amd64
	echo asked 5.10 amd64 bullseye linux-image-cloud-amd64 linux-headers-cloud-amd64
	echo asked 5.10-generic amd64 bullseye linux-image-amd64 linux-headers-amd64
}

# Kernels for other machines, where they are small, and as new as the distribution has them. What
# takes longest comes first, as several guests run at a time.
machines() {
	echo main 6.12-arm64 arm64 bookworm linux-image-6.12-cloud-arm64 linux-headers-6.12-cloud-arm64
	echo asked 6.1-armhf armhf bookworm linux-image-armmp-lpae linux-headers-armmp-lpae
	echo asked 6.1-i386 i386 bookworm linux-image-686-pae linux-headers-686-pae
	echo asked 6.1-s390x s390x bookworm linux-image-s390x linux-headers-s390x
	echo asked 6.1-ppc64el ppc64el bookworm linux-image-powerpc64le linux-headers-powerpc64le
	# The kernel of this machine, for 32-bit tools.
	echo asked 6.12-32bit amd64 bookworm linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
	echo asked 6.12-riscv64 riscv64 trixie linux-image-riscv64 linux-headers-riscv64
}

rows=$(table)
case "${1:-}" in
'' | main)
	echo "$rows" | sed -n "s/^${1:-always} \([^ ]*\) .*/\1/p"
	exit
	;;
machines)
	machines | cut -d ' ' -f 2
	exit
	;;
all)
	echo "$rows" | cut -d ' ' -f 2
	exit
	;;
esac
echo "$rows" | while read -r _ name rest; do
	[ "$name" != "$1" ] || echo "$rest"
done | grep . || {
	echo "flavors.sh: no kernel '$1' here, only:" "$(echo "$rows" | cut -d ' ' -f 2 | xargs)" >&2
	exit 1
}

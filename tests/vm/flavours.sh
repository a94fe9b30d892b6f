#!/bin/sh
# The kernels this distribution offers for virtual machines.
#
#   flavours.sh            lists those that every test is run on, one name a line
#   flavours.sh all        lists all
#   flavours.sh FLAVOUR    prints the packages it is made of
set -eu

# shellcheck source=/dev/null # the system's
. /etc/os-release

# name, image, headers. The small kernels made for virtual machines: they boot
# within seconds, and have more than a thousand modules all the same. Those with a dash
# in their name are tested when asked for: those for hardware take longer, and
# the others can do less, see no-unload.sh and boot.sh.
table() {
	case "${ID:-} ${VERSION_ID:-}" in
	'debian 12')
		echo 6.1 linux-image-cloud-amd64 linux-headers-cloud-amd64
		echo 6.12 linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
		echo 6.1-generic linux-image-amd64 linux-headers-amd64
		echo 6.12-generic linux-image-6.12-amd64 linux-headers-6.12-amd64
		echo 6.1-no-unload linux-source-6.1
		echo 6.1-uml user-mode-linux
		;;
	'debian 13')
		echo 6.12 linux-image-cloud-amd64 linux-headers-cloud-amd64
		echo 6.12-generic linux-image-amd64 linux-headers-amd64
		;;
	'ubuntu 22.04')
		echo 5.15 linux-image-virtual linux-headers-virtual
		;;
	'ubuntu 24.04')
		echo 6.8 linux-image-virtual linux-headers-virtual
		;;
	*)
		echo "flavours.sh: no kernels are known for ${PRETTY_NAME:-this system};" \
			"add a line for it to $0" >&2
		return 1
		;;
	esac
}

rows=$(table)
case "${1:-}" in
'')
	echo "$rows" | cut -d ' ' -f 1 | grep -v -e -
	exit
	;;
all)
	echo "$rows" | cut -d ' ' -f 1
	exit
	;;
esac
echo "$rows" | while read -r name packages; do
	[ "$name" != "$1" ] || echo "$packages"
done | grep . || {
	echo "flavours.sh: no kernel '$1' here, only:" "$(echo "$rows" | cut -d ' ' -f 1 | xargs)" >&2
	exit 1
}

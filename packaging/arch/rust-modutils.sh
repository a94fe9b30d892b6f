#!/bin/sh
# Links /usr/bin/insmod, rmmod and lsmod to the commands of modutils, or to kmod again.
#
# usage: link ours|kmod
set -eu
for tool in insmod rmmod lsmod; do
	command=/usr/bin/$tool
	# Nothing but a link is replaced.
	[ -L "$command" ] || [ ! -e "$command" ] || {
		echo "rust-modutils: $command is not a link; it stays" >&2
		continue
	}
	case $1 in
	ours) ln -sfT "../lib/rust-modutils/bin/$tool" "$command" ;;
	kmod) if [ -e /usr/bin/kmod ]; then ln -sfT kmod "$command"; else rm -f "$command"; fi ;;
	esac
done

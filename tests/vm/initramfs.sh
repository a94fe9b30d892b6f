#!/bin/sh
# Makes an initramfs: the three tools, a small system around them, the
# distribution's modules of the kernel, our test modules, and a job to run.
#
# usage: initramfs.sh FLAVOR OUTPUT JOB [FILE...]
#
# JOB is the program that init runs; each FILE goes into /. The directory of the
# tools is taken from MODUTILS_BIN. MODUTILS_PROGRAMS names programs of this machine
# that the guest has, too, and directories that they need.
set -eu
cd "$(dirname "$0")/../.."

flavor=$1 output=$2 job=$3
shift 3
: "${MODUTILS_BIN:?the directory of the three tools}"
kernel=$(tests/vm/kernel.sh "$flavor")
modules=$(tests/vm/modules.sh "$flavor")
machine=$(tests/vm/machine.sh "$flavor")
base=$PWD/target/vm/$flavor/base.cpio
[ -z "${MODUTILS_PROGRAMS:-}" ] ||
	base=$PWD/target/vm/$flavor/rich-$(echo "$MODUTILS_PROGRAMS" | cksum | cut -d ' ' -f 1).cpio
# Where the programs of another machine are.
userland=
[ "$machine" = "$(uname -m)" ] || userland=$(tests/vm/userland.sh "$flavor")

aside=$(mktemp -d "$PWD/target/vm/$flavor/initramfs.XXXXXX")
trap 'rm -rf "$aside"' EXIT

archive() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0)
}

# The place of a program in the guest.
place_of() {
	if [ -z "$userland" ]; then
		command -v "$1"
		return
	fi
	for directory in /usr/bin /bin /usr/sbin /sbin; do
		[ ! -e "$userland$directory/$1" ] || echo "$directory/$1"
	done | head -n 1
}

# What a program of another machine loads: its loader, and libraries by their names.
needs() {
	readelf -ld "$1" 2>/dev/null | sed -n \
		-e 's/.*Requesting program interpreter: \(.*\)\]/\1/p' \
		-e 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# Copies programs of another machine, and all that they load into the directory where every
# loader looks.
from_userland() {
	mkdir -p "$root$(dirname "$1")"
	cp -L --remove-destination "$userland$1" "$root$1"
	for name in $(needs "$userland$1"); do
		file=${name##*/}
		[ ! -e "$root/lib/$file" ] || continue
		found=$(find "$userland/lib" "$userland/lib64" "$userland/usr/lib" -name "$file" 2>/dev/null |
			head -n 1)
		[ -n "$found" ] || continue
		case $name in
		/*) mkdir -p "$root${name%/*}" && cp -L "$found" "$root$name" ;;
		esac
		from_userland_library "${found#"$userland"}"
	done
}

from_userland_library() {
	cp -L "$userland$1" "$root/lib/${1##*/}"
	for library in $(needs "$userland$1"); do
		[ ! -e "$root/lib/${library##*/}" ] || continue
		library=$(find "$userland/lib" "$userland/lib64" "$userland/usr/lib" -name "${library##*/}" \
			2>/dev/null | head -n 1)
		[ -z "$library" ] || from_userland_library "${library#"$userland"}"
	done
}

# Copies programs together with the libraries they load.
with_libraries() {
	root=$1
	shift
	if [ -n "$userland" ]; then
		for file; do
			from_userland "$file"
		done
		return
	fi
	for file in "$@" $(ldd "$@" | grep -o '/[^ :]* (' | cut -d ' ' -f 1 | sort -u); do
		mkdir -p "$root$(dirname "$file")"
		cp -L --remove-destination "$file" "$root$file"
	done
}

# The part that is the same for each run. The kernel unpacks archives one after
# the other, so this one is made once. It is not compressed: unpacking costs the
# emulated processor more than loading costs the host.
exec 9>"target/vm/$flavor/base.lock"
flock 9
if [ ! -e "$base" ] || [ -n "$(find tests/vm/initramfs.sh -newer "$base")" ]; then
	root=$aside/base
	mkdir -p "$root/bin" "$root/sbin" "$root/kmod" "$root/proc" "$root/sys" \
		"$root/dev" "$root/tmp" "$root/lib/modules" "$root/usr"
	# As on the host, where a program may be found by either name.
	ln -s ../bin ../sbin ../lib "$root/usr"

	cp "$userland$(place_of busybox)" "$root/bin/busybox"
	# Those that this machine's has.
	for applet in $(busybox --list); do
		case $applet in
		# Ours have these names; busybox's are `busybox insmod` and so on.
		insmod | rmmod | lsmod) ;;
		# In its own shell busybox prefers its applets to anything in PATH.
		busybox | sh) ;;
		*) ln -s busybox "$root/bin/$applet" ;;
		esac
	done

	kmod=$(place_of kmod)
	dash=$(place_of dash)
	# busybox has setpriv and unshare, too, but with half of the options.
	with_libraries "$root" "$kmod" "$dash" "$(place_of bash)" "$(place_of strace)" \
		"$(place_of setpriv)" "$(place_of unshare)" "$(place_of jq)"
	ln -sf "$dash" "$root/bin/sh"
	for tool in insmod rmmod lsmod modprobe modinfo depmod; do
		ln -s "$kmod" "$root/kmod/$tool"
	done
	other=
	[ -n "$userland" ] || other=$(tests/vm/other-kmod.sh)
	if [ -n "$other" ]; then
		cp -r "$other" "$root/other-kmod"
		for tool in insmod rmmod lsmod; do
			printf '#!/bin/sh\nexec /other-kmod/ld-linux-x86-64.so.2 --argv0 %s %s "$@"\n' "$tool" \
				'--library-path /other-kmod /other-kmod/kmod' >"$root/other-kmod/$tool"
			chmod +x "$root/other-kmod/$tool"
		done
	fi

	for program in ${MODUTILS_PROGRAMS:-}; do
		case $program in
		*/) mkdir -p "$root$program" && cp -r "$program." "$root$program" ;;
		*) rm -f "$root$(place_of "$program")" && with_libraries "$root" "$(place_of "$program")" ;;
		esac
	done

	# With their times: what depmod wrote is newer than what it lists.
	cp -rp "$kernel/lib/modules/." "$root/lib/modules"
	archive "$root" >"$base.new"
	mv "$base.new" "$base"
fi
flock -u 9

root=$aside/run
mkdir -p "$root/sbin" "$root/modules"
cp tests/vm/init "$root/init"
# A program without its symbols: half as much is unpacked at each start.
add() {
	if [ ! -x "$1" ] || ! strip -o "$2" "$1" 2>/dev/null; then
		cp "$1" "$2"
	fi
}
add "$job" "$root/job"
for tool in insmod rmmod lsmod; do
	cp "$MODUTILS_BIN/$tool" "$root/sbin/$tool"
done
cp -r "$modules/." "$root/modules"
for file; do
	add "$file" "$root/${file##*/}"
done
chmod 755 "$root/init" "$root/job"
{ cat "$base" && archive "$root"; } >"$output"

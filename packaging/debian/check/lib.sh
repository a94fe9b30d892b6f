# shellcheck shell=sh
# What the checks of the Debian package share: systems to try it in, and how findings are shown.
#
# The caller sets base, the root of a fresh system, and package, the file.

# A copy of the fresh system, mounted in memory over it, so that each trial has its own.
start_system() {
	end_system
	layer=$(mktemp -d "${TMPDIR:-/tmp}/check-deb.XXXXXX")
	mount -t tmpfs tmpfs "$layer"
	mkdir "$layer/upper" "$layer/work" "$layer/root"
	root=$layer/root
	mount -t overlay overlay \
		-o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$root"
	mount -t proc proc "$root/proc"
	mount -t devtmpfs devtmpfs "$root/dev" 2>/dev/null || mount --bind /dev "$root/dev"
	mount -t devpts -o ptmxmode=666,newinstance devpts "$root/dev/pts"
	mkdir -p "$root/packages"
	cp "$package" "$root/packages/rust-modutils.deb"
	# What dpkg writes need not survive a power failure.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/check"
	# Nor does man need an index.
	rm -f "$root/var/lib/man-db/auto-update"
	# And the image that each installation of kmod would make takes longer than all the rest.
	echo update_initramfs=no >"$root/etc/initramfs-tools/update-initramfs.conf"
}

layer=
end_system() {
	[ -n "$layer" ] || return 0
	umount --recursive --lazy "$layer"
	rmdir "$layer"
	layer=
}
trap end_system EXIT
trap 'exit 1' INT TERM

in_root() {
	chroot "$root" env -i HOME=/root TERM=xterm LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# With what an ordinary user has in PATH.
as_dev() {
	chroot --userspec=dev:dev "$root" env -i HOME=/home/dev USER=dev TERM=xterm LC_ALL=C.UTF-8 \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games \
		sh -c 'cd && exec "$@"' sh "$@"
}

# Shows what a command prints only if it fails.
quietly() {
	"$@" >"$layer/log" 2>&1 || {
		cat "$layer/log" >&2
		return 1
	}
}

expect() {
	if ! eval "$2"; then
		echo "check-deb: $suite: $1" >&2
		exit 1
	fi
	echo "ok: $suite: $1"
}

# Files and links, without what dpkg and other packages keep of their own work.
files() {
	(cd "$root" && find bin sbin lib etc usr -xdev \
		\( -path usr/share/man/cat\* -o -name '*.cache' -o -path usr/lib/modules -o \
		-path usr/src -o -path usr/include -o -path etc/dpkg \) -prune -o \
		-type d -printf '%p d\n' -o -printf '%p %y %l %s\n' |
		LC_ALL=C sort)
}

same_files() {
	after=$(files)
	[ "$1" != "$after" ] || return 0
	echo "$1" >"$layer/before"
	echo "$after" | diff "$layer/before" - >&2 || return 1
}

is_ours() {
	for tool in /sbin/insmod /usr/sbin/rmmod /sbin/lsmod /bin/lsmod lsmod; do
		in_root "$tool" --version | grep -q "^${tool##*/} (modutils) " || return
	done
}

# Whether a command is kmod's and knows by its name what to do; some versions of its lsmod have no
# options.
is_kmods_own() {
	in_root readlink -f "$1" | grep -q '^\(/usr\)\?/bin/kmod$' &&
		in_root "$1" --version 2>&1 | grep -q -e '^kmod version' -e "^Usage: .*${1##*/}"
}

commands='sbin/insmod sbin/rmmod sbin/lsmod bin/lsmod'
is_kmods() {
	for tool in $commands; do
		is_kmods_own "/$tool" || return
	done
}

is_aside() {
	find "$root/usr/lib/rust-modutils/diverted" -path "*/$1" -lname '*kmod' 2>/dev/null | grep -q .
}

# However far an installation got, each command is there, and kmod's is not lost.
is_whole() {
	for tool in $commands; do
		is_kmods_own "/$tool" || {
			in_root "/$tool" --version | grep -q "^${tool##*/} (modutils) " && is_aside "$tool"
		} || return
	done
}

# However far a removal got: dpkg deletes our commands before it runs the script that puts kmod's
# back.
is_kept() {
	for tool in $commands; do
		is_kmods_own "/$tool" 2>/dev/null || is_aside "$tool" || return
	done
}

# Makes /kmod/next.deb: a later version of kmod that spells its paths the other way, as those of
# Debian 12 (/sbin) and 13 (/usr/sbin) do, and has a file that the version before lacks.
make_next_kmod() {
	in_root sh -euc '
		umask 022
		dpkg-deb --raw-extract /kmod/kmod_*.deb /next
		cd /next
		sed -i "s/^Version: .*/&+next/" DEBIAN/control
		if [ -d usr/sbin ]; then from=usr to=.; else from=. to=usr; fi
		for directory in bin sbin; do
			[ ! -d $from/$directory ] || mv $from/$directory $to/$directory
		done
		mkdir -p usr/share/fish/vendor_completions.d
		echo "# of the next kmod" >usr/share/fish/vendor_completions.d/rmmod.fish
		find * \( -path DEBIAN -o -path etc \) -prune -o -type f -exec md5sum {} + >DEBIAN/md5sums
		dpkg-deb --root-owner-group --build /next /kmod/next.deb
		rm -r /next' >/dev/null
}

is_next_kmod() {
	in_root dpkg-query --show kmod | grep -q '+next$' && [ -z "$(in_root dpkg --verify kmod)" ]
}

# For scripts that download packages, to be read by them.
#
# fetch WHAT SUITE ARCHITECTURE... calls the script's function `download`, which fails if a package
# is not there. The package lists of a fresh container are empty, old ones name packages that are
# gone, and networks fail at times: after a failure the lists are updated and it is called again.
# shellcheck shell=sh

fetch() {
	what=$1 from=$2
	shift 2
	! download 2>/dev/null || return 0
	for pause in 0 5 30; do
		sleep "$pause"
		for architecture_of_lists; do
			# The rest of an update that failed in parts may do. Two at a time would refuse each other.
			flock target/vm/apt.lock \
				tests/vm/apt.sh "$from" "$architecture_of_lists" apt-get -qq update || :
		done
		! download || return 0
	done
	[ "$from" != - ] || from='the system'
	echo "${0##*/}: cannot fetch $what: apt-get failed 4 times, see above; the packages are those of" \
		"$from ($*): is its mirror reachable, and does it have them?" >&2
	return 1
}

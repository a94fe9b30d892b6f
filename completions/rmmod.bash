# Completion of rmmod(8) for bash.

# Rows of the loaded modules, those that can be removed first: NAME PERMANENT REFCNT USED-BY.
_modutils_rmmod_rows() {
	local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin lsmod=lsmod
	[[ ! -x @BINDIR@/lsmod ]] || lsmod=@BINDIR@/lsmod
	# The second form is for kmod's lsmod, which has a heading and no options.
	{
		"$lsmod" -nr -o NAME,PERMANENT,REFCNT,USED-BY --sort PERMANENT,REFCNT ||
			"$lsmod" | awk 'NR > 1 { print $1, 0, $3, $4 }' | sort -s -n -k 3,3
	} 2>/dev/null
}

# Modules that begin with $1 and are not in $2. bash inserts no more than what several have in
# common, so that what keeps each from being removed can stand beside it.
_modutils_rmmod_modules() {
	local name permanent refcnt users about=()
	compopt -o nosort
	while read -r name permanent refcnt users; do
		[[ $name == "$1"* && " $2 " != *" $name "* ]] || continue
		COMPREPLY+=("$name")
		if [[ $users ]]; then
			about+=("$name (used by ${users//,/ })")
		elif [[ $permanent == 1 && $refcnt ]]; then
			about+=("$name (permanent)")
		elif [[ $refcnt != 0 ]]; then
			about+=("$name (in use)")
		else
			about+=("$name")
		fi
	done < <(_modutils_rmmod_rows)
	# 37 is menu completion, which inserts them one after the other.
	((${#COMPREPLY[@]} < 2 || COMP_TYPE == 37)) || COMPREPLY=("${about[@]}")
}

_modutils_rmmod() {
	local options='--wait= --recursive --dry-run --if-loaded --who --force --json
		--explain= --syslog --verbose --quiet --help --version'
	local line=${COMP_LINE:0:COMP_POINT}
	# bash may have split it at = and :.
	local word=${line##*[[:blank:]]}
	local before=${line%"$word"} cur=$2
	COMPREPLY=()
	case $word in
	--explain=*)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "${word#*=}")
		;;
	--*=*) ;;
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	*/*)
		_filedir '@(ko|ko.gz|ko.xz|ko.zst)'
		;;
	*)
		_modutils_rmmod_modules "${word//-/_}" "$before"
		;;
	esac
} && complete -F _modutils_rmmod rmmod

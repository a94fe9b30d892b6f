# Completion of rmmod(8) for bash.

# The loaded modules, those that can be removed before the others.
_modutils_rmmod_modules() {
	local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	# The second form is for kmod's lsmod, which has a heading and no options.
	{
		lsmod -nr -o NAME --sort PERMANENT,REFCNT ||
			lsmod | awk 'NR > 1 { print $1, $3 }' | sort -s -n -k 2,2
	} 2>/dev/null
}

_modutils_rmmod() {
	local options='--wait --wait= --recursive --dry-run --if-loaded --who --force --json
		--explain= --syslog --verbose --quiet --help --version'
	local line=${COMP_LINE:0:COMP_POINT}
	# bash may have split it at = and :.
	local word=${line##*[[:blank:]]}
	local before=${line%"$word"} name rest
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
		compopt -o default
		;;
	*)
		compopt -o nosort
		while read -r name rest; do
			[[ $name == "${word//-/_}"* && " $before " != *" $name "* ]] && COMPREPLY+=("$name")
		done < <(_modutils_rmmod_modules)
		;;
	esac
} && complete -F _modutils_rmmod rmmod

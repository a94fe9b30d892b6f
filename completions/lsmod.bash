# Completion of lsmod(8) for bash.

# Completes the last word of a LIST of columns, $2, with the columns that $1 knows.
_modutils_lsmod_columns() {
	local last=${2##*[,+]} column rest
	local others=${2%"$last"}
	compopt -o nospace -o nosort
	while read -r column rest; do
		[[ $column == "${last^^}"* && ,${others#+}, != *",$column,"* ]] &&
			COMPREPLY+=("$others$column")
	done < <("$1" --list-columns 2>/dev/null)
}

_modutils_lsmod() {
	local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	# Unless a path was typed, the command that was installed with this file.
	local tool=$1 cur=
	[[ $tool != \~/* ]] || tool=$HOME${tool:1}
	[[ $tool == */* || ! -x @BINDIR@/lsmod ]] || tool=@BINDIR@/lsmod
	local options='--output= --output-all --list-columns --long --json --raw --tree --inverse
		--summary --noheadings --bytes --sort= --reverse --unused --tainted= --state=
		--stale --permanent --explain= --syslog --verbose --quiet --help --version'
	local line=${COMP_LINE:0:COMP_POINT}
	# bash may have split it at = and :.
	local word=${line##*[[:blank:]]}
	local before=${line%"$word"} values= name rest
	before=${before%"${before##*[![:blank:]]}"}
	COMPREPLY=()
	# The option that the word is the value of, and the value.
	local option=${before##*[[:blank:]]} value=$word
	[[ $word != --*=* ]] || option=${word%%=*} value=${word#*=}
	case $option in
	--output | --sort | -o | -[!-]*o) _modutils_lsmod_columns "$tool" "$value" ;;
	--state) values='live loading unloading' ;;
	--tainted) [[ $word != --*=* ]] || values='P F C O E K X T N J' ;;
	--explain) [[ $word != --*=* ]] || values='auto always never' ;;
	esac
	if [[ $values ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$value")
	fi
	[[ -z $values && -z ${COMPREPLY[0]-} && $word != --*=* ]] || return 0
	case $word in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	*/*)
		cur=$2
		_filedir '@(ko|ko.gz|ko.xz|ko.zst)'
		;;
	*)
		while read -r name rest; do
			[[ $name == "${word//-/_}"* && " $before " != *" $name "* ]] && COMPREPLY+=("$name")
		done < <("$tool" -nr -o NAME 2>/dev/null)
		;;
	esac
} && complete -F _modutils_lsmod lsmod

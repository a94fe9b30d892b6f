# Completion of insmod(8) for bash.

# Splits a command line into the array `words`, without quotes, and expands nothing: a line that
# is still being written must not be executed.
_modutils_insmod_split() {
	local rest=$1 word= inside= piece
	local plain=$'^[^[:space:]\\\'"$]+' ansi=$'^\\$\'(([^\'\\\\]|\\\\.)*)\'?'
	words=()
	while [[ $rest ]]; do
		if [[ $rest == [[:space:]]* ]]; then
			[[ -z $inside ]] || words+=("$word")
			word= inside= rest=${rest:1}
			continue
		fi
		inside=1
		if [[ $rest =~ $plain ]]; then
			word+=${BASH_REMATCH[0]}
			rest=${rest:${#BASH_REMATCH[0]}}
		elif [[ $rest == \\* ]]; then
			word+=${rest:1:1}
			rest=${rest:2}
		elif [[ $rest == \'* ]]; then
			piece=${rest:1}
			piece=${piece%%\'*}
			word+=$piece
			rest=${rest:${#piece}+2}
		elif [[ $rest =~ $ansi ]]; then
			# This is how bash itself quotes control characters.
			printf -v piece %b "${BASH_REMATCH[1]//\\\'/\'}"
			word+=$piece
			rest=${rest:${#BASH_REMATCH[0]}}
		elif [[ $rest == \"* ]]; then
			rest=${rest:1}
			while [[ $rest && $rest != \"* ]]; do
				[[ $rest != \\[\"\\\$\`]* ]] || rest=${rest:1}
				word+=${rest:0:1}
				rest=${rest:1}
			done
			rest=${rest:1}
		else
			word+=${rest:0:1}
			rest=${rest:1}
		fi
	done
	words+=("$word")
}

# Directories and module files.
_modutils_insmod_files() {
	local start=$1 home=
	if [[ $start == \~/* ]]; then
		home=$HOME
		start=$HOME${start:1}
	fi
	compopt -o filenames
	mapfile -d '' -t COMPREPLY < <(
		set +f
		shopt -u failglob
		shopt -s nullglob
		for file in "$start"*; do
			if [[ -d $file || $file == *.ko || $file == *.ko.gz || $file == *.ko.xz ||
				$file == *.ko.zst ]]; then
				[[ -z $home ]] || file=\~${file#"$home"}
				printf '%s\0' "$file"
			fi
		done
	)
}

# Parameters of the module in file $2, as insmod $1 prints them: `NAME:DESCRIPTION (TYPE)`.
_modutils_insmod_parameters() {
	local file=$2 word=$3 given=" $4 " line name= type
	[[ $file != \~/* ]] || file=$HOME${file:1}
	[[ $file != -* ]] || file=./$file
	# Nothing else can be opened without consequences.
	[[ -f $file ]] || return 0
	compopt -o nosort
	while IFS= read -r line; do
		# A description can go on for several lines; the type is at their end.
		[[ ! $line =~ ^[[:alnum:]_.-]+: ]] || name=${line%%:*}
		[[ $line =~ \ \(([^\(\)]*)\)$ ]] || continue
		type=${BASH_REMATCH[1]}
		if [[ $word == "$name="* ]]; then
			[[ $type != @(bool|invbool|bint) ]] ||
				mapfile -t COMPREPLY < <(compgen -W 'Y N' -- "${word#*=}")
			COMPREPLY=("${COMPREPLY[@]/#/$name=}")
			return 0
		elif [[ $name == "$word"* && $given != *" $name="* ]]; then
			COMPREPLY+=("$name=")
		fi
	done < <("$1" --params "$file" 2>/dev/null </dev/null)
	compopt -o nospace
}

# Where bash splits words at = and : too, it replaces only the end $2 of the word $1.
_modutils_insmod_cut() {
	local words
	_modutils_insmod_split "${2#=}"
	local start=${1%"${words[0]}"}
	COMPREPLY=("${COMPREPLY[@]#"$start"}")
}

_modutils_insmod() {
	local PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	# Unless a path was typed, the command that was installed with this file.
	local tool=$1
	[[ $tool != \~/* ]] || tool=$HOME${tool:1}
	[[ $tool == */* || ! -x @SBINDIR@/insmod ]] || tool=@SBINDIR@/insmod
	local options='--check --deps --if-needed --replace --recursive --wait= --keep-params --params
		--strict --max-size= --json --force --force-vermagic
		--force-modversion --explain= --syslog --verbose --quiet --help --version'
	local words index word ended=
	_modutils_insmod_split "${COMP_LINE:0:COMP_POINT}"
	local last=$((${#words[@]} - 1))
	COMPREPLY=()

	# Options end at the file, and parameters begin.
	for ((index = 1; index < last; index++)); do
		word=${words[index]}
		if [[ $word == -- ]]; then
			ended=1
		elif [[ $ended || $word == - || $word != -* ]]; then
			_modutils_insmod_parameters "$tool" "$word" "${words[last]}" \
				"${words[*]:index+1:last-index-1}"
			_modutils_insmod_cut "${words[last]}" "$2"
			return
		fi
	done

	word=${words[last]}
	if [[ $ended || $word != -* ]]; then
		# What the shell would still expand, readline can, too.
		if [[ $2 == *[\$\`]* ]]; then
			compopt -o default
		else
			_modutils_insmod_files "$word"
		fi
	elif [[ $word == --explain=* ]]; then
		mapfile -t COMPREPLY < <(compgen -P --explain= -W 'auto always never' -- "${word#*=}")
	else
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
	fi
	_modutils_insmod_cut "$word" "$2"
} && complete -F _modutils_insmod insmod

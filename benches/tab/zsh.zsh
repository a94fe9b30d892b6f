# Starts an interactive zsh, and lists in it as often as $1 says what can follow the line $2, with
# $3 among it.
zmodload zsh/zpty
zpty shell zsh -fi
# Reads lines up to $1. A pattern of zpty itself would be tried at each character.
await() {
	local chunk end=
	all=
	while [[ $end != *$1* ]]; do
		zpty -r shell chunk || exit 1
		all+=$chunk
		# The end of a text that grows takes longer to find, a third of the time of the lists.
		end=$end[-200,-1]$chunk
	done
}
zpty -w shell "fpath=($COMPLETIONS \$fpath); autoload -Uz compinit
compinit -u -D
complete() {
	repeat $1; do
		# A line that has changed is completed again.
		BUFFER= CURSOR=0; zle redisplay
		BUFFER=${(q)2} CURSOR=\$#BUFFER; zle list-choices
	done
	print -r 'do''ne'
}
zle -N complete; bindkey '^T' complete
LISTMAX=10000; print 'rea''dy'"
await ready
zpty -w -n shell $'\x14'
await done
zpty -d shell
[[ $1 = 0 || $all = *$3* ]]

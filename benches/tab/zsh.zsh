# Starts an interactive zsh, and completes the line $2 in it as often as $1 says. Each list has $3
# in it.
zmodload zsh/zpty
zpty shell zsh -fi
zpty -w shell "fpath=($COMPLETIONS \$fpath); autoload -Uz compinit
compinit -u -D; PROMPT='rea''dy> '; LISTMAX=10000; unsetopt no_match zle_bracketed_paste 2>/dev/null"
zpty -r -m shell all '*ready> *' >/dev/null
for ((round = 0; round < $1; round++)); do
	# The line before goes first.
	zpty -w -n shell $'\x15'"$2"$'\t'
	zpty -r -m shell all "*$3*" >/dev/null
done
zpty -d shell

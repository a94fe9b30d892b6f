# Starts as bash does, and completes the line $2 as often as $1 says.
source /usr/share/bash-completion/bash_completion
for tool in insmod rmmod; do
	source "$COMPLETIONS/$tool.bash"
done
COMP_LINE=$2 COMP_POINT=${#2} COMP_TYPE=9 COMP_CWORD=1
COMP_WORDS=("${2%% *}" '')
for ((round = 0; round < $1; round++)); do
	"_modutils_${COMP_WORDS[0]}" "${COMP_WORDS[0]}" '' 2>/dev/null
	[[ ${COMPREPLY[*]} == *"$3"* ]] || exit 1
done

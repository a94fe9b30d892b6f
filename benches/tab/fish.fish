# Starts as fish does, and completes the line $argv[2] as often as $argv[1] says.
set -p fish_complete_path $COMPLETIONS
set -p fish_function_path $COMPLETIONS
set -l round 0
while test $round -lt $argv[1]
    complete -C $argv[2] | string match -q -e -- $argv[3]
    or exit 1
    set round (math $round + 1)
end

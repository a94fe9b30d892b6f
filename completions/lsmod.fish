# Completion of lsmod(8) for fish.

# Runs lsmod: unless a path was typed, the one that was installed with this file.
function __modutils_lsmod
    set -lx PATH $PATH /usr/local/sbin /usr/sbin /sbin
    set -l command (string replace -r '^~/' "$HOME/" -- (commandline -opc)[1])
    test -x @BINDIR@/lsmod; and not string match -q '*/*' -- $command
    and set command @BINDIR@/lsmod
    $command $argv 2>/dev/null
end

# A LIST of columns: the part that was typed, with each column that could follow.
function __modutils_lsmod_columns
    set -l word (string replace -r '^--[a-z]*=' '' -- (commandline -ct))
    set -l begun (string match -r '^(?:.*[,+])?' -- $word)
    set -l given (string split , -- (string trim -c + -- $begun))
    __modutils_lsmod --list-columns | while read -l column about
        contains -- $column $given
        or printf '%s%s\t%s\n' "$begun" $column $about
    end
end

function __modutils_lsmod_modules
    set -l given (commandline -opc)
    for name in (__modutils_lsmod -nr -o NAME)
        contains -- $name $given[2..]
        or printf '%s\n' $name
    end
end

# Those of kmod, if they were loaded before.
complete -c lsmod -e
complete -c lsmod -f
complete -c lsmod -n 'not string match -q "*/*" -- (commandline -ct)' -a '(__modutils_lsmod_modules)'
complete -c lsmod -n 'string match -q "*/*" -- (commandline -ct)' -a '(__modutils_module_files)'
complete -c lsmod -s o -l output -x -k -a '(__modutils_lsmod_columns)' -d 'Columns to print'
complete -c lsmod -s O -l output-all -d 'Print all columns'
complete -c lsmod -l list-columns -d 'List the available columns'
complete -c lsmod -s l -l long -d 'Print a readable table'
complete -c lsmod -s J -l json -d 'Print the list as JSON'
complete -c lsmod -s r -l raw -d 'Print columns separated by single spaces'
complete -c lsmod -s T -l tree -d 'Show a tree of modules and their users'
complete -c lsmod -l inverse -d 'Invert the tree'
complete -c lsmod -l summary -d 'Print one line'
complete -c lsmod -s n -l noheadings -d 'Print no headings'
complete -c lsmod -s b -l bytes -d 'Print sizes in bytes'
complete -c lsmod -l sort -x -k -a '(__modutils_lsmod_columns)' -d 'Sort by columns'
complete -c lsmod -l reverse -d 'Reverse the order'
complete -c lsmod -l unused -d 'Only modules without references and devices'
complete -c lsmod -l tainted -d 'Only tainted modules; =LETTERS selects'
complete -c lsmod -l state -x -a 'live loading unloading' -d 'Only modules in this state'
complete -c lsmod -l stale -d 'Only modules whose installed file is another build'
complete -c lsmod -l permanent -d 'Only permanent modules'
complete -c lsmod -l explain -a 'auto always never' -d 'When to explain failures'
complete -c lsmod -s s -l syslog -d 'Write messages to the system log'
complete -c lsmod -s v -l verbose -d 'Explain failures'
complete -c lsmod -s q -l quiet -d 'Print no messages'
complete -c lsmod -s h -l help -d 'Print the options'
complete -c lsmod -s V -l version -d 'Print the version'

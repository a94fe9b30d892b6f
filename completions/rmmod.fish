# Completion of rmmod(8) for fish.

# The loaded modules, those that can be removed before the others.
function __modutils_rmmod_modules
    set -lx PATH $PATH /usr/local/sbin /usr/sbin /sbin
    set -l given (commandline -opc)
    set -l lsmod @BINDIR@/lsmod
    test -x $lsmod
    or set lsmod lsmod
    set -l rows ($lsmod -nr -o NAME,SIZE,PERMANENT,REFCNT,USED-BY --sort PERMANENT,REFCNT 2>/dev/null)
    # kmod's lsmod has a heading and no options.
    or set rows ($lsmod 2>/dev/null | awk 'NR > 1 { print $1, $2, 0, $3, $4 }' | sort -s -n -k 4,4)
    # All rows at once: a loop takes fish longer than the rest.
    set -l given (string escape --style=regex -- $given[2..] | string join '|')
    test -n "$given"
    and set rows (string match -rv -- "^($given) " $rows)
    string replace -r '^(\S+) (\S+) \S* \S* (\S+)$' '$1\t$2, used by $3' -- $rows |
        string replace -r '^(\S+) (\S+) 1 \S+ ?$' '$1\t$2, permanent' |
        string replace -r '^(\S+) (\S+) \S* 0 ?$' '$1\t$2, unused' |
        string replace -r '^(\S+) (\S+) \S* \S* ?$' '$1\t$2, in use' |
        string replace -ra ',(?! )' ' '
end

# Those of kmod, if they were loaded before.
complete -c rmmod -e
complete -c rmmod -f
complete -c rmmod -k -n 'not string match -q "*/*" -- (commandline -ct)' -a '(__modutils_rmmod_modules)'
complete -c rmmod -n 'string match -q "*/*" -- (commandline -ct)' -a '(__modutils_module_files)'
complete -c rmmod -s w -l wait -d 'Wait until the modules can be removed; =TIME limits it'
complete -c rmmod -s r -l recursive -d 'Also remove all modules that depend on it'
complete -c rmmod -s n -l dry-run -d 'Print what would be removed, in order'
complete -c rmmod -l if-loaded -d 'Succeed if a module is not loaded'
complete -c rmmod -l who -d 'Print who holds the modules'
complete -c rmmod -s f -l force -d 'Remove a module even if it is in use'
complete -c rmmod -s J -l json -d 'Print the result as JSON'
complete -c rmmod -l explain -a 'auto always never' -d 'When to explain failures'
complete -c rmmod -s s -l syslog -d 'Write messages to the system log'
complete -c rmmod -s v -l verbose -d 'Explain failures and report each step'
complete -c rmmod -s q -l quiet -d 'Print no messages'
complete -c rmmod -s h -l help -d 'Print the options'
complete -c rmmod -s V -l version -d 'Print the version'

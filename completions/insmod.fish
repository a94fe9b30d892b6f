# Completion of insmod(8) for fish.

# The words from FILE on, where options end.
function __modutils_insmod_file
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        if test "$words[1]" = -- -a (count $words) -gt 1
            printf '%s\n' $words[2..]
            return 0
        else if test "$words[1]" = -; or not string match -q -- '-*' $words[1]
            printf '%s\n' $words
            return 0
        end
        set -e words[1]
    end
    return 1
end

function __modutils_insmod_before_file
    not __modutils_insmod_file >/dev/null
end

# Parameters of the module in the file, as insmod tells them: `NAME:DESCRIPTION (TYPE)`.
function __modutils_insmod_parameters
    set -lx PATH $PATH /usr/local/sbin /usr/sbin /sbin
    set -l words (__modutils_insmod_file)
    set -l file (string replace -r '^~/' "$HOME/" -- $words[1] | string replace -r '^-' ./-)
    # Unless a path was typed, the command that was installed with this file.
    set -l command (string replace -r '^~/' "$HOME/" -- (commandline -opc)[1])
    test -x @SBINDIR@/insmod; and not string match -q '*/*' -- $command
    and set command @SBINDIR@/insmod
    # Nothing else can be opened without consequences.
    test -f "$file"
    or return
    set -l name
    set -l about
    $command --params $file 2>/dev/null </dev/null | while read -l line
        # A description can go on for several lines; the type is at their end.
        if string match -qr '^[[:alnum:]_.-]+:' -- $line
            test -z "$name"
            or printf '%s=\t%s\n' $name $about
            set name (string split -m 1 : -- $line)
            set about (string trim -- $name[2])
            set name $name[1]
            string match -q -- "$name=*" $words[2..]
            and set name
        end
        if test -n "$name"; and string match -qr ' \((bool|invbool|bint)\)$' -- $line
            printf '%s=Y\t%s\n%s=N\t%s\n' $name $about $name $about
            set name
        end
    end
    test -z "$name"
    or printf '%s=\t%s\n' $name $about
end

# Those of kmod, if they were loaded before.
complete -c insmod -e
complete -c insmod -f
complete -c insmod -n __modutils_insmod_before_file -a '(__modutils_module_files)'
complete -c insmod -k -n '__modutils_insmod_file >/dev/null' -a '(__modutils_insmod_parameters)'
complete -c insmod -n __modutils_insmod_before_file -s n -l check -d 'Check whether the module would load'
complete -c insmod -n __modutils_insmod_before_file -s D -l deps -d 'Load the modules it depends on first'
complete -c insmod -n __modutils_insmod_before_file -l if-needed -d 'Succeed if the module is already loaded'
complete -c insmod -n __modutils_insmod_before_file -l replace -d 'Replace the loaded module'
complete -c insmod -n __modutils_insmod_before_file -l recursive -d 'With --replace, also reload the modules that depend on it'
complete -c insmod -n __modutils_insmod_before_file -l wait -d 'With --replace, wait until the old module can be removed; =TIME limits it'
complete -c insmod -n __modutils_insmod_before_file -l keep-params -d 'With --replace, keep the current parameters'
complete -c insmod -n __modutils_insmod_before_file -s P -l params -d 'List the module\'s parameters'
complete -c insmod -n __modutils_insmod_before_file -l strict -d 'Fail on unknown parameters'
complete -c insmod -n __modutils_insmod_before_file -l max-size -a 512M -d 'Maximum decompressed size'
complete -c insmod -n __modutils_insmod_before_file -s J -l json -d 'Print the result as JSON'
complete -c insmod -n __modutils_insmod_before_file -s f -l force -d 'Skip both version checks'
complete -c insmod -n __modutils_insmod_before_file -l force-vermagic -d 'Skip the version magic check'
complete -c insmod -n __modutils_insmod_before_file -l force-modversion -d 'Skip the symbol version check'
complete -c insmod -n __modutils_insmod_before_file -l explain -a 'auto always never' -d 'When to explain failures'
complete -c insmod -n __modutils_insmod_before_file -s s -l syslog -d 'Write messages to the system log'
complete -c insmod -n __modutils_insmod_before_file -s v -l verbose -d 'Explain failures and report each step'
complete -c insmod -n __modutils_insmod_before_file -s q -l quiet -d 'Print no messages'
complete -c insmod -n __modutils_insmod_before_file -s h -l help -d 'Print the options'
complete -c insmod -n __modutils_insmod_before_file -s V -l version -d 'Print the version'

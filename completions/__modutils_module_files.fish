# Directories and module files that begin with the current word, for the completions of insmod(8),
# rmmod(8) and lsmod(8).
function __modutils_module_files
    set -l start (commandline -ct)
    # A quote may still be open.
    set start (string unescape -- $start; or string unescape -- $start\'; or string unescape -- $start\")
    set -l home (string escape --style=regex -- $HOME)
    for file in (string replace -r '^~/' "$HOME/" -- "$start")*{/,.ko,.ko.gz,.ko.xz,.ko.zst}
        # fish takes each line for a candidate.
        string match -q -- '*'\n'*' $file
        and continue
        string match -q -- '~/*' $start
        and string replace -r "^$home/" '~/' -- $file
        or printf '%s\n' $file
    end
end

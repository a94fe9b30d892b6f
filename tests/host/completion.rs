//! Completion in the real shells: type, press TAB, compare.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::terminal::Terminal;

const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// The loaded modules, in the order of `/proc/modules`.
const MODULES: &str = "\
t_noexit 12288 0 [permanent], Live 0x0000000000000000 (OE)
t_base 16384 1 t_user, Live 0x0000000000000000 (OE)
t_hold 20480 2 - Live 0x0000000000000000 (OE)
t_user 12288 0 - Live 0x0000000000000000 (OE)
snd_timer 45056 0 - Live 0x0000000000000000
";

/// What kmod's lsmod prints; it knows no options.
const OF_KMOD: &str = "\
Module                  Size  Used by
t_hold                 20480  2
t_user                 12288  0
";

/// The text before TAB, and the command line after it, in every shell.
const COMPLETED: &[(&str, &str)] = &[
    ("rmmod t_us", "rmmod t_user "),
    // As the tools have it, - and _ are one character.
    ("rmmod t_base t_h", "rmmod t_base t_hold "),
    // An option that was given is not offered again.
    ("rmmod snd_timer s", "rmmod snd_timer s"),
    ("rmmod nothing", "rmmod nothing"),
    ("true; rmmod t_us", "true; rmmod t_user "),
    ("rmmod --recu", "rmmod --recursive "),
    ("rmmod ./hel", "rmmod ./hello.ko "),
    ("lsmod t_us", "lsmod t_user "),
    ("lsmod --list", "lsmod --list-columns "),
    ("lsmod --explain=al", "lsmod --explain=always "),
    ("rmmod --explain=al", "rmmod --explain=always "),
    ("insmod --explain=al", "insmod --explain=always "),
    // The word would not belong to it.
    ("lsmod --explain al", "lsmod --explain al"),
    ("rmmod --explain al", "rmmod --explain al"),
    ("insmod --explain al", "insmod --explain al"),
    ("insmod --max-size 5", "insmod --max-size 5"),
    ("lsmod --state unl", "lsmod --state unloading "),
    ("lsmod --state=unl", "lsmod --state=unloading "),
    ("insmod hel", "insmod hello.ko "),
    ("insmod tex", "insmod tex"),
    ("insmod ~/hel", "insmod ~/hello.ko "),
    ("insmod driv", "insmod drivers/"),
    ("insmod drivers/", "insmod drivers/net.ko.zst "),
    ("insmod --chec", "insmod --check "),
    ("insmod wi", "insmod with\\ space.ko.gz "),
    ("insmod qu", "insmod quo\\'te.ko.xz "),
    ("insmod \"wi", "insmod \"with space.ko.gz\" "),
    ("insmod a=b", "insmod a=b.ko "),
    ("insmod a=b.ko loud=Y gr", "insmod a=b.ko loud=Y greeting="),
    ("insmod -v -- hello.ko gr", "insmod -v -- hello.ko greeting="),
    // Options end at the file.
    ("insmod hello.ko --fo", "insmod hello.ko --fo"),
    ("insmod hello.ko gr", "insmod hello.ko greeting="),
    ("insmod hello.ko loud=Y gr", "insmod hello.ko loud=Y greeting="),
    ("insmod ~/hello.ko tim", "insmod ~/hello.ko times="),
    ("insmod gone.ko gr", "insmod gone.ko gr"),
    ("insmod $(touch oops).ko gr", "insmod $(touch oops).ko gr"),
    ("insmod with\\ space.ko.gz gr", "insmod with\\ space.ko.gz greeting="),
    ("insmod \"with space.ko.gz\" gr", "insmod \"with space.ko.gz\" greeting="),
    ("insmod 'with space.ko.gz' gr", "insmod 'with space.ko.gz' greeting="),
];

/// A directory with module files, commands and the settings of the shells.
fn home(shell: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("completion-{shell}"));
    let _ = fs::remove_dir_all(&home);
    for directory in ["bin", "drivers", "completions"] {
        fs::create_dir_all(home.join(directory)).unwrap();
    }
    let module = Path::new(crate::REPOSITORY).join("tests/fixtures/hello.ko");
    let names = [
        "hello.ko",
        "with space.ko.gz",
        "quo'te.ko.xz",
        "new\nline.ko",
        "a=b.ko",
        "drivers/net.ko.zst",
    ];
    for name in names {
        fs::copy(&module, home.join(name)).unwrap();
    }
    fs::write(home.join("text.txt"), "").unwrap();

    for tool in ["insmod", "rmmod"] {
        symlink(command::path(tool), home.join("bin").join(tool)).unwrap();
    }
    // lsmod itself, in a root of its own, with another /proc/modules. That takes no right which root
    // lacks in a container, and where it is not root, a user namespace.
    let root = home.join("root");
    fs::create_dir_all(root.join("proc")).unwrap();
    fs::write(root.join("proc/modules"), MODULES).unwrap();
    let program = command::path("lsmod");
    fs::copy(program, root.join("lsmod")).unwrap();
    let needed = Command::new("ldd").arg(program).output().unwrap().stdout;
    let needed = String::from_utf8(needed).unwrap();
    for library in needed.split_whitespace().filter_map(|word| word.strip_prefix('/')) {
        let place = root.join(library);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(Path::new("/").join(library), place).unwrap();
    }
    let lsmod = "#!/bin/sh\n\
                 if [ -e \"$HOME/kmod\" ]; then\n\
                 [ $# = 0 ] && cat \"$HOME/kmod\"; exit\n\
                 fi\n\
                 user=; [ \"$(id -u)\" = 0 ] || user='unshare --map-root-user'\n\
                 exec $user /usr/sbin/chroot \"$HOME/root\" /lsmod \"$@\"\n";
    let wrapper = home.join("bin/lsmod");
    fs::write(&wrapper, lsmod).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let listed = Command::new(&wrapper).env("HOME", &home).output().unwrap();
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "lsmod cannot be run in a root of its own: {complaint}");
    home
}

/// Starts a shell with `settings`, which go into a file that it reads.
fn start(shell: &str, arguments: &[&str], settings: (&str, &str)) -> Terminal {
    let home = home(shell);
    fs::create_dir_all(home.join(settings.0).parent().unwrap()).unwrap();
    fs::write(home.join(settings.0), settings.1).unwrap();
    assert!(
        Path::new("/usr/bin").join(shell).exists() && Path::new(BASH_COMPLETION).exists(),
        "{shell} or bash-completion is missing; `make tools` installs them where apt-get can"
    );
    let mut command = Command::new("setsid");
    command
        .args(["--ctty", shell])
        .args(arguments)
        .env("HOME", &home)
        .env("ZDOTDIR", &home)
        .env("XDG_CONFIG_HOME", &home)
        .env("XDG_DATA_HOME", &home)
        .env("BASH_COMPLETION_USER_DIR", &home)
        .env("COMPLETIONS", Path::new(crate::REPOSITORY).join("completions"))
        .env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()))
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&home);
    let report = home.join("report");
    Terminal::start(command, report)
}

fn bash() -> Terminal {
    // bash-completion finds a command's completion by its name.
    let settings = r#"
for tool in insmod rmmod lsmod; do
	ln -s "$COMPLETIONS/$tool.bash" "$BASH_COMPLETION_USER_DIR/completions/$tool"
done
source /usr/share/bash-completion/bash_completion
bind 'set show-all-if-ambiguous on'
bind 'set enable-bracketed-paste off'
report() {
	printf '%s\0' "$READLINE_LINE" >>"$REPORT"
	READLINE_LINE= READLINE_POINT=0
}
bind -x '"\e[24~": report'
PS1='ready> '
"#;
    start("bash", &["--rcfile", "rc", "-i"], ("rc", settings))
}

fn zsh() -> Terminal {
    let settings = r"
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u
setopt no_list_ambiguous no_auto_menu no_beep no_prompt_sp
report() {
	print -rn -- $BUFFER$'\0' >>$REPORT
	BUFFER=
}
zle -N report
bindkey '\e[24~' report
PROMPT='ready> '
";
    start("zsh", &["-i"], (".zshrc", settings))
}

fn fish() -> Terminal {
    let settings = r"
set -p fish_complete_path $COMPLETIONS
set -p fish_function_path $COMPLETIONS
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function report
    printf '%s\0' (commandline -b | string collect) >>$REPORT
    commandline -r ''
end
bind \e\[24~ report
function fish_prompt
    printf 'ready> '
end
";
    start("fish", &["-i"], ("fish/config.fish", settings))
}

fn check(mut shell: Terminal, name: &str, completed: &[(&str, &str)], listed: &[(&str, &[&str])]) {
    let mut complaints = Vec::new();
    for (typed, expected) in COMPLETED.iter().chain(completed) {
        let line = shell.line(&format!("{typed}\t"));
        if line != *expected {
            complaints.push(format!("{typed:?}: {line:?}, not {expected:?}"));
        }
    }
    for (typed, words) in listed {
        if let Err(shown) = shell.shows(&format!("{typed}\t"), words) {
            complaints.push(format!("{typed:?} should show {words:?}: {shown}"));
        }
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("completion-{name}"));
    fs::write(home.join("kmod"), OF_KMOD).unwrap();
    if let Err(shown) = shell.shows("rmmod t\t", &["t_user", "t_hold"]) {
        complaints.push(format!("with kmod's lsmod: {shown}"));
    }
    assert!(!home.join("oops").exists(), "a command was executed");
    assert!(complaints.is_empty(), "{name}:\n{}", complaints.join("\n"));
}

/// What can be removed comes first, what never can last.
#[test]
fn in_bash() {
    check(
        bash(),
        "bash",
        &[
            ("sudo rmmod t_us", "sudo rmmod t_user "),
            ("rmmod snd-t", "rmmod snd_timer "),
            ("insmod $HOME/drivers/ne", "insmod $HOME/drivers/net.ko.zst "),
            ("rmmod --explain=ne", "rmmod --explain=never "),
            ("insmod --explain=ne", "insmod --explain=never "),
            ("lsmod --sort=SIZE,NA", "lsmod --sort=SIZE,NAME"),
            ("lsmod -o na", "lsmod -o NAME"),
            ("insmod new", "insmod 'new\nline.ko' "),
            ("insmod new$'\\n'line.ko gr", "insmod new$'\\n'line.ko greeting="),
        ],
        &[
            ("rmmod ", &["t_user", "snd_timer", "t_base", "t_hold", "t_noexit"]),
            ("lsmod -o NAME,S", &["NAME,SIZE", "NAME,STATE", "NAME,SRCVERSION"]),
            ("insmod hello.ko ", &["greeting=", "times=", "loud="]),
            ("insmod hello.ko loud=", &["Y", "N"]),
        ],
    );
}

#[test]
fn in_zsh() {
    check(
        zsh(),
        "zsh",
        &[
            ("sudo rmmod t_us", "sudo rmmod t_user "),
            ("rmmod snd-t", "rmmod snd_timer "),
            // A comma that is taken back if no other column follows.
            ("lsmod -o na", "lsmod -o NAME,"),
            ("insmod new$'\\n'line.ko gr", "insmod new$'\\n'line.ko greeting="),
        ],
        &[
            (
                "rmmod ",
                &[
                    "t_user     -- 12K, unused",
                    "snd_timer  -- 44K, unused",
                    "t_base     -- 16K, used by t_user",
                    "t_hold     -- 20K, in use",
                    "t_noexit   -- 12K, permanent",
                ],
            ),
            ("lsmod -o NAME,S", &["SIZE", "memory used", "STATE", "SRCVERSION"]),
            ("insmod hello.ko ", &["greeting", "what to say", "times", "loud", "in capitals"]),
            ("insmod hello.ko loud=", &["Y", "N"]),
        ],
    );
}

#[test]
fn in_fish() {
    check(
        fish(),
        "fish",
        // It cannot be offered, but must not be offered in pieces either.
        &[("insmod new", "insmod new")],
        &[
            ("rmmod ", &["t_user", "(12K, unused)", "snd_timer", "t_base", "t_hold", "t_noexit"]),
            ("lsmod -o NAME,S", &["NAME,SIZE", "(memory used)"]),
            ("insmod hello.ko ", &["greeting=", "(what to say (charp))", "times="]),
            ("insmod hello.ko loud=", &["loud=Y", "loud=N"]),
        ],
    );
}

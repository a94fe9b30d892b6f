//! The command line that the user gave, and the commands that would help.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use modutils::diagnosis::{Change, CommandLine, Remedy, WayOut};
use nix::unistd::geteuid;

use super::words::joined;

/// One call of a command, as the user wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    tool: &'static str,
    /// The options about the module, without those about messages.
    options: Vec<OsString>,
    /// Everything behind the options: files, names, parameters.
    operands: Vec<OsString>,
    caller: Caller,
}

/// Who would paste a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Root,
    /// Another user, or one who wrote `sudo` in front of this call.
    User,
}

/// A family of options: the long names, and the letter.
struct Options {
    long: &'static [&'static str],
    short: &'static [u8],
}

/// Options about messages, and those that change nothing: a fix does not repeat them.
const MESSAGES: Options = Options {
    long: &["explain", "syslog", "verbose", "quiet", "json", "check", "dry-run"],
    short: b"svqJn",
};
const FORCE: Options =
    Options { long: &["force", "force-vermagic", "force-modversion"], short: b"f" };
const WAIT: Options = Options { long: &["wait"], short: b"w" };
const DEPS: Options = Options { long: &["deps"], short: b"D" };
const REPLACE: Options = Options { long: &["replace"], short: b"" };
const RECURSIVE: Options = Options { long: &["recursive"], short: b"r" };

impl Invocation {
    /// Takes apart the command line of this process.
    pub(crate) fn of_process(tool: &'static str) -> Self {
        Self::new(tool, std::env::args_os().skip(1), caller(tool))
    }

    /// In each of the commands, an option and its value are one word.
    fn new(tool: &'static str, words: impl Iterator<Item = OsString>, caller: Caller) -> Self {
        let words = joined(words.collect(), tool == "insmod");
        let (mut options, mut operands) = (Vec::new(), Vec::new());
        let mut ended = false;
        for word in words {
            let is_option = word.as_bytes().starts_with(b"-") && word != "-";
            if ended || !is_option {
                operands.push(word);
                // Behind the file are the module's own parameters.
                ended |= tool == "insmod";
            } else if word == "--" {
                ended = true;
            } else {
                options.push(word);
            }
        }
        Self { tool, options: without(options, &MESSAGES), operands, caller }
    }

    /// Returns the same call for one of its modules.
    pub(crate) fn for_operand(&self, operand: impl Into<OsString>) -> Self {
        Self { operands: vec![operand.into()], ..self.clone() }
    }

    /// Returns the command that waits for so long, and for these modules only.
    pub(crate) fn waiting(&self, time: &str, operands: Vec<OsString>) -> WayOut {
        let line = CommandLine::new(self.tool).word(format!("--wait={time}"));
        let options = without(self.options.clone(), &WAIT);
        let line = options.into_iter().fold(line, CommandLine::word);
        self.as_root(&line.operands(operands))
    }

    /// Shows a remedy as a command or a step; `None` if it would not help the caller.
    pub(crate) fn show(&self, remedy: &Remedy) -> Option<WayOut> {
        let line = match remedy {
            Remedy::Repeat(change) => return self.repeat(*change),
            Remedy::Instead(file) => {
                let mut operands = self.operands.clone();
                *operands.first_mut()? = file.into();
                let line = CommandLine::new(self.tool);
                let line = self.options.iter().fold(line, CommandLine::word);
                Self { operands, ..self.clone() }.with_operands(line)
            }
            Remedy::InstalledInstead(name) => {
                let line = CommandLine::new("modprobe").operands([name.as_os_str()]);
                self.operands.iter().skip(1).fold(line, CommandLine::word)
            }
            Remedy::Load(file) => CommandLine::new("insmod").operands([file]),
            Remedy::LoadInstalled(name) => {
                CommandLine::new("modprobe").operands([name.as_os_str()])
            }
            Remedy::Remove(name) => CommandLine::new("rmmod").operands([name.as_os_str()]),
            Remedy::ShowHolders(name) => {
                CommandLine::new("rmmod").word("--who").operands([name.as_os_str()])
            }
            Remedy::Other(WayOut::Command(line)) => return Some(self.as_root(line)),
            Remedy::Other(way_out) => return Some(way_out.clone()),
            _ => return None,
        };
        Some(self.as_root(&line))
    }

    /// Shows a remedy for another file than the one of this call, such as that of a module which
    /// had to be loaded first. The options and parameters of the call are not for that file.
    pub(crate) fn show_for(&self, other: &Path, remedy: &Remedy) -> Option<WayOut> {
        match remedy {
            Remedy::Instead(file) => self.show(&Remedy::Load(file.clone())),
            Remedy::InstalledInstead(name) => self.show(&Remedy::LoadInstalled(name.clone())),
            Remedy::Repeat(Change::ListParameters) => self.for_operand(other).show(remedy),
            Remedy::Repeat(Change::AsRoot | Change::Again) => self.show(remedy),
            Remedy::Repeat(_) => None,
            remedy => self.show(remedy),
        }
    }

    fn repeat(&self, change: Change) -> Option<WayOut> {
        let keep = || self.options.clone();
        let has = |family: &Options| without(keep(), family).len() < self.options.len();
        // That is the very call that failed.
        let repeated = match change {
            Change::WithDependencies => has(&DEPS),
            Change::Replacing | Change::ReplacingWithUsers => has(&REPLACE),
            _ => false,
        };
        if repeated {
            return None;
        }
        let (added, options, step): (&[&str], _, _) = match change {
            Change::Again => (&[], keep(), "repeat the command"),
            // Root that lacks a capability gains nothing from sudo.
            Change::AsRoot if self.caller == Caller::Root => return None,
            Change::AsRoot => (&[], keep(), "run the command as root"),
            Change::WithoutForce => (&[], without(keep(), &FORCE), "leave out --force"),
            Change::WithDependencies => (&["--deps"], without(keep(), &DEPS), "add --deps"),
            Change::Replacing => (&["--replace"], keep(), "add --replace"),
            Change::ReplacingWithUsers => {
                (&["--replace", "--recursive"], keep(), "add --replace --recursive")
            }
            Change::ListParameters => {
                let file = self.operands.first()?;
                let line = CommandLine::new(self.tool).word("--params").operands([file]);
                return (file != "-").then(|| WayOut::Command(line.to_string()));
            }
            Change::Wait => (&["--wait"], without(keep(), &WAIT), "add --wait"),
            Change::Recursive => (&["--recursive"], without(keep(), &RECURSIVE), "add --recursive"),
            _ => return None,
        };
        // Standard input has been read: the words alone do not repeat the call.
        if self.operands.iter().any(|operand| operand == "-") {
            return Some(WayOut::Step(step.to_owned()));
        }
        let line = added.iter().fold(CommandLine::new(self.tool), CommandLine::word);
        let line = options.into_iter().fold(line, CommandLine::word);
        Some(self.as_root(&self.with_operands(line)))
    }

    /// In insmod, only the file can be taken for an option.
    fn with_operands(&self, line: CommandLine) -> CommandLine {
        match self.operands.split_first() {
            Some((file, parameters)) if self.tool == "insmod" => {
                parameters.iter().fold(line.operands([file]), CommandLine::word)
            }
            _ => line.operands(&self.operands),
        }
    }

    fn as_root(&self, line: &impl ToString) -> WayOut {
        let line = line.to_string();
        WayOut::Command(match self.caller {
            Caller::Root => line,
            Caller::User => format!("sudo {line}"),
        })
    }
}

/// sudo(8) leaves the command that it ran in the environment; what a shell of root's runs later is
/// not that command.
fn caller(tool: &str) -> Caller {
    let ran_by_sudo = || {
        let command = std::env::var_os("SUDO_COMMAND")?;
        let program = command.as_bytes().split(|&byte| byte == b' ').next()?;
        let name = program.rsplit(|&byte| byte == b'/').next()?;
        (name == tool.as_bytes()).then_some(())
    };
    if geteuid().is_root() && ran_by_sudo().is_none() { Caller::Root } else { Caller::User }
}

/// The options that do not belong to a family: long ones may be abbreviated, letters clustered.
fn without(options: Vec<OsString>, family: &Options) -> Vec<OsString> {
    options.into_iter().filter_map(|word| outside(&word, family)).collect()
}

fn outside(word: &OsStr, family: &Options) -> Option<OsString> {
    let bytes = word.as_bytes();
    if let Some(long) = bytes.strip_prefix(b"--") {
        let name = long.split(|&byte| byte == b'=').next().unwrap_or_default();
        let among = family.long.iter().any(|known| known.as_bytes().starts_with(name));
        return (!among).then(|| word.to_owned());
    }
    let letters: Vec<u8> =
        bytes.iter().copied().filter(|letter| !family.short.contains(letter)).collect();
    (letters.len() > 1).then(|| OsStr::from_bytes(&letters).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::ModuleName;

    fn called(words: &[&str], caller: Caller) -> Invocation {
        let tool = if words[0] == "insmod" { "insmod" } else { "rmmod" };
        Invocation::new(tool, words[1..].iter().map(OsString::from), caller)
    }

    fn shown(words: &[&str], caller: Caller, remedy: &Remedy) -> String {
        match called(words, caller).show(remedy) {
            Some(WayOut::Command(line)) => line,
            Some(WayOut::Step(step)) => format!("({step})"),
            _ => String::new(),
        }
    }

    #[test]
    fn the_call_is_repeated_with_what_was_given() {
        use Caller::{Root, User};
        use Change::{AsRoot, ListParameters, Recursive, Wait, WithDependencies, WithoutForce};
        let with_users = Change::ReplacingWithUsers;
        for (words, caller, change, expected) in [
            ("insmod ./x.ko a=1 b", User, AsRoot, "sudo insmod ./x.ko a=1 b"),
            ("insmod -v --explain=always ./x.ko a=1", User, AsRoot, "sudo insmod ./x.ko a=1"),
            ("insmod ./x.ko a=1", Root, AsRoot, ""),
            ("insmod -Dvf --if-needed ./x.ko", User, AsRoot, "sudo insmod -Df --if-needed ./x.ko"),
            ("insmod -Dvf --force-v ./x.ko f -f", Root, WithoutForce, "insmod -D ./x.ko f -f"),
            ("insmod -n ./x.ko a=1", Root, WithDependencies, "insmod --deps ./x.ko a=1"),
            ("insmod --max-size=1G ./x.ko z=1", User, ListParameters, "insmod --params ./x.ko"),
            ("insmod -v ./x.ko a=1", Root, with_users, "insmod --replace --recursive ./x.ko a=1"),
            ("insmod --replace ./x.ko", Root, with_users, ""),
            ("insmod -- -x.ko -- --", User, AsRoot, "sudo insmod -- -x.ko -- --"),
            ("insmod - a=1", User, AsRoot, "(run the command as root)"),
            ("insmod -f - a=1", Root, WithoutForce, "(leave out --force)"),
            ("insmod - a=1", User, ListParameters, ""),
            ("rmmod -r --wait x", User, AsRoot, "sudo rmmod -r --wait x"),
            ("rmmod x --wait=5 -Jr y", Root, Wait, "rmmod --wait -r x y"),
            ("rmmod -w x --dry", Root, Recursive, "rmmod --recursive -w x"),
            ("rmmod -- -x", Root, Wait, "rmmod --wait -- -x"),
            ("rmmod snd_*", Root, Wait, "rmmod --wait 'snd_*'"),
        ] {
            let words: Vec<_> = words.split(' ').collect();
            assert_eq!(shown(&words, caller, &Remedy::Repeat(change)), expected, "{words:?}");
        }
        let words = ["insmod", "./a b.ko", "greeting=it's me"];
        let expected = r"sudo insmod './a b.ko' 'greeting=it'\''s me'";
        assert_eq!(shown(&words, Caller::User, &Remedy::Repeat(Change::AsRoot)), expected);
    }

    /// What was given is for the file of the call.
    #[test]
    fn another_file_gets_commands_of_its_own() {
        let name = ModuleName::new("base").unwrap();
        let words = ["insmod", "--deps", "--max-size=1G", "./app.ko", "debug=1"];
        for (remedy, expected) in [
            (Remedy::Instead("/lib/base.ko.xz".into()), "sudo insmod /lib/base.ko.xz"),
            (Remedy::InstalledInstead(name.clone()), "sudo modprobe base"),
            (Remedy::Repeat(Change::ListParameters), "insmod --params './b ase.ko'"),
            (Remedy::Repeat(Change::AsRoot), "sudo insmod --deps --max-size=1G ./app.ko debug=1"),
            (Remedy::Repeat(Change::WithoutForce), ""),
            (Remedy::Repeat(Change::Replacing), ""),
            (Remedy::Repeat(Change::WithDependencies), ""),
            (Remedy::LoadInstalled(name), "sudo modprobe base"),
        ] {
            let call = called(&words, Caller::User);
            let shown = match call.show_for(Path::new("./b ase.ko"), &remedy) {
                Some(WayOut::Command(line)) => line,
                other => other.map_or(String::new(), |other| format!("{other:?}")),
            };
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn others_are_commands_and_steps() {
        let name = ModuleName::new("a;reboot").unwrap();
        let command = WayOut::Command("umount /mnt".to_owned());
        let step = WayOut::Step("reboot".to_owned());
        for (remedy, expected) in [
            (Remedy::Load("./a b.ko".into()), "sudo insmod './a b.ko'"),
            (Remedy::Load("-f.ko".into()), "sudo insmod -- -f.ko"),
            (Remedy::LoadInstalled(name.clone()), "sudo modprobe 'a;reboot'"),
            (Remedy::ShowHolders(name.clone()), "sudo rmmod --who 'a;reboot'"),
            (Remedy::Remove(name), "sudo rmmod 'a;reboot'"),
            (Remedy::Other(command), "sudo umount /mnt"),
            (Remedy::Other(step), "(reboot)"),
        ] {
            assert_eq!(shown(&["insmod", "x.ko"], Caller::User, &remedy), expected);
            let root = expected.trim_start_matches("sudo ");
            assert_eq!(shown(&["insmod", "x.ko"], Caller::Root, &remedy), root);
        }
    }
}

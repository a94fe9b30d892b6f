//! The configuration of modprobe(8): the files of modprobe.d(5), and `modprobe.blacklist=` on the
//! kernel's command line.
//!
//! Read as kmod 34 does, from `libkmod/libkmod-config.c`: later directories add files, but none
//! whose name an earlier one has; words end at blanks and tabs; a backslash joins lines. The
//! kernel and insmod(8) ignore these files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::directory;
use crate::name::ModuleName;
use crate::pattern::Pattern;
use crate::system::{self, System};

/// Where a setting is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file; that of the kernel's command line for a setting there.
    pub file: PathBuf,
    /// The line, counted from 1; the first one of several that are joined.
    pub line: usize,
}

/// A setting that has to do with which modules are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The module has this name, too.
    Alias { alias: Vec<u8>, module: ModuleName },
    /// The module's own aliases do not count.
    Blacklist(ModuleName),
    /// This command is run instead of loading the module.
    Install { module: Pattern, command: Vec<u8> },
}

/// All settings, in the order in which they count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) settings: Vec<(Setting, Place)>,
    /// Files and directories that could not be read.
    pub(crate) unreadable: Vec<PathBuf>,
}

impl Configuration {
    pub(crate) fn read(system: &System) -> Self {
        let mut configuration = Self::default();
        for file in configuration.files(system) {
            match system::read_regular(&file) {
                Ok(text) => configuration.settings.extend(
                    parse(&text)
                        .map(|(setting, line)| (setting, Place { file: file.clone(), line })),
                ),
                Err(_) => configuration.unreadable.push(file),
            }
        }
        let file = system.command_line();
        let text = system::read(&file).unwrap_or_default();
        let place = Place { file, line: 1 };
        let words = text.split(u8::is_ascii_whitespace);
        let lists = words.filter_map(|word| word.strip_prefix(b"modprobe.blacklist="));
        let names = lists.flat_map(|list| list.split(|&byte| byte == b','));
        let names = names.filter_map(|name| ModuleName::new(name).ok());
        let settings = names.map(|name| (Setting::Blacklist(name), place.clone()));
        configuration.settings.extend(settings);
        configuration
    }

    /// The files that count, in the order of their names.
    fn files(&mut self, system: &System) -> Vec<PathBuf> {
        let mut files: BTreeMap<OsString, PathBuf> = BTreeMap::new();
        for directory in system.modprobe_dirs() {
            let entries = match directory::entries(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    if !error.is_absent() {
                        self.unreadable.push(directory);
                    }
                    continue;
                }
            };
            for entry in entries.flatten() {
                if entry.name.as_encoded_bytes().ends_with(b".conf") {
                    files.entry(entry.name).or_insert(entry.path);
                }
            }
        }
        files.into_values().collect()
    }
}

/// The settings of a file, and their lines. modprobe skips lines that it does not understand.
fn parse(text: &[u8]) -> impl Iterator<Item = (Setting, usize)> {
    joined_lines(text).into_iter().filter_map(|(line, number)| Some((setting(&line)?, number)))
}

fn setting(line: &[u8]) -> Option<Setting> {
    if line.starts_with(b"#") {
        return None;
    }
    let (command, rest) = word(line)?;
    let (name, rest) = word(rest)?;
    match command {
        b"alias" => {
            let module = ModuleName::new(word(rest)?.0).ok()?;
            Some(Setting::Alias { alias: name.to_vec(), module })
        }
        b"blacklist" => Some(Setting::Blacklist(ModuleName::new(name).ok()?)),
        b"install" => {
            let command = rest.trim_ascii();
            let module = Pattern::new(name);
            (!command.is_empty()).then(|| Setting::Install { module, command: command.to_vec() })
        }
        _ => None,
    }
}

/// Splits a line after its first word.
fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !is_blank(byte))?;
    let line = line.get(start..)?;
    Some(line.split_at(line.iter().position(is_blank).unwrap_or(line.len())))
}

/// Lines, each with its number: `freadline_wrapped` of kmod's `shared/util.c`. A backslash before
/// anything else than the end of a line is dropped.
fn joined_lines(text: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut lines = Vec::new();
    let (mut line, mut number, mut first) = (Vec::new(), 1, 1);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => {
                lines.push((std::mem::take(&mut line), first));
                number += 1;
                first = number;
            }
            b'\\' => match bytes.next() {
                Some(b'\n') => number += 1,
                Some(byte) => line.push(byte),
                None => {}
            },
            byte => line.push(byte),
        }
    }
    if !line.is_empty() {
        lines.push((line, first));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured::Captured;

    fn settings(text: &str) -> Vec<(Setting, usize)> {
        parse(text.as_bytes()).collect()
    }

    fn name(text: &str) -> ModuleName {
        ModuleName::new(text).unwrap()
    }

    #[test]
    fn lines_that_count() {
        let install = |command: &str| Setting::Install {
            module: Pattern::new("c-d"),
            command: command.as_bytes().to_vec(),
        };
        for (text, expected) in [
            ("blacklist a-b\n", vec![(Setting::Blacklist(name("a_b")), 1)]),
            ("\n  blacklist\ta b", vec![(Setting::Blacklist(name("a")), 2)]),
            ("install c-d   /bin/false -x \n", vec![(install("/bin/false -x"), 1)]),
            (
                "install c-d \\\n/bin/\\\ntrue\nblacklist x",
                vec![(install("/bin/true"), 1), (Setting::Blacklist(name("x")), 4)],
            ),
            (
                "alias net-pf-9 off",
                vec![(Setting::Alias { alias: b"net-pf-9".to_vec(), module: name("off") }, 1)],
            ),
        ] {
            assert_eq!(settings(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_that_do_not() {
        for text in [
            "",
            "# blacklist a",
            "#\\\nblacklist a",
            "blacklist",
            "install a",
            "install a ",
            "alias a",
            "include /etc/other.conf",
            "options a b=1",
            "blacklist .",
            "\\",
            "\0\u{1}\u{fffd}",
        ] {
            assert_eq!(settings(text), [], "{text:?}");
        }
    }

    #[test]
    fn files_hide_those_of_their_name_in_later_directories() {
        let root = Captured::with(&[
            ("etc/modprobe.d/b.conf", "blacklist local\n"),
            ("lib/modprobe.d/b.conf", "blacklist hidden\n"),
            ("lib/modprobe.d/a.conf", "blacklist first\n"),
            ("lib/modprobe.d/a.txt", "blacklist other\n"),
            ("proc/cmdline", "quiet modprobe.blacklist=one,t-wo module_blacklist=no\n"),
        ]);
        root.link("loop.conf", "etc/modprobe.d/loop.conf");
        root.directory("etc/modprobe.d/directory.conf");
        let found = Configuration::read(&root.system());

        let names = ["first", "local", "one", "t_wo"];
        let expected: Vec<_> = names.iter().map(|text| Setting::Blacklist(name(text))).collect();
        let settings: Vec<_> = found.settings.iter().map(|(setting, _)| setting.clone()).collect();
        assert_eq!(settings, expected);
        assert_eq!(
            found.settings[1].1,
            Place { file: root.join("etc/modprobe.d/b.conf"), line: 1 }
        );
        let unreadable = ["directory.conf", "loop.conf"];
        assert_eq!(found.unreadable, unreadable.map(|file| root.join("etc/modprobe.d").join(file)));
    }
}

//! Modules of the distribution with something changed: no verdict that is stated as certain is
//! wrong.
//!
//! The truth comes from the kernel by another way than the command's: a tracing instance says
//! whether the loader got to the module's init function (`module_load`, the last thing before it) and
//! what that returned (`initcall_finish`); the kernel's log, read whole, says what the loader
//! complained of; and where a system call was made to fail, the kernel was never asked.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::guest::{KernelLog, Run, distributions, is_loaded, loaded_names, run};

crate::tests![
    batch_1, batch_2, batch_3, batch_4, batch_5, batch_6, batch_7, batch_8, batch_9, batch_10
];

fn batch_1() {
    batch(1);
}
fn batch_2() {
    batch(2);
}
fn batch_3() {
    batch(3);
}
fn batch_4() {
    batch(4);
}
fn batch_5() {
    batch(5);
}
fn batch_6() {
    batch(6);
}
fn batch_7() {
    batch(7);
}
fn batch_8() {
    batch(8);
}
fn batch_9() {
    batch(9);
}
fn batch_10() {
    batch(10);
}

/// Other mutations than on each run, for whoever has time: `MODUTILS_SEED=7 make mutations`.
const SEED: Option<&str> = option_env!("MODUTILS_SEED");

/// Loads in a batch.
const LOADS: usize = 100;

/// Small modules, mostly of data: changes in their code hardly hurt the kernel.
const MODULES: &[&str] = &["nls_cp437", "nls_iso8859-2", "nls_koi8-r", "crc7", "ts_bm", "nls_utf8"];

/// A generator that is the same on each run: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

const TRACE: &str = "/sys/kernel/tracing/instances/mutations";

fn trace(file: &str, text: &str) {
    fs::write(format!("{TRACE}/{file}"), text).unwrap_or_else(|error| panic!("{file}: {error}"));
}

fn batch(number: u64) {
    let seed = number + 10 * SEED.map_or(0, |seed| seed.parse::<u64>().unwrap());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 32 | seed));
    let _ = fs::create_dir(TRACE);
    trace("events/module/module_load/enable", "1");
    trace("events/initcall/initcall_finish/enable", "1");
    let originals: Vec<(&str, Vec<u8>)> = MODULES
        .iter()
        .filter(|name| run(["/kmod/modinfo", "-n", name]).status == Some(0))
        .map(|name| (*name, fs::read(distributions(name)).unwrap()))
        .collect();
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut loads = 0;
    while loads < LOADS && !has_died() {
        let (name, original) = &originals[dice.below(originals.len())];
        let mut bytes = original.clone();
        let denied = dice.below(5) == 0;
        let what = if denied { String::new() } else { mutate(&mut bytes, &mut dice) };
        fs::write("/tmp/mutated.ko", bytes).unwrap();
        let (call, errno) = denial(&mut dice);
        trace("trace", "");
        let log = KernelLog::from_now();
        let inject = format!("inject={call}:error={errno}");
        let line = ["-f", "-qq", "-o", "/dev/null", "-e", &inject, "insmod"];
        let command = if denied { Run::new("strace").args(line) } else { Run::new("insmod") };
        let done = command.args(["-J", "/tmp/mutated.ko"]).done();
        let traced = fs::read_to_string(format!("{TRACE}/trace")).unwrap();
        let truth = Truth {
            reached: traced.contains("module_load: "),
            returned: returned(&traced),
            lines: log.lines(),
            injected: denied && call.contains("module"),
        };
        if has_died() {
            println!("{name}: the kernel died of {what}{inject}");
            break;
        }
        loads += 1;
        let document: Value = serde_json::from_str(&done.stdout).unwrap_or_default();
        let result = &document["results"][0];
        let kind = result["cause"]["kind"].as_str().unwrap_or("loaded").to_owned();
        let certain = result["cause"]["certain"] == true;
        let label = format!("{kind}{}", if certain || kind == "loaded" { "" } else { "?" });
        *tally.entry(label).or_default() += 1;
        if let Some(complaint) = truth.contradicts(&kind, certain) {
            let action = if denied { inject } else { what };
            wrong.push(format!("{name}: {action}: {complaint}\n{}", done.describe()));
        }
        for loaded in loaded_names() {
            if originals.iter().any(|(known, _)| known.replace('-', "_") == loaded) {
                run(["/kmod/rmmod", &loaded]);
            }
        }
        // What cannot be removed, as its exit function was lost, keeps its name.
        if is_loaded(&name.replace('-', "_")) {
            println!("{name} stays");
        }
    }
    println!("batch {seed}: {loads} loads, {} certain and wrong: {tally:?}", wrong.len());
    let _ = fs::remove_dir(TRACE);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sections that hold data only.
const SECTIONS: &[&str] = &[".modinfo", "__versions", ".note", ".comment", ".BTF", ".rodata"];

/// Changes something, and says what. Left alone is what makes the loader itself write or jump
/// anywhere, as it trusts these: places and symbols of relocations, values and sections of symbols,
/// code, `struct module`, and which section is for what.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let marker = b"~Module signature appended~\n";
    // With its signature, every change is a change after signing: mostly without.
    if dice.below(8) > 0 && bytes.ends_with(marker) {
        let at = bytes.len() - marker.len() - 4;
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes.truncate(at - 8 - usize::try_from(length).unwrap());
    }
    let word = |bytes: &[u8], at: usize, width: usize| {
        let mut word = [0; 8];
        word[..width].copy_from_slice(&bytes[at..at + width]);
        usize::try_from(u64::from_le_bytes(word)).unwrap()
    };
    let (table, count) = (word(bytes, 40, 8), word(bytes, 60, 2));
    let value = u8::try_from(dice.below(256)).unwrap();
    let header = |index: usize| table + index * 64;
    let section = |dice: &mut Dice, bytes: &[u8], fits: &dyn Fn(usize) -> bool| {
        let fit = |index: &usize| word(bytes, header(*index) + 32, 8) > 0 && fits(header(*index));
        let fitting: Vec<usize> = (0..count).filter(fit).collect();
        let at = header(fitting[dice.below(fitting.len())]);
        (word(bytes, at + 24, 8), word(bytes, at + 32, 8))
    };
    let of_type =
        |bytes: &[u8], at: usize, kinds: &[usize]| kinds.contains(&word(bytes, at + 4, 4));
    let names = word(bytes, header(word(bytes, 62, 2)) + 24, 8);
    let (what, at) = match dice.below(8) {
        0 => ("a byte of the ELF header", dice.below(64)),
        1 => {
            // The name, and the upper halves of the place in the file and of the size.
            const FIELDS: [usize; 16] =
                [0, 1, 2, 3, 26, 27, 28, 29, 30, 31, 34, 35, 36, 37, 38, 39];
            let at = header(dice.below(count));
            let field = FIELDS[dice.below(FIELDS.len())];
            ("a byte of a section header", at + field)
        }
        2 => {
            let fits = |at| of_type(bytes, at, &[4]);
            let (start, size) = section(dice, bytes, &fits);
            ("the type of a relocation", start + dice.below(size / 24) * 24 + 8)
        }
        3 => {
            let fits = |at| of_type(bytes, at, &[4]);
            let (start, size) = section(dice, bytes, &fits);
            ("the upper half of a relocation's type", start + dice.below(size / 24) * 24 + 9)
        }
        4 => {
            let fits = |at| of_type(bytes, at, &[2]);
            let (start, size) = section(dice, bytes, &fits);
            // Within the strings still: only Linux 6.13 and later compare.
            ("the name of a symbol", start + dice.below(size / 24) * 24)
        }
        5 => {
            let fits = |at| of_type(bytes, at, &[3]);
            let (start, size) = section(dice, bytes, &fits);
            ("a byte of the strings", start + dice.below(size))
        }
        6 => {
            bytes.truncate(dice.below(bytes.len()));
            return format!("cut to {} bytes", bytes.len());
        }
        _ => {
            let fits = |at| {
                let name = &bytes[names + word(bytes, at, 4)..];
                SECTIONS.iter().any(|start| name.starts_with(start.as_bytes()))
            };
            let (start, size) = section(dice, bytes, &fits);
            ("a byte of a section", start + dice.below(size))
        }
    };
    let old = bytes[at];
    bytes[at] = if value == old { value ^ 1 } else { value };
    format!("{what}: {at:#x} from {old:#x} to {:#x}", bytes[at])
}

/// Whether the kernel has died: then its answers no longer count.
fn has_died() -> bool {
    let taints = fs::read_to_string("/proc/sys/kernel/tainted").unwrap();
    taints.trim().parse::<u64>().unwrap() >> 7 & 1 == 1
}

fn denial(dice: &mut Dice) -> (&'static str, &'static str) {
    const CALLS: &[&str] = &[
        "finit_module,init_module",
        "finit_module,init_module",
        "openat:when=2+",
        "read:when=3+",
        "lseek",
    ];
    const ERRNOS: &[&str] = &["EPERM", "EACCES", "ENOSYS", "EIO", "EINVAL", "ENOMEM", "ENODEV"];
    (CALLS[dice.below(CALLS.len())], ERRNOS[dice.below(ERRNOS.len())])
}

/// What the init function returned, from the trace.
fn returned(trace: &str) -> Option<i64> {
    trace.lines().rev().find_map(|line| line.split_once(" ret=")?.1.trim().parse().ok())
}

struct Truth {
    reached: bool,
    returned: Option<i64>,
    lines: Vec<String>,
    injected: bool,
}

impl Truth {
    /// The fault of a verdict, if it is stated as a fact.
    fn contradicts(&self, kind: &str, certain: bool) -> Option<String> {
        let Self { reached, returned, lines, injected } = self;
        if !certain || kind == "loaded" {
            return None;
        }
        // What the file and the system show does not depend on the call.
        let shown = ["not-elf", "truncated", "not-a-module", "wrong-architecture", "empty-file"];
        if *injected && !shown.contains(&kind) {
            return Some(format!("the call was denied, and {kind} is called certain"));
        }
        if kind == "init-failed" {
            let failed = *reached && returned.is_none_or(|number| number != 0);
            return (!failed).then(|| "its init function did not run, or not fail".to_owned());
        }
        if *reached && kind != "already-loaded" {
            return Some(format!("the loader accepted it, and {kind} is called certain"));
        }
        let said: &[(&str, &[&str])] = &[
            (
                "Unknown symbol",
                &[
                    "missing-symbol",
                    "gpl-only-symbol",
                    "truncated",
                    "symbol-version-mismatch",
                    "missing-namespace",
                ],
            ),
            ("disagrees about version", &["symbol-version-mismatch"]),
            ("version magic", &["vermagic-mismatch"]),
            ("relocation", &["not-a-module"]),
            ("exports duplicate symbol", &["duplicate-symbol"]),
            ("Invalid architecture", &["wrong-architecture"]),
            ("Invalid ELF", &["not-elf", "truncated", "not-a-module"]),
            ("ELF Spec violation", &["truncated", "not-a-module"]),
            (".gnu.linkonce.this_module", &["not-a-module", "vermagic-mismatch", "truncated"]),
            ("has no symbols", &["not-a-module", "truncated"]),
        ];
        let complaint = said.iter().find(|(part, _)| lines.iter().any(|line| line.contains(part)));
        complaint
            .filter(|(_, kinds)| !kinds.contains(&kind))
            .map(|(part, _)| format!("the kernel logged {part:?}, and {kind} is called certain"))
    }
}

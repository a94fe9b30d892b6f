//! Every module of the distribution's kernels, read by us and by modinfo. No machine is booted.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use modutils::ModuleFile;
use modutils::file::{ElfHeader, Image};

use super::{script, trial};

/// A comparison of all files.
type Compare = fn(&[PathBuf]) -> Result<(), Failed>;

pub(super) fn trials(kernels: &[String]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kernel in kernels {
        let tests: [(&str, Compare); 3] =
            [("parameters", parameters), ("modinfo", modinfo), ("damaged", damaged)];
        for (name, test) in tests {
            let of = kernel.clone();
            trials.push(trial(kernel, format!("files::{name}"), move || test(&modules(&of)?)));
        }
    }
    trials
}

/// The files of all modules of a kernel.
fn modules(kernel: &str) -> Result<Vec<PathBuf>, Failed> {
    let root = script(Command::new("tests/vm/kernel.sh").arg(kernel))?;
    let list = Command::new("find")
        .args([&format!("{}/lib/modules/", root.trim()), "-name", "*.ko*"])
        .output()
        .map_err(|error| error.to_string())?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let mut files: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
    files.sort();
    if files.len() < 900 {
        return Err(format!("only {} modules found", files.len()).into());
    }
    Ok(files)
}

/// `insmod --params` prints what `modinfo -p` prints.
fn parameters(files: &[PathBuf]) -> Result<(), Failed> {
    let tools = env::var_os("MODUTILS_BIN").ok_or("MODUTILS_BIN is not set")?;
    let insmod = Path::new(&tools).join("insmod");
    let mut ours = Vec::new();
    for file in files {
        ours.extend(output(Command::new(&insmod).arg("--params").arg(file))?);
    }
    let theirs = output(Command::new("/sbin/modinfo").arg("-p").args(files))?;
    same("parameters", &ours, &theirs)
}

/// The library finds the name, the dependencies and the version magic that modinfo finds.
fn modinfo(files: &[PathBuf]) -> Result<(), Failed> {
    let (mut names, mut depends, mut magics) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let image = ModuleFile::open(file.as_path()).and_then(|file| file.image());
        let image = image.map_err(|error| error.to_string())?;
        let line = |list: &mut Vec<u8>, value: &[u8]| list.extend([value, b"\n"].concat());
        line(&mut names, image.name().map_err(|error| error.to_string())?.as_bytes());
        let modinfo = image.modinfo().map_err(|error| error.to_string())?;
        line(&mut depends, modinfo.value("depends").unwrap_or_default());
        line(&mut magics, modinfo.value("vermagic").unwrap_or_default());
    }
    for (field, ours) in [("name", names), ("depends", depends), ("vermagic", magics)] {
        let theirs = output(Command::new("/sbin/modinfo").args(["-F", field]).args(files))?;
        same(field, &ours, &theirs)?;
    }
    Ok(())
}

/// Whatever is wrong with a module, reading it ends soon, and not in a panic.
fn damaged(files: &[PathBuf]) -> Result<(), Failed> {
    // The same damage each time: a generator of Marsaglia's.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % limit.max(1)
    };
    let mut bytes = Vec::new();
    for file in files.iter().step_by(files.len() / 8) {
        let image = ModuleFile::open(file.as_path()).and_then(|file| file.image());
        bytes.push(image.map_err(|error| error.to_string())?.bytes().to_vec());
    }
    let start = Instant::now();
    for round in 0..2000 {
        let mut module = bytes[round % bytes.len()].clone();
        // Headers are at the start, section headers and symbols towards the end.
        let headers = module.len().min(64);
        let tail = module.len() * 3 / 4;
        for _ in 0..=random(6) {
            let at = match random(3) {
                0 => random(headers),
                1 => tail + random(module.len() - tail),
                _ => random(module.len()),
            };
            module[at] = if random(2) == 0 { 0xff } else { module[at] ^ (1 << random(8)) };
        }
        if random(4) == 0 {
            module.truncate(random(module.len()));
        }
        read_all(&Image::new(module));
    }
    if start.elapsed() > Duration::from_secs(120) {
        return Err(format!("reading damaged modules took {:?}", start.elapsed()).into());
    }
    Ok(())
}

/// Everything that there is to read of a module.
fn read_all(image: &Image) {
    let _ = ElfHeader::read(image.bytes());
    let _ = (image.name(), image.parameters(), image.depends());
    let _ = (image.imports(), image.exports(), image.versions());
    let _ = (image.signature(), image.build_id());
}

fn output(command: &mut Command) -> Result<Vec<u8>, Failed> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let program = command.get_program().to_owned();
    let words = command.get_args().last().map(OsStr::to_owned);
    Err(format!("{} … {words:?}: {}", program.display(), String::from_utf8_lossy(&done.stderr))
        .into())
}

fn same(what: &str, ours: &[u8], theirs: &[u8]) -> Result<(), Failed> {
    let lines = |text: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
    };
    let (ours, theirs) = (lines(ours), lines(theirs));
    if ours == theirs {
        return Ok(());
    }
    let at = ours.iter().zip(&theirs).position(|(one, other)| one != other);
    let at = at.unwrap_or(ours.len().min(theirs.len()));
    Err(format!("{what}, line {at}: {:?}, but modinfo: {:?}", ours.get(at), theirs.get(at)).into())
}

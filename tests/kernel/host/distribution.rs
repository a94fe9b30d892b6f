//! Every module of the distribution's kernels, read by us and by modinfo. No machine is booted.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use modutils::ModuleFile;

use super::script;

/// A comparison of all files.
type Compare = fn(&[PathBuf]) -> Result<(), Failed>;

pub(super) fn trials(kernels: &[String]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kernel in kernels {
        let tests: [(&str, Compare); 2] = [("parameters", parameters), ("modinfo", modinfo)];
        for (name, test) in tests {
            let kernel = kernel.clone();
            let title = format!("{kernel}::files::{name}");
            trials.push(Trial::test(title, move || test(&modules(&kernel)?)));
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
    if files.len() < 1000 {
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

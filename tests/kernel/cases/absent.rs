//! lsmod on names that are not loaded: what they are instead, as an unprivileged user sees it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::guest::{Loaded, is_since, release, run, thorough};

crate::tests![
    loadable,
    unsigned,
    built_in,
    install,
    blacklist,
    alias_off,
    modprobe_off,
    unreadable_configuration,
    not_listed,
    missing_file,
    other_release,
    upgraded_without_a_reboot,
    misspelt,
    alias,
    pattern,
    by_an_import,
    binary_indexes,
    without_lists,
    every_module,
    built_in_on_removal,
    comes_back,
];

/// Runs lsmod as a user without privilege, and returns the record of one name.
pub(super) fn record(name: &str) -> Value {
    records(&[name]).remove(0)
}

fn records(names: &[&str]) -> Vec<Value> {
    let line = ["setpriv", "--reuid=1000", "--clear-groups", "lsmod", "-J"];
    let done = run(line.iter().chain(names));
    done.check(done.status == Some(1), "fails");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    document["not-loaded"].as_array().unwrap_or_else(|| panic!("{}", done.describe())).clone()
}

/// The explanation that the same user reads.
fn text(name: &str) -> String {
    let line = ["setpriv", "--reuid=1000", "--clear-groups", "lsmod", "--explain=always", name];
    let done = run(line);
    done.check(done.status == Some(1), "fails");
    let first = format!("lsmod: ERROR: Module {name} is not currently loaded\n");
    done.check(done.stderr.starts_with(&first), "starts as kmod would");
    done.stderr
}

fn tree() -> PathBuf {
    Path::new("/lib/modules").join(release())
}

/// A file that is there until this goes; what was there before comes back.
pub(super) struct Put {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

impl Put {
    pub(super) fn new(path: impl Into<PathBuf>, contents: impl AsRef<[u8]>) -> Self {
        let path = path.into();
        let before = fs::read(&path).ok();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        Self { path, before }
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        let _ = match &self.before {
            Some(bytes) => fs::write(&self.path, bytes),
            None => fs::remove_file(&self.path),
        };
    }
}

/// Test modules in the release's tree, as their authors install them.
pub(super) struct Installed(Vec<Put>);

impl Installed {
    pub(super) fn new(names: &[&str]) -> Self {
        let mut files: Vec<Put> = ["dep", "alias", "symbols"]
            .iter()
            .map(|list| tree().join(format!("modules.{list}")))
            .map(|path| Put::new(&path, fs::read(&path).unwrap()))
            .collect();
        for name in names {
            let line = format!("updates/{name}.ko:\n");
            let list = tree().join("modules.dep");
            let text = fs::read_to_string(&list).unwrap();
            fs::write(&list, line + &text).unwrap();
            files.push(Put::new(
                tree().join(format!("updates/{name}.ko")),
                fs::read(format!("/modules/{name}.ko")).unwrap(),
            ));
        }
        Self(files)
    }

    pub(super) fn file(&self) -> &Path {
        &self.0.last().unwrap().path
    }
}

fn loadable() {
    let found = record("loop");
    assert_eq!(found["state"], "loadable", "{found}");
    let file = found["file"].as_str().unwrap();
    assert!(Path::new(file).exists() && file.contains("/loop.ko"), "{found}");
    assert_eq!(found["signature"], "present", "{found}");
    assert!(found["signer"].is_string(), "{found}");
    assert_eq!(found["blocked-by"], json!([]), "{found}");
    let aliases = found["aliases"].as_array().unwrap();
    assert!(aliases.contains(&json!("devname:loop-control")), "{found}");
    let text = text("loop");
    assert!(text.contains("can be loaded from ") && text.contains("/dev/loop-control is opened"));
}

fn unsigned() {
    let installed = Installed::new(&["t_plain"]);
    let found = record("t_plain");
    assert_eq!(found["state"], "loadable", "{found}");
    assert_eq!(found["file"], installed.file().to_str().unwrap());
    assert_eq!(found["signature"], "absent", "{found}");
    assert!(text("t_plain").contains("(not signed)"));
}

fn built_in() {
    let list = fs::read_to_string(tree().join("modules.builtin")).unwrap();
    let names: Vec<String> = list
        .lines()
        .map(|line| {
            let file = Path::new(line).file_name().unwrap().to_str().unwrap();
            file.trim_end_matches(".ko").replace('-', "_")
        })
        .take(if thorough() { usize::MAX } else { 12 })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
    let mut with_functions = 0;
    for found in records(&names) {
        assert_eq!(found["state"], "built-in", "{found}");
        for function in found["functions"].as_array().unwrap() {
            let function = function.as_str().unwrap();
            assert!(symbols.contains(&format!(" {function}\n")), "no function {function}: {found}");
            let step = found["fix"][0]["step"].as_str().unwrap();
            assert!(step.contains("initcall_blacklist=") && step.contains(function), "{found}");
            with_functions += 1;
        }
    }
    // Until then, their symbols did not name the module.
    if !is_since(5, 11) {
        assert_eq!(with_functions, 0);
        return;
    }
    assert!(with_functions > 0, "no function is known");
    // A part of the kernel that can never be a module is in no list.
    assert_eq!(record("unix")["functions"], json!(["af_unix_init"]));
    assert!(text("unix").contains("\n  fix: to disable it, add initcall_blacklist=af_unix_init"));
}

fn block(found: &Value) -> &Value {
    let blocks = found["blocked-by"].as_array().unwrap();
    assert_eq!(blocks.len(), 1, "{found}");
    &blocks[0]
}

fn install() {
    let file = "/etc/modprobe.d/t.conf";
    let _conf = Put::new(file, "# text\n\ninstall loop \\\n  /bin/false\n");
    let found = record("loop");
    let block = block(&found);
    assert_eq!(block["kind"], "install", "{found}");
    assert_eq!((&block["file"], &block["line"]), (&json!(file), &json!(3)), "{found}");
    assert_eq!(block["blocks"], "modprobe");
    assert!(text("loop").contains("modprobe runs '/bin/false' instead of loading loop"));
    assert_eq!(run(["/kmod/modprobe", "loop"]).status, Some(1));
}

fn blacklist() {
    let file = "/etc/modprobe.d/t.conf";
    let _conf = Put::new(file, "blacklist af-alg\n");
    let found = record("af_alg");
    let block = block(&found);
    assert_eq!((&block["kind"], &block["line"]), (&json!("blacklist"), &json!(1)), "{found}");
    assert_eq!(block["blocks"], "aliases");
    assert_eq!(found["triggers"], json!([]), "{found}");
    // As modprobe has it: the alias does nothing, the name loads it.
    run(["/kmod/modprobe", "-b", "net-pf-38"]);
    assert!(!crate::guest::is_loaded("af_alg"));
}

fn alias_off() {
    let _conf = Put::new("/etc/modprobe.d/t.conf", "alias net-pf-38 off\n");
    let found = record("af_alg");
    assert_eq!(block(&found)["kind"], "alias", "{found}");
    assert_eq!(found["triggers"], json!([]), "{found}");
}

fn modprobe_off() {
    let before = fs::read("/proc/sys/kernel/modprobe").unwrap();
    fs::write("/proc/sys/kernel/modprobe", "\n").unwrap();
    let found = record("loop");
    fs::write("/proc/sys/kernel/modprobe", before).unwrap();
    assert_eq!(block(&found)["kind"], "no-modprobe", "{found}");
}

fn unreadable_configuration() {
    let file = "/etc/modprobe.d/t.conf";
    let _conf = Put::new(file, "blacklist loop\n");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let found = record("loop");
    assert_eq!(found["unreadable"], json!([file]), "{found}");
    assert!(text("loop").contains("t.conf could not be read"));
}

fn not_listed() {
    let _file = Put::new(tree().join("extra/t_plain.ko"), fs::read("/modules/t_plain.ko").unwrap());
    let found = record("t_plain");
    assert_eq!(found["state"], "loadable", "{found}");
    assert_eq!(block(&found)["kind"], "not-listed", "{found}");
    assert_eq!(found["fix"], json!([{ "command": "sudo depmod" }]));
}

fn missing_file() {
    let installed = Installed::new(&["t_plain"]);
    let bytes = fs::read(installed.file()).unwrap();
    fs::remove_file(installed.file()).unwrap();
    let found = record("t_plain");
    fs::write(installed.file(), bytes).unwrap();
    assert_eq!(block(&found)["kind"], "missing-file", "{found}");
    assert!(found["text"].as_str().unwrap().contains("cannot be loaded now"), "{found}");
}

fn other_release() {
    let _list = Put::new("/lib/modules/9.9.9/modules.dep", "kernel/t_elsewhere.ko.xz:\n");
    let found = record("t_elsewhere");
    assert_eq!(found["state"], "other-release", "{found}");
    assert_eq!(found["releases"], json!(["9.9.9"]));
    // The running kernel has its modules: a reboot is not the way to this one.
    assert_eq!(found["fix"], json!([]));
    assert!(!text("t_elsewhere").contains("rebooted"));
}

/// The package of the running kernel was replaced by that of the next one.
fn upgraded_without_a_reboot() {
    let line = "mount -t tmpfs none /lib/modules && mkdir /lib/modules/9.9.9 && \
                echo kernel/loop.ko: >/lib/modules/9.9.9/modules.dep && \
                exec setpriv --reuid=1000 --clear-groups lsmod -v loop";
    let done = run(["unshare", "-m", "sh", "-c", line]);
    done.check(done.status == Some(1), "fails");
    done.check(done.stderr.contains("the machine was not rebooted; 9.9.9 has it"), "says so");
    done.check(done.stderr.contains("\n  fix: reboot into 9.9.9\n"), "says what helps");
}

fn misspelt() {
    let found = record("algif_aaed");
    assert_eq!(found["state"], "unknown", "{found}");
    assert_eq!(found["nearest"], json!(["algif_aead"]), "{found}");
    assert!(text("algif_aaed").ends_with("\n  fix: lsmod algif_aead\n"));
    assert_eq!(record("t_nothing_like_this")["nearest"], json!([]));
}

fn alias() {
    let found = record("net-pf-38");
    assert_eq!(found["alias-of"], json!(["af_alg"]), "{found}");
    assert_eq!(found["state"], "unknown");
}

fn pattern() {
    let found = records(&["algif_*"]);
    let names: Vec<_> = found.iter().map(|found| found["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"algif_aead") && names.contains(&"algif_hash"), "{names:?}");
}

/// The kernel asks for `algif-aead`, which is in no list of aliases.
fn by_an_import() {
    let found = record("algif_aead");
    let triggers = found["triggers"].as_array().unwrap();
    let expected = json!({ "text": "an AF_ALG socket is bound to type aead", "any-user": true });
    assert!(triggers.contains(&expected), "{found}");
    assert!(found["fix"][0]["step"].as_str().unwrap().contains("install algif_aead"), "{found}");
}

fn binary_indexes() {
    let lists = ["dep", "alias", "symbols", "builtin", "builtin.modinfo"];
    let with_texts = records(&["af_alg", "loop", "net-pf-38"]);
    let path = |list: &str| tree().join(format!("modules.{list}"));
    for list in lists {
        fs::rename(path(list), path(list).with_extension(format!("{list}.off"))).unwrap();
    }
    let with_indexes = records(&["af_alg", "loop", "net-pf-38"]);
    let built_in = record("tcp_cubic");
    for list in lists {
        fs::rename(path(list).with_extension(format!("{list}.off")), path(list)).unwrap();
    }
    for (mut one, mut other) in with_texts.into_iter().zip(with_indexes) {
        // Indexes write `_` for `-`, and sort.
        for found in [&mut one, &mut other] {
            for field in ["aliases", "triggers", "needed-by", "text"] {
                let value = found[field].to_string().replace('-', "_");
                let mut letters: Vec<char> = value.chars().collect();
                letters.sort_unstable();
                found[field] = letters.into_iter().collect::<String>().into();
            }
        }
        assert_eq!(one, other);
    }
    assert_eq!(built_in["state"], "built-in", "{built_in}");
}

fn without_lists() {
    let line = "mount -t tmpfs none /lib/modules && \
                exec setpriv --reuid=1000 --clear-groups lsmod -J loop printk";
    let done = run(["unshare", "-m", "sh", "-c", line]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let found = &document["not-loaded"];
    assert_eq!(found[0]["state"], "unknown", "{found}");
    let text = found[0]["text"].as_str().unwrap();
    assert!(text.contains("the list of the running release's modules is missing"), "{found}");
    assert_eq!(found[1]["state"], "built-in", "{found}");
}

/// What modprobe knows is the truth.
fn every_module() {
    let dep = fs::read_to_string(tree().join("modules.dep")).unwrap();
    let step = if thorough() { 1 } else { 40 };
    let files: BTreeMap<String, PathBuf> = dep
        .lines()
        .step_by(step)
        .map(|line| {
            let file = line.split(':').next().unwrap();
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            (name.split(".ko").next().unwrap().replace('-', "_"), tree().join(file))
        })
        .filter(|(name, _)| !crate::guest::is_loaded(name))
        .collect();
    let configuration = run(["/kmod/modprobe", "-c"]).stdout;
    let mut aliases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in configuration.lines() {
        if let [word, alias, module] = line.split(' ').collect::<Vec<_>>()[..]
            && word == "alias"
            && !alias.starts_with("symbol:")
        {
            aliases.entry(module).or_default().push(alias.replace('-', "_"));
        }
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    for names in names.chunks(40) {
        for found in records(names) {
            let name = found["name"].as_str().unwrap();
            assert_eq!(found["state"], "loadable", "{found}");
            assert_eq!(found["file"], files[name].to_str().unwrap(), "{found}");
            let own = found["aliases"].as_array().unwrap().iter();
            let mut own: Vec<_> =
                own.map(|alias| alias.as_str().unwrap().replace('-', "_")).collect();
            let mut expected = aliases.remove(name).unwrap_or_default();
            own.sort_unstable();
            expected.sort_unstable();
            own.dedup();
            expected.dedup();
            assert_eq!(own, expected, "{name}");
        }
    }
}

fn built_in_on_removal() {
    let done = run(["rmmod", "-v", "printk"]);
    done.check(done.stderr.starts_with("rmmod: ERROR: Module printk is builtin.\n"), "says so");
    let done = run(["rmmod", "-v", "tcp_cubic"]);
    let helps = done.stderr.contains("\n  fix: to disable it, add initcall_blacklist=");
    done.check(helps == is_since(5, 11), "helps where the kernel names the function");
}

fn comes_back() {
    run(["/kmod/modprobe", "loop"]).succeeds();
    let done = run(["rmmod", "-v", "loop"]);
    done.succeeds();
    done.check(
        done.stderr.contains("rmmod: loop will be loaded again when /dev/loop-control is opened")
            || done.stderr.contains("rmmod: loop will be loaded again when a"),
        "says what will load it again",
    );
    let _plain = Loaded::new("t_plain", "");
    let done = run(["rmmod", "-v", "t_plain"]);
    done.check(done.stderr == "rmmod: removed t_plain\n", "has nothing to say of others");
}

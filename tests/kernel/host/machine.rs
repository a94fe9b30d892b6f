//! A virtual machine that runs the guest half of the tests.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{is_of_this_machine, script};
use crate::{Boot, TOOLS_32};

/// How long a machine may take to boot. It takes a few seconds on an idle host.
const BOOT_LIMIT: Duration = Duration::from_secs(180);

/// How long the guest may say nothing beyond the limit of a test, which it sees to by
/// itself: then the guest as a whole hangs.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);

/// How much longer a test may take on another machine than this one, or with tools for one.
const SLOWNESS: u32 = 2;

/// How long a machine may live, however lively it is, in limits of a test.
const LIFE_LIMIT: u32 = 20;

/// How the end of a kernel begins.
const PANIC: &str = "Kernel panic - not syncing";

/// How many lines of the console is shown when a machine is lost.
const TAIL_LINES: usize = 60;

pub(super) struct Machine {
    process: Child,
    to_guest: ChildStdin,
    from_guest: Receiver<String>,
    console: PathBuf,
    complaints: PathBuf,
    /// How long a test may take.
    limit: Duration,
}

/// Why a test did not succeed.
pub(super) enum Failure {
    /// It ran, and failed: what it printed.
    Test(String),
    /// The machine is gone or does not answer: all that is known about it.
    Machine(String),
}

/// How often a kernel may die before it is up. Emulated processors sometimes execute an instruction
/// while another one is just patching it, as kernels do when they start.
const BOOTS: usize = 3;

impl Machine {
    pub(super) fn boot(kernel: &str, boot: &Boot) -> Result<Machine, String> {
        let mut tries = 1;
        loop {
            match Self::start(kernel, boot) {
                Err(reason) if reason.contains(PANIC) && tries < BOOTS => tries += 1,
                end => return end,
            }
        }
    }

    fn start(kernel: &str, boot: &Boot) -> Result<Machine, String> {
        let guest = Guest::of(kernel)?;
        let limit = if is_of_this_machine(kernel) { boot.limit } else { boot.limit * SLOWNESS };
        let directory = Path::new(crate::REPOSITORY).join("target/vm").join(kernel);
        let initramfs = directory.join(format!("tests-{}.cpio", boot.name));
        let console = directory.join(format!("console-{}.log", boot.name));
        let complaints = directory.join(format!("qemu-{}.log", boot.name));

        script(
            Command::new("tests/vm/initramfs.sh")
                .args([kernel.as_ref(), initramfs.as_os_str(), guest.program.as_os_str()])
                .arg(guest.example)
                .args(module_of_another_kernel(kernel)?)
                .env("MODUTILS_BIN", guest.tools),
        )?;
        let mut process = Command::new("tests/vm/boot.sh")
            .args(boot.steady.then_some("-s"))
            .args([kernel.as_ref(), initramfs.as_os_str()])
            .arg((limit * LIFE_LIMIT).as_secs().to_string())
            .arg(&console)
            .arg(format!("LIMIT={}", limit.as_secs()))
            .args(boot.parameters)
            .current_dir(crate::REPOSITORY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints).map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("cannot run tests/vm/boot.sh: {error}"))?;

        let to_guest = process.stdin.take().ok_or("no pipe to the guest")?;
        let output = process.stdout.take().ok_or("no pipe from the guest")?;
        let (sender, from_guest) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });

        let machine = Machine { process, to_guest, from_guest, console, complaints, limit };
        // The kernel of s390x writes its first lines to every port.
        let start = Instant::now();
        let error = loop {
            match machine.from_guest.recv_timeout(Duration::from_secs(1)) {
                Ok(line) if line == "ready" => {
                    // It is in the machine's memory, and large.
                    let _ = fs::remove_file(&initramfs);
                    return Ok(machine);
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() < BOOT_LIMIT => {
                    if tail(&machine.console).contains(PANIC) {
                        break "its kernel died".to_owned();
                    }
                }
                Ok(_) => {}
                Err(error) => break error.to_string(),
            }
        };
        Err(machine.lost(&format!("the guest did not come up: {error}")))
    }

    /// Has the guest run one test, and returns what it printed.
    pub(super) fn run(&mut self, test: &str) -> Result<String, Failure> {
        if let Err(error) = writeln!(self.to_guest, "run {test}") {
            return Err(Failure::Machine(self.lost(&format!("cannot reach the guest: {error}"))));
        }
        let mut output = String::new();
        loop {
            let line = match self.from_guest.recv_timeout(self.limit + SILENCE_LIMIT) {
                Ok(line) => line,
                Err(error) => {
                    let reason = format!("{output}the guest went away or silent ({error})");
                    return Err(Failure::Machine(self.lost(&reason)));
                }
            };
            match line.as_str() {
                "ok" => return Ok(output),
                "failed" => return Err(Failure::Test(output)),
                printed => {
                    let _ = writeln!(output, "{}", printed.strip_prefix("| ").unwrap_or(printed));
                }
            }
        }
    }

    /// The fault of this machine, with the end of its console, which has the
    /// kernel's last words.
    fn lost(&self, reason: &str) -> String {
        let complaints = tail(&self.complaints);
        let console = tail(&self.console);
        format!("{reason}\n{complaints}\nthe end of the guest's console:\n{console}")
    }
}

/// What runs in the guest, built for its machine.
struct Guest {
    /// The directory of the tools.
    tools: PathBuf,
    /// The tests.
    program: PathBuf,
    /// The example of the library.
    example: PathBuf,
}

impl Guest {
    fn of(kernel: &str) -> Result<Self, String> {
        let machine = script(Command::new("tests/vm/machine.sh").arg(kernel))?;
        if machine.trim() == env::consts::ARCH {
            let tools = if kernel.ends_with(TOOLS_32) {
                Self::built_for("i686")?.into()
            } else {
                env::var_os("MODUTILS_BIN").ok_or(
                    "MODUTILS_BIN does not say where the tools are; use `make check-kernel`",
                )?
            };
            let program = env::current_exe().map_err(|error| error.to_string())?;
            // `make guest-programs` builds the example beside this program.
            let deps = program.parent().unwrap_or(&program);
            let example = deps.with_file_name("examples").join("lifecycle");
            return Ok(Self { tools: tools.into(), program, example });
        }
        let tools = Self::built_for(machine.trim())?;
        Ok(Self { program: tools.join("kernel"), example: tools.join("lifecycle"), tools })
    }

    /// The directory of what was built for a machine.
    fn built_for(machine: &str) -> Result<PathBuf, String> {
        match env::var_os("MODUTILS_GUEST") {
            Some(built) => Ok(PathBuf::from(built).join(machine)),
            None => Ok(script(Command::new("tests/vm/guest.sh").arg(machine))?.trim().into()),
        }
    }
}

/// A module that was built for another kernel, if there are several for the same machine.
fn module_of_another_kernel(kernel: &str) -> Result<Option<PathBuf>, String> {
    let flavors = script(&mut Command::new("tests/vm/flavors.sh"))?;
    let Some(other) = flavors.lines().find(|flavor| *flavor != kernel) else { return Ok(None) };
    let modules = script(Command::new("tests/vm/modules.sh").arg(other))?;
    Ok(Some(Path::new(modules.trim()).join("t_plain.ko")))
}

/// The last lines of a file, if there is such a file.
fn tail(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Not SIGKILL: the process is timeout(1), which passes this on to QEMU.
        if let Ok(pid) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.process.wait();
    }
}

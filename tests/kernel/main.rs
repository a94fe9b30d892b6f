//! Tests of the three tools on booted kernels.
//!
//! This one program is both halves of the lane. Run by `cargo test` it is the host
//! half ([`host`]): it boots a virtual machine for each kernel and boot variant, and
//! puts itself into it. There it is the guest half ([`guest`]), which runs the tests
//! it is asked for one after another, each in a process of its own.
//!
//! A test is a function in `cases/`, listed in its file's `TESTS`. It fails by
//! panicking. `make check-kernel TESTS=6.12::default::insert` runs those whose name
//! contains the given text.
//!
//! # Between the halves
//!
//! They talk in lines over a serial port. The guest opens with `ready`. The host asks
//! with `run NAME`; the guest answers with any number of `| TEXT`, what the test
//! printed, and then `ok` or `failed`.
//!
//! # Long runs
//!
//! Some boots are for runs that take too long for every day. They are left out unless
//! `MODUTILS_RUN` names them, as `make faults` and `make stress` do. What a test prints although it
//! succeeds are figures, which the host shows.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports a fault by panicking; clippy.toml allows it only under #[test]"
)]

mod cases;
mod guest;
mod host;

use std::process::ExitCode;
use std::time::Duration;

/// The directory that the packages are in.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// One test: its name, and the function that panics if it fails.
struct Test {
    name: &'static str,
    run: fn(),
}

/// Tests that belong together, and the boots they are run on.
struct Area {
    name: &'static str,
    boots: &'static [Boot],
    tests: &'static [Test],
}

/// A way to boot a kernel.
struct Boot {
    name: &'static str,
    /// Words to add to the kernel's command line.
    parameters: &'static [&'static str],
    /// Whether the machine's clock is independent of the host's load, at the price
    /// of its speed.
    steady: bool,
    /// How long a test may take.
    limit: Duration,
    /// Whether it is left out unless it is asked for.
    on_request: bool,
    /// The end of the names of the only kernels that are booted so, and in no other way.
    only_on: Option<&'static str>,
}

const MINUTE: Duration = Duration::from_secs(60);

/// The kernel as its distribution configured it.
const DEFAULT: Boot = Boot {
    name: "default",
    parameters: &[],
    steady: false,
    limit: MINUTE,
    on_request: false,
    only_on: None,
};

/// The same, for tests that measure time.
const STEADY: Boot = Boot { name: "steady", steady: true, ..DEFAULT };

/// The same, for tests that load hundreds of modules and leave them.
const CROWDED: Boot = Boot { name: "crowded", limit: Duration::from_secs(180), ..DEFAULT };

/// The same, for tests after which a module cannot be removed.
const CRASHED: Boot = Boot { name: "crashed", ..DEFAULT };

/// The same, with every fault tried that is known.
const FAULTS: Boot = Boot {
    name: "faults",
    parameters: &["THOROUGH=1"],
    limit: Duration::from_secs(3600),
    on_request: true,
    ..DEFAULT
};

/// The same, for hundreds of processes, thousands of modules and tens of thousands of lists.
const STRESS: Boot = Boot { name: "stress", ..FAULTS };

/// The same, for a thousand modules with something changed in them.
const MUTATIONS: Boot = Boot { name: "mutations", ..FAULTS };

/// The same, for hundreds of waits.
const LATENCY: Boot = Boot { name: "latency", steady: true, ..FAULTS };

/// The same, with programs that use many kinds of modules.
const RICH: Boot = Boot {
    name: "rich",
    steady: true,
    limit: Duration::from_secs(180),
    on_request: true,
    ..DEFAULT
};

/// Kernels that do not take every module.
const ENFORCED: Boot = Boot { name: "enforced", parameters: &["module.sig_enforce=1"], ..DEFAULT };
const INTEGRITY: Boot = Boot { name: "integrity", parameters: &["lockdown=integrity"], ..DEFAULT };
const CONFIDENTIALITY: Boot =
    Boot { name: "confidentiality", parameters: &["lockdown=confidentiality"], ..DEFAULT };
const FORBIDDEN: Boot =
    Boot { name: "forbidden", parameters: &["module_blacklist=t_plain"], ..DEFAULT };
/// Kernels whose log programs may write to without limit; a full log of 16 MiB takes a minute.
const FLOODED: Boot = Boot {
    name: "flooded",
    parameters: &["printk.devkmsg=on"],
    limit: Duration::from_secs(300),
    on_request: true,
    ..DEFAULT
};
const LARGE_LOG: Boot =
    Boot { name: "large_log", parameters: &["printk.devkmsg=on", "log_buf_len=16M"], ..FLOODED };
const NOMODULE: Boot = Boot { name: "nomodule", parameters: &["nomodule"], ..DEFAULT };

/// Kernels that can do less than others, or lack our modules: they have tests of their own.
const NO_UNLOAD: Boot = Boot { name: "no-unload", only_on: Some("-no-unload"), ..DEFAULT };
const UML: Boot = Boot { name: "uml", only_on: Some("-uml"), ..DEFAULT };

/// Every test there is. The areas of a boot run in this order.
const AREAS: &[Area] = &[
    Area { name: "lane", boots: &[DEFAULT], tests: cases::lane::TESTS },
    Area { name: "list", boots: &[DEFAULT], tests: cases::list::TESTS },
    Area { name: "list_options", boots: &[DEFAULT], tests: cases::list_options::TESTS },
    Area { name: "list_text", boots: &[DEFAULT], tests: cases::list_text::TESTS },
    Area { name: "absent", boots: &[DEFAULT], tests: cases::absent::TESTS },
    Area { name: "overrides", boots: &[DEFAULT], tests: cases::overrides::TESTS },
    Area { name: "provenance", boots: &[DEFAULT], tests: cases::provenance::TESTS },
    Area { name: "insert", boots: &[DEFAULT], tests: cases::insert::TESTS },
    Area { name: "insert_options", boots: &[DEFAULT], tests: cases::insert_options::TESTS },
    Area { name: "refusals", boots: &[DEFAULT], tests: cases::refusals::TESTS },
    Area { name: "insert_lines", boots: &[DEFAULT], tests: cases::first_lines::insert::TESTS },
    Area { name: "remove_lines", boots: &[DEFAULT], tests: cases::first_lines::remove::TESTS },
    Area { name: "bad_files", boots: &[DEFAULT], tests: cases::bad_files::TESTS },
    Area { name: "diagnosis_file", boots: &[DEFAULT], tests: cases::diagnosis_file::TESTS },
    Area { name: "diagnosis_symbols", boots: &[DEFAULT], tests: cases::diagnosis_symbols::TESTS },
    Area { name: "diagnosis_system", boots: &[DEFAULT], tests: cases::diagnosis_system::TESTS },
    Area { name: "reports", boots: &[DEFAULT], tests: cases::reports::TESTS },
    Area { name: "enforced", boots: &[ENFORCED], tests: cases::trust::enforced::TESTS },
    Area {
        name: "lockdown",
        boots: &[INTEGRITY, CONFIDENTIALITY],
        tests: cases::trust::lockdown::TESTS,
    },
    Area { name: "forbidden", boots: &[FORBIDDEN], tests: cases::trust::forbidden::TESTS },
    Area { name: "nomodule", boots: &[NOMODULE], tests: cases::trust::nomodule::TESTS },
    Area { name: "flooded", boots: &[FLOODED, LARGE_LOG], tests: cases::flooded::TESTS },
    Area { name: "replace", boots: &[DEFAULT], tests: cases::replace::TESTS },
    #[cfg(target_arch = "x86_64")]
    Area { name: "interrupted", boots: &[DEFAULT, FAULTS], tests: cases::interrupted::TESTS },
    Area { name: "remove", boots: &[DEFAULT], tests: cases::remove::TESTS },
    Area { name: "remove_options", boots: &[DEFAULT], tests: cases::remove_options::TESTS },
    Area { name: "remove_text", boots: &[DEFAULT], tests: cases::remove_text::TESTS },
    Area { name: "remedies", boots: &[DEFAULT], tests: cases::remedies::TESTS },
    Area { name: "holders", boots: &[DEFAULT], tests: cases::holders::TESTS },
    Area { name: "ways_out", boots: &[RICH], tests: cases::ways_out::TESTS },
    Area { name: "races", boots: &[DEFAULT, STRESS], tests: cases::races::TESTS },
    #[cfg(target_arch = "x86_64")]
    Area { name: "faults", boots: &[DEFAULT, FAULTS], tests: cases::faults::TESTS },
    Area { name: "mutations", boots: &[MUTATIONS], tests: cases::mutations::TESTS },
    #[cfg(target_arch = "x86_64")]
    Area { name: "killed", boots: &[STRESS], tests: cases::killed::TESTS },
    Area { name: "stress", boots: &[STRESS], tests: cases::stress::TESTS },
    Area { name: "wait", boots: &[STEADY], tests: cases::wait::TESTS },
    Area { name: "wait_paths", boots: &[STEADY], tests: cases::wait_paths::TESTS },
    Area { name: "wait_ends", boots: &[STEADY], tests: cases::wait_ends::TESTS },
    Area { name: "wait_in_call", boots: &[STEADY], tests: cases::wait_in_call::TESTS },
    Area { name: "search_time", boots: &[STEADY], tests: cases::search_time::TESTS },
    Area { name: "lateness", boots: &[STEADY, LATENCY], tests: cases::lateness::TESTS },
    Area { name: "stuck", boots: &[STEADY], tests: cases::stuck::TESTS },
    Area { name: "crashes", boots: &[CRASHED], tests: cases::stuck::crashes::TESTS },
    Area { name: "bare_system", boots: &[DEFAULT], tests: cases::bare_system::TESTS },
    Area { name: "library", boots: &[DEFAULT], tests: cases::library::TESTS },
    Area { name: "crowd", boots: &[CROWDED, STRESS], tests: cases::crowd::TESTS },
    Area { name: "no_unload", boots: &[NO_UNLOAD], tests: cases::no_unload::TESTS },
    Area { name: "uml", boots: &[UML], tests: cases::uml::TESTS },
];

/// The end of the names of the kernels of this machine on which the tools of the 32-bit one run.
const TOOLS_32: &str = "-32bit";

/// The areas that kernels for other machines are tested with, which are emulated slowly, and those
/// for 32-bit tools. `MODUTILS_RUN=main` selects them on any kernel, `MODUTILS_RUN=machines` all
/// areas on these.
const MAIN: &[&str] =
    &["lane", "list", "insert", "refusals", "diagnosis_symbols", "remove", "wait"];

/// The list of a file's tests, named like their functions.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[
            $(crate::Test { name: stringify!($test), run: $test }),*
        ];
    };
}
use tests;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // As the guest's init calls its job.
        [_, "guest"] => guest::serve(),
        [_, "guest", name] => guest::run_here(name),
        #[cfg(target_arch = "x86_64")]
        [_, "traced", ref line @ ..] => guest::become_traced(line),
        _ => return host::main(),
    }
    ExitCode::SUCCESS
}

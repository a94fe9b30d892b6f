//! Each system call of each tool fails once, in each way that it plausibly can: the tool does not
//! crash, does not hang, claims no success that is none, and says what failed.
//!
//! The calls are taken from a run of the tool itself, so that new ones are covered by themselves.
//! `make check` tries each kind of call on each file with its most plausible error; `make faults`
//! tries it with every error that the table in `guest/calls.rs` has for it, on the first two such
//! calls and on the last.

mod judge;
mod plan;
mod scenario;

use scenario::{Effect, Scenario};

crate::tests![
    insmod_plain,
    insmod_by_the_kernels_decoder_or_ours,
    insmod_by_our_decoder,
    insmod_of_nothing,
    insmod_with_a_missing_symbol,
    insmod_of_a_loaded_module,
    insmod_of_a_damaged_file,
    insmod_as_json,
    insmod_with_dependencies,
    insmod_with_a_dependency_in_vain,
    insmod_look_before,
    insmod_parameters,
    rmmod_plain,
    rmmod_of_two,
    rmmod_of_users,
    rmmod_of_a_pattern,
    rmmod_of_a_used_module,
    rmmod_of_a_held_module,
    rmmod_in_vain,
    rmmod_wait,
    rmmod_who,
    lsmod_plain,
    lsmod_json,
    lsmod_all_columns,
    lsmod_tree,
    lsmod_of_nothing,
];

fn insmod_plain() {
    Scenario {
        line: &["insmod", "/modules/t_plain.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko"],
    }
    .try_all();
}

fn insmod_by_the_kernels_decoder_or_ours() {
    Scenario {
        line: &["insmod", "/modules/t_plain.ko.xz"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko.xz"],
    }
    .try_all();
}

fn insmod_by_our_decoder() {
    Scenario {
        line: &["insmod", "-f", "/modules/t_plain.ko.gz"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko.gz"],
    }
    .try_all();
}

fn insmod_of_nothing() {
    Scenario {
        line: &["insmod", "--explain=always", "/gone.ko"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/gone.ko"],
    }
    .try_all();
}

fn insmod_with_a_missing_symbol() {
    Scenario {
        line: &["insmod", "--explain=always", "/modules/t_user.ko"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/modules/t_user.ko"],
    }
    .try_all();
}

fn insmod_of_a_loaded_module() {
    Scenario {
        line: &["insmod", "--explain=always", "/modules/t_plain.ko"],
        loaded: &[("t_plain", "")],
        effect: Effect::None,
        subjects: &["/modules/t_plain.ko"],
    }
    .try_all();
}

fn insmod_of_a_damaged_file() {
    Scenario {
        line: &["insmod", "--explain=always", "/etc/passwd.ko.zst"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["/etc/passwd.ko.zst"],
    }
    .try_all();
}

fn insmod_as_json() {
    Scenario {
        line: &["insmod", "-J", "/modules/t_plain.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_plain"]),
        subjects: &["/modules/t_plain.ko", "could not write"],
    }
    .try_all();
}

fn insmod_with_dependencies() {
    Scenario {
        line: &["insmod", "--deps", "/modules/t_user.ko"],
        loaded: &[],
        effect: Effect::Loads(&["t_base", "t_user"]),
        subjects: &["t_user", "t_base"],
    }
    .try_all();
}

fn insmod_with_a_dependency_in_vain() {
    Scenario {
        line: &["insmod", "--deps", "--strict", "--explain=always", "/modules/t_user.ko", "none=1"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["t_user", "t_base"],
    }
    .try_all();
}

fn insmod_look_before() {
    Scenario {
        line: &["insmod", "--check", "/modules/t_plain.ko.xz"],
        loaded: &[],
        effect: Effect::Shows,
        subjects: &["t_plain"],
    }
    .try_all();
}

fn insmod_parameters() {
    Scenario {
        line: &["insmod", "--params", "/modules/t_params.ko.zst"],
        loaded: &[],
        effect: Effect::Shows,
        subjects: &["t_params", "could not write"],
    }
    .try_all();
}

fn rmmod_plain() {
    Scenario {
        line: &["rmmod", "t_plain"],
        loaded: &[("t_plain", "")],
        effect: Effect::Removes(&["t_plain"]),
        subjects: &["t_plain"],
    }
    .try_all();
}

fn rmmod_of_two() {
    Scenario {
        line: &["rmmod", "t_base", "t_user"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Removes(&["t_base", "t_user"]),
        subjects: &["t_base", "t_user"],
    }
    .try_all();
}

fn rmmod_of_users() {
    Scenario {
        line: &["rmmod", "-r", "--explain=always", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Removes(&["t_base", "t_user"]),
        subjects: &["t_base", "t_user", "/proc/modules"],
    }
    .try_all();
}

fn rmmod_of_a_pattern() {
    Scenario {
        line: &["rmmod", "t_pl*"],
        loaded: &[("t_plain", "")],
        effect: Effect::Removes(&["t_plain"]),
        subjects: &["t_plain", "t_pl*", "/proc/modules"],
    }
    .try_all();
}

fn rmmod_of_a_used_module() {
    Scenario {
        line: &["rmmod", "--explain=always", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::None,
        subjects: &["t_base"],
    }
    .try_all();
}

fn rmmod_of_a_held_module() {
    Scenario {
        line: &["rmmod", "--explain=always", "t_hold"],
        loaded: &[("t_hold", "hold_ms=500000")],
        effect: Effect::None,
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_in_vain() {
    Scenario {
        line: &["rmmod", "--wait=0.15", "t_hold"],
        loaded: &[("t_hold", "hold_ms=500000")],
        effect: Effect::None,
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_wait() {
    Scenario {
        line: &["rmmod", "--wait", "t_hold"],
        loaded: &[("t_hold", "hold_ms=250")],
        effect: Effect::Removes(&["t_hold"]),
        subjects: &["t_hold"],
    }
    .try_all();
}

fn rmmod_who() {
    Scenario {
        line: &["rmmod", "--who", "t_base"],
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Shows,
        subjects: &["t_base", "/proc/modules", "could not write"],
    }
    .try_all();
}

fn lsmod(line: &'static [&'static str]) {
    Scenario {
        line,
        loaded: &[("t_base", ""), ("t_user", "")],
        effect: Effect::Shows,
        subjects: &["/proc/modules", "/sys/module/", "could not write"],
    }
    .try_all();
}

fn lsmod_plain() {
    lsmod(&["lsmod"]);
}

fn lsmod_json() {
    lsmod(&["lsmod", "-J"]);
}

fn lsmod_all_columns() {
    lsmod(&["lsmod", "--output-all"]);
}

fn lsmod_tree() {
    lsmod(&["lsmod", "-T"]);
}

fn lsmod_of_nothing() {
    Scenario {
        line: &["lsmod", "--explain=always", "t_gone"],
        loaded: &[],
        effect: Effect::None,
        subjects: &["t_gone", "/proc/modules", "could not write"],
    }
    .try_all();
}

//! The library as other programs use it: `examples/lifecycle.rs`.

use crate::guest::{is_loaded, run};

crate::tests![a_life, a_failure_has_a_type];

fn a_life() {
    let done = run(["/lifecycle", "/modules/t_hold.ko", "hold_ms=1500"]);
    done.succeeds();
    let lines: Vec<_> = done.stdout.lines().collect();
    done.check(lines[0].starts_with("t_hold is live, and takes "), "says which module is loaded");
    let waits = &lines[1..lines.len() - 1];
    done.check(!waits.is_empty(), "waits");
    for line in waits {
        done.check(line.starts_with("waiting for t_hold: "), "reports while it waits");
    }
    done.check(lines.last() == Some(&"t_hold is gone"), "removes the module");
    assert!(!is_loaded("t_hold"));
}

fn a_failure_has_a_type() {
    let done = run(["/lifecycle", "/modules/t_user.ko"]);
    done.check(done.status == Some(1), "fails");
    done.check(done.stdout.contains("t_user needs t_base_add of t_base\n"), "names the symbol");
    done.check(done.stderr.starts_with("missing-symbol: "), "names the cause");
}

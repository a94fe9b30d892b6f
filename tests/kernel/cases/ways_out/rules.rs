//! More rules of nftables than there is time for.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::situation::{references, shell};
use crate::guest::{Run, run};

/// Whatever there is no time to read is counted, and said.
pub(super) fn many_rules() {
    const RULES: u64 = 100_000;
    let mut text = String::from("add table ip x\nadd chain ip x c\n");
    for _ in 0..RULES {
        text.push_str("add rule ip x c meta mark set numgen inc mod 2\n");
    }
    fs::write("/tmp/rules", text).unwrap();
    run(["/kmod/modprobe", "nft_numgen"]).succeeds();
    let made = Run::new("nft").args(["-f", "/tmp/rules"]).limit(Duration::from_secs(150)).done();
    made.succeeds();
    fs::remove_file("/tmp/rules").unwrap();
    assert_eq!(references("nft_numgen"), i64::try_from(RULES).unwrap());
    let done = run(["rmmod", "--who", "-J", "nft_numgen"]);
    println!("looked through {RULES} rules in {:?}", done.took);
    done.check(done.took < Duration::from_millis(2900), "takes two seconds");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let result = &document["results"][0];
    let held: u64 = result["holders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| holder["references"].as_u64().unwrap())
        .sum();
    let left = result["unexplained"].as_u64().unwrap();
    done.check(held + left == RULES, "accounts for each reference");
    let done = run(["rmmod", "--who", "nft_numgen"]);
    done.check(done.took < Duration::from_millis(2900), "takes two seconds");
    let is_said = done.stdout.contains("not inspected: nftables");
    done.check(is_said || !done.stdout.contains("unknown origin"), "says what it did not read");
    shell("nft flush ruleset");
}

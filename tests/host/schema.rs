//! What the commands print as JSON follows the schemas in `schema/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use modutils::holders::HolderKind;
use serde_json::Value;

use crate::command::run;
use modutils_schema::faults;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn follows(schema: &Value, tool: &str, arguments: &[&str]) {
    let outcome = run(tool, arguments);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let faults = faults(schema, &document);
    assert!(faults.is_empty(), "{tool} {arguments:?}: {faults:#?}");
}

#[test]
fn documents_of_all_three_commands() {
    let lsmod = schema("lsmod.json");
    for arguments in [
        &["-J"][..],
        &["-JO"],
        &["-J", "no_such_module", "zz_*"],
        &["-J", "--summary"],
        &["-J", "--summary", "no_such_module"],
        &["-J", "--bad"],
    ] {
        follows(&lsmod, "lsmod", arguments);
    }
    let results = schema("results.json");
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/hello.ko");
    follows(&results, "insmod", &["-J", "--check", hello.to_str().unwrap()]);
    follows(&results, "insmod", &["-J", "/nonexistent.ko"]);
    follows(&results, "insmod", &["-J", "--bad", "x.ko"]);
    follows(&results, "rmmod", &["-J", "no_such_module"]);
    follows(&results, "rmmod", &["-J", "-n", "no_such_module", "printk"]);
}

/// Each column is a field of a module.
#[test]
fn every_column_is_in_the_schema() {
    let lsmod = schema("lsmod.json");
    let fields = lsmod["$defs"]["module"]["properties"].as_object().unwrap();
    let listed = run("lsmod", &["--list-columns"]).stdout;
    let columns: Vec<String> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_ascii_lowercase)
        .collect();
    assert_eq!(columns.len(), fields.len());
    for column in columns {
        assert!(fields.contains_key(&column), "{column} is not in the schema");
    }
}

/// Each kind of holder has a description.
#[test]
fn every_kind_of_holder_is_in_the_schema() {
    let results = schema("results.json");
    let kinds = results["$defs"]["holder"]["oneOf"].as_array().unwrap().iter();
    let described: BTreeSet<_> =
        kinds.map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap()).collect();
    assert_eq!(described, HolderKind::KINDS.iter().copied().collect());
}

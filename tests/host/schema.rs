//! What the commands print as JSON follows the schemas in `schema/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use modutils::holders::HolderKind;
use serde_json::Value;

use crate::command::run;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks a value by the keywords that the schemas use.
fn check(schema: &Value, root: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return check(target, root, value, place);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|allowed| allowed == kind),
        Value::String(allowed) => allowed == kind,
        _ => true,
    };
    assert!(allowed, "{place}: {value} is not of type {}", schema["type"]);
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value} is none of {words:?}");
    }
    for item in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
        check(&schema["items"], root, item, place);
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(name.as_str().unwrap()), "{place}: {name} is missing");
    }
    for (name, field) in object {
        match schema["properties"].get(name) {
            Some(schema) => check(schema, root, field, &format!("{place}/{name}")),
            None => assert!(schema["additionalProperties"] != false, "{place}: {name}?"),
        }
    }
}

fn follows(schema: &Value, tool: &str, arguments: &[&str]) {
    let outcome = run(tool, arguments);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    check(schema, schema, &document, &format!("{tool} {arguments:?}"));
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
    ] {
        follows(&lsmod, "lsmod", arguments);
    }
    let results = schema("results.json");
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/hello.ko");
    follows(&results, "insmod", &["-J", "--check", hello.to_str().unwrap()]);
    follows(&results, "insmod", &["-J", "/nonexistent.ko"]);
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

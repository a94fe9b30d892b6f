//! Compares JSON with a schema, by the keywords that those in `schema/` use: for the tests with and
//! without kernels.

use serde_json::Value;

/// Says where a document does not follow its schema; nothing where it does.
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    compare(schema, schema, document, "", &mut faults);
    faults
}

fn compare(schema: &Value, root: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        match root.pointer(reference.trim_start_matches('#')) {
            Some(target) => compare(target, root, value, place, faults),
            None => faults.push(format!("{place}: the schema has no {reference}")),
        }
        return;
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
    if !allowed {
        faults.push(format!("{place}: {value} is not of type {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        faults.push(format!("{place}: {value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|word| word != value) {
        faults.push(format!("{place}: {value} is not {}", schema["const"]));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut faults = Vec::new();
            compare(choice, root, value, place, &mut faults);
            faults.is_empty()
        };
        let count = choices.iter().filter(fits).count();
        if count != 1 {
            faults.push(format!("{place}: {value} is {count} of the possible ones"));
        }
    }
    for item in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
        compare(&schema["items"], root, item, place, faults);
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            faults.push(format!("{place}: {name} is missing"));
        }
    }
    for (name, field) in object {
        match schema["properties"].get(name) {
            Some(schema) => compare(schema, root, field, &format!("{place}/{name}"), faults),
            None if schema["additionalProperties"] == false => {
                faults.push(format!("{place}: {name}?"));
            }
            None => {}
        }
    }
}

//! A cause as an exit status, and as JSON.

use modutils::{Cause, Signer};
use serde_json::{Map, Value, json};

use crate::common::status::Status;

/// `None` where the kernel's answer has to decide.
pub(crate) fn status(cause: &Cause) -> Option<Status> {
    Some(match cause.kind() {
        "already-loaded" => Status::Already,
        "being-unloaded" | "dependency-initialising" => Status::Busy,
        "unsigned" | "unknown-key" | "bad-signature" | "locked-down" | "blacklisted"
        | "modules-disabled" | "no-privilege" | "security-policy" => Status::NotPermitted,
        "not-a-file"
        | "empty-file"
        | "not-elf"
        | "truncated"
        | "wrong-architecture"
        | "not-a-module"
        | "corrupt-compression"
        | "compression-unsupported"
        | "vermagic-mismatch"
        | "symbol-version-mismatch"
        | "missing-symbol"
        | "gpl-only-symbol"
        | "missing-namespace"
        | "duplicate-symbol"
        | "bad-parameter"
        | "unknown-parameter"
        | "built-in"
        | "not-forceable" => Status::Misfit,
        "init-failed" => Status::InitFailed,
        "out-of-memory" | "no-module-support" | "file-not-readable" | "file-not-found" => {
            Status::Failed
        }
        _ => return None,
    })
}

pub(crate) fn to_json(cause: &Cause) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), cause.kind().into());
    object.insert("text".to_owned(), cause.to_string().into());
    for (name, value) in details(cause) {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// What belongs to the kind.
fn details(cause: &Cause) -> Vec<(&'static str, Value)> {
    match cause {
        Cause::WrongArchitecture { module, kernel, .. } => {
            vec![("module", json!(module)), ("kernel", json!(kernel))]
        }
        Cause::VermagicMismatch { module, kernel, .. } => {
            vec![("module", json!(module)), ("kernel", json!(kernel))]
        }
        Cause::SymbolVersionMismatch { symbols, .. } => {
            let crc = |crc: Option<u32>| crc.map(|crc| format!("{crc:#010x}"));
            let symbols: Vec<Value> = symbols
                .iter()
                .map(|symbol| {
                    let (module, kernel) = (crc(symbol.module), crc(symbol.kernel));
                    json!({"name": symbol.name, "module": module, "kernel": kernel})
                })
                .collect();
            vec![("symbols", symbols.into())]
        }
        Cause::MissingSymbol { symbols, .. } => {
            let symbols: Vec<Value> = symbols
                .iter()
                .map(|symbol| {
                    let provider = symbol.provider.as_ref().map(ToString::to_string);
                    let file = symbol.file.as_ref().map(|file| file.to_string_lossy());
                    json!({"name": symbol.name, "provider": provider, "file": file})
                })
                .collect();
            vec![("symbols", symbols.into())]
        }
        Cause::GplOnlySymbol { symbols, license, .. } => {
            let symbols: Vec<Value> = symbols.iter().map(|name| json!({"name": name})).collect();
            vec![("symbols", symbols.into()), ("license", json!(license))]
        }
        Cause::MissingNamespace { symbols, .. } => {
            let symbols: Vec<Value> = symbols
                .iter()
                .map(|(name, namespace)| json!({"name": name, "namespace": namespace}))
                .collect();
            vec![("symbols", symbols.into())]
        }
        Cause::DependencyInitialising { module, symbols, .. } => {
            let symbols: Vec<Value> = symbols.iter().map(|name| json!({"name": name})).collect();
            let module = module.as_ref().map(ToString::to_string);
            vec![("module", json!(module)), ("symbols", symbols.into())]
        }
        Cause::DuplicateSymbol { symbol, owner, .. } => {
            let owner = owner.as_ref().map(ToString::to_string);
            vec![("symbols", json!([{"name": symbol, "provider": owner}]))]
        }
        Cause::UnknownKey { signer, .. } => vec![("signer", signer_json(signer))],
        Cause::BadSignature { signer, .. } => {
            vec![("signer", signer.as_ref().map_or(Value::Null, signer_json))]
        }
        Cause::LockedDown { mode, secure_boot, .. } => {
            vec![("mode", json!(mode)), ("secure-boot", json!(secure_boot))]
        }
        Cause::BadParameter { name, value, kind, .. } => {
            vec![("parameter", json!(name)), ("value", json!(value)), ("type", json!(kind))]
        }
        Cause::Inexpressible { argument, .. } => {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            vec![("parameter", json!(name)), ("value", json!(value))]
        }
        Cause::UnknownParameter { name, nearest } => {
            vec![("parameter", json!(name)), ("nearest", json!(nearest))]
        }
        Cause::Unknown { unseen, .. } => vec![("unseen", json!(unseen))],
        _ => Vec::new(),
    }
}

fn signer_json(signer: &Signer) -> Value {
    json!({"name": signer.name, "key": signer.key})
}

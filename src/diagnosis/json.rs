//! Each cause as data: `kind`, `text`, and the names and values found.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::cause::Cause;
use super::symbol::{Builds, MissingSymbol, WrongVersion};
use crate::file::Signer;

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("text", &self.to_string())?;
        map.serialize_entry("certain", &self.is_certain())?;
        details(self, &mut map)?;
        map.end()
    }
}

/// Adds what belongs to the kind. A cause without an entry here has only its sentence.
fn details<M: SerializeMap>(cause: &Cause, map: &mut M) -> Result<(), M::Error> {
    match cause {
        Cause::WrongArchitecture { module, kernel } | Cause::NotRebooted { module, kernel, .. } => {
            map.serialize_entry("module", module)?;
            map.serialize_entry("kernel", kernel)
        }
        Cause::VermagicMismatch { module, kernel, .. } => {
            map.serialize_entry("module", module)?;
            map.serialize_entry("kernel", kernel)
        }
        Cause::SymbolVersionMismatch { symbols, .. } => map.serialize_entry("symbols", symbols),
        Cause::MissingSymbol { symbols, internal, absent, stale } => {
            map.serialize_entry("symbols", symbols)?;
            map.serialize_entry("not-exported", internal)?;
            let absent: Vec<String> = absent.iter().map(ToString::to_string).collect();
            map.serialize_entry("not-installed", &absent)?;
            let stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
            map.serialize_entry("other-build-loaded", &stale)
        }
        Cause::ProprietaryProvider { symbols, provider } => {
            map.serialize_entry("symbols", &named(symbols))?;
            map.serialize_entry("provider", &provider.to_string())
        }
        Cause::GplOnlySymbol { symbols, license } => {
            map.serialize_entry("symbols", &named(symbols))?;
            map.serialize_entry("license", license)
        }
        Cause::MissingNamespace { symbols } => {
            let symbols = symbols.iter().map(|(name, namespace)| InNamespace { name, namespace });
            map.serialize_entry("symbols", &symbols.collect::<Vec<_>>())
        }
        Cause::ReservedNamespace { namespace } => map.serialize_entry("namespace", namespace),
        Cause::DependencyInitializing { module, symbols, .. } => {
            map.serialize_entry("module", &module.as_ref().map(ToString::to_string))?;
            map.serialize_entry("symbols", &named(symbols))
        }
        Cause::DuplicateSymbol { symbol, owner } => {
            let provider = owner.as_ref().map(ToString::to_string);
            map.serialize_entry("symbols", &[Provided { name: symbol, provider }])
        }
        Cause::UnknownKey { signer, .. } => map.serialize_entry("signer", signer),
        Cause::ForeignSignature { id_type } => map.serialize_entry("signature-type", id_type),
        Cause::BadSignature { signer } => map.serialize_entry("signer", signer),
        Cause::LockedDown { mode, secure_boot, .. } => {
            map.serialize_entry("mode", mode)?;
            map.serialize_entry("secure-boot", secure_boot)
        }
        Cause::LockedParameter { name, .. } => map.serialize_entry("parameter", name),
        Cause::BadParameter { name, value, kind, .. } => {
            map.serialize_entry("parameter", name)?;
            map.serialize_entry("value", value)?;
            map.serialize_entry("type", kind)
        }
        Cause::Inexpressible { argument, .. } => {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            map.serialize_entry("parameter", name)?;
            map.serialize_entry("value", &value)
        }
        Cause::InitFailed { ignored, .. } => map.serialize_entry("ignored", ignored),
        Cause::UnknownParameter { name, nearest } => {
            map.serialize_entry("parameter", name)?;
            map.serialize_entry("nearest", nearest)
        }
        Cause::Unsigned { followed, signed, .. } => {
            map.serialize_entry("followed-by", followed)?;
            map.serialize_entry("signed", &signed.as_ref().map(|file| file.to_string_lossy()))
        }
        Cause::AlreadyLoaded { builds, .. } => map.serialize_entry("build-ids", builds),
        Cause::ProviderMismatch { symbols, provider, builds, file } => {
            map.serialize_entry("symbols", symbols)?;
            map.serialize_entry("provider", &provider.to_string())?;
            map.serialize_entry("build-ids", builds)?;
            map.serialize_entry("file", &file.as_ref().map(|file| file.to_string_lossy()))
        }
        Cause::Livepatch { patch } => map.serialize_entry("patch", patch),
        Cause::ProtectedSymbol { symbols } => map.serialize_entry("symbols", &named(symbols)),
        Cause::SecurityPolicy { modules, .. } => map.serialize_entry("modules", modules),
        Cause::Unknown { unseen, .. } => map.serialize_entry("unseen", unseen),
        _ => Ok(()),
    }
}

#[derive(serde::Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(serde::Serialize)]
struct InNamespace<'a> {
    name: &'a str,
    namespace: &'a str,
}

#[derive(serde::Serialize)]
struct Provided<'a> {
    name: &'a str,
    /// The module that exports it; `None` for the kernel itself.
    provider: Option<String>,
}

fn named(symbols: &[String]) -> Vec<Named<'_>> {
    symbols.iter().map(|name| Named { name }).collect()
}

impl Serialize for Builds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("loaded", &self.loaded)?;
        map.serialize_entry("file", &self.file)?;
        map.end()
    }
}

impl Serialize for MissingSymbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("provider", &self.provider.as_ref().map(ToString::to_string))?;
        // A path that is not UTF-8 must not fail here.
        map.serialize_entry("file", &self.file.as_ref().map(|file| file.to_string_lossy()))?;
        map.end()
    }
}

impl Serialize for WrongVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let crc = |crc: Option<u32>| crc.map(|crc| format!("{crc:#010x}"));
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("module", &crc(self.module))?;
        map.serialize_entry("kernel", &crc(self.kernel))?;
        map.end()
    }
}

impl Serialize for Signer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("key", &self.key)?;
        map.end()
    }
}

//! Symbols that a module cannot have.

use std::path::PathBuf;

use crate::name::ModuleName;

/// A missing symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingSymbol {
    /// The symbol.
    pub name: String,
    /// The module that exports it.
    pub provider: Option<ModuleName>,
    /// That module's file.
    pub file: Option<PathBuf>,
}

/// A symbol whose type is another one than the module was built with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongVersion {
    /// The symbol.
    pub name: String,
    /// The checksum in the module; `None` if it has none for this symbol.
    pub module: Option<u32>,
    /// The checksum in the kernel, where it could be found out.
    pub kernel: Option<u32>,
}

/// Two builds of one module: the identifiers that the linker gave them, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Builds {
    /// Of the loaded module.
    pub loaded: String,
    /// Of the file.
    pub file: String,
}

/// The names of the modules that a namespace `module:NAME,…` is for: `EXPORT_SYMBOL_FOR_MODULES`.
pub(super) fn reserved_for(namespace: &str) -> Option<&str> {
    namespace.strip_prefix("module:")
}

//! The symbols that a module needs and offers.

/// A symbol that another module or the kernel must export.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// The symbol.
    pub name: String,
    /// The module can do without it.
    pub weak: bool,
}

/// A symbol for other modules to use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Export {
    /// The symbol.
    pub name: String,
    /// Only modules under a license compatible with the GPL may use it.
    pub gpl_only: bool,
    /// The namespace that its users must import (`MODULE_IMPORT_NS`).
    pub namespace: Option<String>,
    /// The checksum of its type; none without `CONFIG_MODVERSIONS`.
    pub crc: Option<u32>,
}

/// The checksum of a symbol's type that a module was built with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymbolVersion {
    /// The symbol; `module_layout` stands for `struct module` and its like.
    pub name: String,
    /// The checksum.
    pub crc: u32,
}

/// Whether the kernel considers a license compatible with the GPL: `license_is_gpl_compatible` of
/// `include/linux/license.h`. A module without a license is proprietary.
pub(crate) fn is_gpl_compatible(license: Option<&[u8]>) -> bool {
    const COMPATIBLE: &[&str] = &[
        "GPL",
        "GPL v2",
        "GPL and additional rights",
        "Dual BSD/GPL",
        "Dual MIT/GPL",
        "Dual MPL/GPL",
    ];
    license.is_some_and(|license| COMPATIBLE.iter().any(|known| known.as_bytes() == license))
}

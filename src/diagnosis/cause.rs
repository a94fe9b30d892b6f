//! The reasons why a module is not loaded.

use std::path::PathBuf;

use super::symbol::{Builds, MissingSymbol, WrongVersion};
use super::untrusted::KeyOrigin;
use crate::caller::Privilege;
use crate::errno::Errno;
use crate::file::{Compression, Signer, VermagicDifference};
use crate::name::ModuleName;

/// Why a module was not, or would not be, loaded.
///
/// `Display` gives one sentence with names and values. Causes may gain fields: match with `..`.
/// To add one: `answer.rs` needs its row, `text.rs` a sentence, `fix.rs` remedies or none, `decide/`
/// recognizes it, with a test, and `json.rs` has its names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The file does not exist.
    #[non_exhaustive]
    FileNotFound {
        /// That file.
        path: PathBuf,
        /// The mistake in the name, if it can be recognized.
        note: Option<String>,
    },
    /// The file is there and cannot be read.
    FileNotReadable {
        /// The file.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// A directory, a device, a FIFO.
    #[non_exhaustive]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// A file without a byte.
    EmptyFile,
    /// Not an ELF object, and nothing that could hold one.
    #[non_exhaustive]
    NotElf {
        /// What it starts with.
        what: String,
    },
    /// An ELF object that ends too early, or whose headers point nowhere.
    #[non_exhaustive]
    Truncated {
        /// The missing part.
        detail: String,
    },
    /// Parts of the file are zeros, so that its symbols have no names: it was not written whole.
    Hollow,
    /// For another processor.
    #[non_exhaustive]
    WrongArchitecture {
        /// For which one, as `uname -m` calls it; else the number of the ELF machine.
        module: String,
        /// That of the kernel.
        kernel: String,
    },
    /// A relocation that the kernel cannot apply.
    #[non_exhaustive]
    Relocation {
        /// The fault of the relocation.
        detail: String,
    },
    /// Type information (BTF) that does not fit that of the kernel.
    Btf,
    /// A live patch of the kernel could not be applied to the module.
    #[non_exhaustive]
    Livepatch {
        /// The patch, where the kernel named it.
        patch: Option<String>,
    },
    /// Symbols for modules with a signature of this kernel's key only, as on Android.
    #[non_exhaustive]
    ProtectedSymbol {
        /// The symbols.
        symbols: Vec<String>,
    },
    /// An ELF object, but not a module, or not one of a kernel built like this.
    #[non_exhaustive]
    NotAModule {
        /// The missing or different part.
        detail: String,
    },
    /// The compressed stream is damaged.
    #[non_exhaustive]
    CorruptCompression {
        /// Its format.
        compression: Option<Compression>,
        /// The fault of the stream.
        detail: String,
    },
    /// A compression that modules do not come in.
    #[non_exhaustive]
    CompressionUnsupported {
        /// Which one.
        format: String,
    },
    /// It exceeds the limit; see [`crate::ModuleFile::with_decompressed_max`].
    TooLarge {
        /// More than what.
        detail: String,
    },
    /// Built for another kernel, by the version magic.
    #[non_exhaustive]
    VermagicMismatch {
        /// The magic of the module.
        module: String,
        /// The magic of the kernel, where it is known.
        kernel: Option<String>,
        /// Where they differ.
        differences: Vec<VermagicDifference>,
        /// Whether the kernel compares these; of releases, only where there are no symbol versions.
        certain: bool,
    },
    /// Built for the kernel that is installed, while an older one is running.
    #[non_exhaustive]
    NotRebooted {
        /// The release that the module was built for.
        module: String,
        /// The release that is running.
        kernel: String,
        /// Whether the older one was booted all the same, since the other was installed.
        booted_since: bool,
        /// Whether the kernel compares these.
        certain: bool,
    },
    /// Built against another build of a module than the one that is loaded.
    #[non_exhaustive]
    ProviderMismatch {
        /// The symbols whose types differ.
        symbols: Vec<WrongVersion>,
        /// The loaded module that exports them.
        provider: ModuleName,
        /// The build IDs, if the installed file of that module is another build, too.
        builds: Option<Builds>,
        /// A file of that module that has the versions which this one wants.
        file: Option<PathBuf>,
    },
    /// Built against other types than the kernel has.
    #[non_exhaustive]
    SymbolVersionMismatch {
        /// The symbols whose types differ. `module_layout` stands for `struct module`.
        symbols: Vec<WrongVersion>,
        /// Where the version magics differ, too: they show what the module was built for.
        differences: Vec<VermagicDifference>,
    },
    /// It has no versions of symbols, or no version magic, which this kernel does not overlook.
    #[non_exhaustive]
    Unversioned {
        /// What it lacks.
        what: &'static str,
    },
    /// No loaded module and no part of the kernel exports these symbols.
    #[non_exhaustive]
    MissingSymbol {
        /// The symbols, and who would export them.
        symbols: Vec<MissingSymbol>,
        /// Those of the symbols that the kernel has, but does not export to modules.
        internal: Vec<String>,
        /// Modules that it depends on and that are neither loaded nor installed.
        absent: Vec<ModuleName>,
        /// Providers that are loaded from another build, which lacks the symbol.
        stale: Vec<ModuleName>,
    },
    /// The symbols are reserved for modules under a license compatible with the GPL.
    #[non_exhaustive]
    GplOnlySymbol {
        /// The symbols.
        symbols: Vec<String>,
        /// The module's license.
        license: Option<String>,
    },
    /// It uses symbols for the GPL only, and so may not use those of a proprietary module.
    #[non_exhaustive]
    ProprietaryProvider {
        /// The symbols that it does not get for that.
        symbols: Vec<String>,
        /// The proprietary module.
        provider: ModuleName,
    },
    /// Symbols of a namespace that the module does not import.
    #[non_exhaustive]
    MissingNamespace {
        /// The symbols, each with its namespace.
        symbols: Vec<(String, String)>,
    },
    /// It imports a namespace that cannot be imported: `module:NAME,…`, Linux 6.16.
    #[non_exhaustive]
    ReservedNamespace {
        /// The namespace.
        namespace: String,
    },
    /// A module that it uses has not finished its own init function.
    #[non_exhaustive]
    DependencyInitializing {
        /// That module, where it is known.
        module: Option<ModuleName>,
        /// The symbols that were waited for.
        symbols: Vec<String>,
        /// Whether that init function crashed, so that it never returns.
        crashed: bool,
    },
    /// It exports a symbol that is exported already.
    #[non_exhaustive]
    DuplicateSymbol {
        /// The symbol.
        symbol: String,
        /// The module that has it; `None` for the kernel itself.
        owner: Option<ModuleName>,
    },
    /// No signature, and the kernel wants one.
    #[non_exhaustive]
    Unsigned {
        /// A flag of a forced load voids the signature that there is.
        voided: bool,
        /// There is a signature, with so many bytes behind it, and the kernel looks at the end.
        followed: Option<usize>,
        /// The installed file of this module, if that is signed.
        signed: Option<PathBuf>,
    },
    /// Signed with a key that the kernel does not have.
    #[non_exhaustive]
    UnknownKey {
        /// Who signed it.
        signer: Signer,
        /// Where the key may be from.
        origin: KeyOrigin,
    },
    /// Signed in a form that the kernel does not take; see [`crate::file::Signature::Other`].
    #[non_exhaustive]
    ForeignSignature {
        /// The type in the signature's trailer.
        id_type: u8,
    },
    /// The signature is not of these contents.
    #[non_exhaustive]
    BadSignature {
        /// Who signed it, where that can be read.
        signer: Option<Signer>,
    },
    /// The kernel has a list of hashes that it takes no more, and this module's is there.
    Revoked,
    /// The kernel is locked down, and the module not validly signed.
    #[non_exhaustive]
    LockedDown {
        /// `integrity` or `confidentiality`.
        mode: Option<String>,
        /// The fault of the signature.
        signature: &'static str,
        /// Secure Boot is on.
        secure_boot: bool,
    },
    /// The kernel is locked down, and the parameter is for hardware.
    #[non_exhaustive]
    LockedParameter {
        /// The parameter.
        name: String,
        /// The kernel says so, rather than only that the value is invalid.
        certain: bool,
    },
    /// Named in `module_blacklist=`.
    #[non_exhaustive]
    Blacklisted {
        /// The name there.
        name: String,
    },
    /// Module loading is disabled until the next boot.
    #[non_exhaustive]
    ModulesDisabled {
        /// From the start on: `nomodule`.
        at_boot: bool,
    },
    /// The caller may not load modules.
    #[non_exhaustive]
    NoPrivilege {
        /// What it lacks.
        lacks: Privilege,
        /// The container that it runs in, if it does.
        container: Option<String>,
    },
    /// A module of this name is loaded.
    #[non_exhaustive]
    AlreadyLoaded {
        /// The name.
        name: ModuleName,
        /// The build IDs, if the loaded module and the file are different builds.
        builds: Option<Builds>,
    },
    /// A module of this name has not left its init function.
    #[non_exhaustive]
    Initializing {
        /// The name.
        name: ModuleName,
        /// Something in this kernel has crashed; if it was that function, it never returns.
        crashed: bool,
    },
    /// The init function of a module of this name crashed: it stays half loaded until reboot.
    #[non_exhaustive]
    InitCrashed {
        /// The name.
        name: ModuleName,
    },
    /// The exit function of a module of this name crashed: it stays half removed until reboot.
    #[non_exhaustive]
    ExitCrashed {
        /// The name.
        name: ModuleName,
    },
    /// The kernel has a module of this name built in.
    #[non_exhaustive]
    BuiltIn {
        /// The name.
        name: ModuleName,
    },
    /// A module of this name is being unloaded.
    #[non_exhaustive]
    BeingUnloaded {
        /// The name.
        name: ModuleName,
    },
    /// A parameter does not take the value.
    #[non_exhaustive]
    BadParameter {
        /// The parameter.
        name: String,
        /// What was given; `None` for a bare name.
        value: Option<String>,
        /// The type that the module declares.
        kind: Option<String>,
        /// What such a parameter takes.
        takes: Option<String>,
        /// The module knows no parameter of this name; kernels up to 3.10 refuse that.
        unknown: bool,
        /// The kernel's answer to it.
        errno: Errno,
    },
    /// The kernel has no notation for the parameter; it was not asked.
    Inexpressible {
        /// What was given.
        argument: String,
        /// Why it cannot be written.
        reason: &'static str,
    },
    /// The module has no parameter of this name.
    UnknownParameter {
        /// What was given.
        name: String,
        /// The most similar name that it has.
        nearest: Option<String>,
    },
    /// The module's init function returned an error.
    #[non_exhaustive]
    InitFailed {
        /// What it returned.
        errno: Errno,
        /// Whether that is beyond doubt.
        certain: bool,
        /// Parameters that were given, that it does not have, and that the kernel ignored.
        ignored: Vec<String>,
        /// Whether the kernel has a module of this name built in.
        built_in: bool,
    },
    /// The kernel ran out of memory.
    #[non_exhaustive]
    OutOfMemory {
        /// The bytes that did not fit into the address space for modules, if that was short.
        room: Option<u64>,
    },
    /// The kernel was built without loadable modules.
    #[non_exhaustive]
    NoModuleSupport {
        /// It is not Linux: WSL 1 translates system calls.
        wsl: bool,
    },
    /// The kernel was built without forced loading.
    NotForceable,
    /// A security module of the kernel denied it.
    #[non_exhaustive]
    SecurityPolicy {
        /// The security modules that inspect modules, if known; `seccomp` is the caller's filter.
        modules: Vec<String>,
        /// Whether one of them said so.
        certain: bool,
    },
    /// Nothing of the above could be found.
    #[non_exhaustive]
    Unknown {
        /// The kernel's answer.
        errno: Option<Errno>,
        /// What could not be looked at.
        unseen: Vec<String>,
    },
}

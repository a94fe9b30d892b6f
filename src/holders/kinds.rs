//! The stable words for the kinds of holders.

use super::HolderKind;

/// Gives each variant its word. A variant without a row does not compile.
macro_rules! words {
    ($($variant:ident => $word:literal,)+) => {
        impl HolderKind {
            /// All words that [`kind`](Self::kind) returns.
            pub const KINDS: &[&str] = &[$($word),+];

            /// Returns the stable word for this kind, as in JSON.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $word,)+
                }
            }
        }
    };
}

words! {
    Module => "module",
    Itself => "module",
    Unlisted => "module",
    Loader => "loader",
    Thread => "thread",
    ConfigObject => "config-object",
    SysfsObject => "sysfs-object",
    Process => "process",
    Socket => "socket",
    Mount => "mount",
    Export => "export",
    Loop => "loop",
    Swap => "swap",
    BlockDevice => "block-device",
    Scheduler => "scheduler",
    Crypto => "crypto",
    Device => "device",
    Interface => "interface",
    Network => "network",
    Netfilter => "netfilter",
    Tracing => "tracing",
}

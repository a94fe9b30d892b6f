//! The names by which the kernel asks for modules, and so tells what they are for.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::name::ModuleName;
use crate::order;
use crate::system::{self, System};

/// The aliases of the running release that are about something that holds a module.
pub(super) struct Aliases(HashMap<Vec<u8>, ModuleName>);

const KINDS: &[&[u8]] = &[
    b"char-major-",
    b"block-major-",
    b"fs-",
    b"rtnl-link-",
    b"md-",
    b"dsa_tag:",
    b"arpt_",
    b"ebt_",
    b"ematch-kind-",
    b"ip6t_",
    b"ip_set_",
    b"ipt_",
    b"net-act-",
    b"net-cls-",
    b"net-pf-",
    b"net-sch-",
    b"nf-flowtable-",
    b"nf-logger-",
    b"nfct-helper-",
    b"nfnetlink-subsys-",
    b"nft-",
    b"rtnl-lwt-",
    b"tcp-ulp-",
    b"team-mode-",
    b"tty-ldisc-",
    b"usbfunc:",
    b"vport-type-",
    b"xfrm-",
    b"xt_",
];

impl Aliases {
    /// Empty if the list of aliases cannot be read.
    pub(super) fn read(system: &System) -> Self {
        let release = system.release();
        let builtin = system::read(&system.modules_builtin_modinfo(&release)).unwrap_or_default();
        let list = system::read(&system.modules_alias(&release)).unwrap_or_default();
        let mut aliases = Self::parse(&list);
        // Parts of the kernel itself do not belong to a module.
        aliases.0.extend(parse_builtin(&builtin));
        aliases
    }

    /// Lines of the form `alias NAME MODULE`, see depmod(8).
    fn parse(list: &[u8]) -> Self {
        const START: &[u8] = b"alias ";
        // Most of the list is about buses, and is skipped at the first letter.
        let is_first = |byte: u8| KINDS.iter().any(|kind| kind.first() == Some(&byte));
        let first: Vec<bool> = (0..=u8::MAX).map(is_first).collect();
        // Lines are found faster in text, and text is checked faster than mended.
        let list = match std::str::from_utf8(list) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(list),
        };
        let aliases = list.split('\n').filter_map(|line| {
            let line = line.as_bytes();
            let letter = usize::from(*line.get(START.len())?);
            first.get(letter).filter(|is_first| **is_first)?;
            let line = line.strip_prefix(START)?;
            let mut words = line.split(|&byte| byte == b' ');
            let alias =
                words.next().filter(|name| KINDS.iter().any(|kind| name.starts_with(kind)))?;
            Some((alias.to_vec(), ModuleName::new(words.next()?).ok()?))
        });
        Self(aliases.collect())
    }

    pub(super) fn get(&self, alias: &str) -> Option<&ModuleName> {
        self.0.get(alias.as_bytes())
    }

    /// Whether a module has a type of file systems.
    pub(super) fn is_filesystem(&self, module: &[u8]) -> bool {
        let mut types = self.0.iter().filter(|(alias, _)| alias.starts_with(b"fs-"));
        types.any(|(_, owner)| owner.as_bytes() == module)
    }

    /// Whether the module has an alias with this prefix.
    pub(super) fn any(&self, prefix: &str, module: &ModuleName) -> bool {
        self.0.iter().any(|(alias, name)| alias.starts_with(prefix.as_bytes()) && name == module)
    }

    /// The ends of the module's aliases with a prefix.
    pub(super) fn suffixes(&self, prefix: &str, module: &ModuleName) -> Vec<Vec<u8>> {
        let own = self.0.iter().filter(|(_, name)| *name == module);
        let mut list: Vec<_> = own
            .filter_map(|(alias, _)| alias.strip_prefix(prefix.as_bytes()).map(<[u8]>::to_vec))
            .collect();
        order::sort(&mut list);
        list
    }

    /// The module of a device number, `kind` being `char` or `block`.
    pub(super) fn of_device(&self, kind: &str, major: u32, minor: u32) -> Option<&ModuleName> {
        self.get(&format!("{kind}-major-{major}-{minor}"))
            .or_else(|| self.get(&format!("{kind}-major-{major}-*")))
    }
}

/// Texts of the form `MODULE.alias=NAME`, each ended by a NUL, of modules that are part of the
/// kernel (Linux 5.2, `scripts/link-vmlinux.sh`).
fn parse_builtin(texts: &[u8]) -> impl Iterator<Item = (Vec<u8>, ModuleName)> {
    const TAG: &[u8] = b".alias=";
    texts.split(|&byte| byte == 0).filter_map(|text| {
        let tag = text.windows(TAG.len()).position(|part| part == TAG)?;
        let (module, alias) = (text.get(..tag)?, text.get(tag + TAG.len()..)?);
        let wanted = KINDS.iter().any(|kind| alias.starts_with(kind));
        Some((alias.to_vec(), ModuleName::new(module).ok()?)).filter(|_| wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_built_in_modules() {
        let texts = b"fuse.alias=char-major-10-229\0fuse.license=GPL\0pci.alias=pci:v*\0x.alias=\0";
        let found: Vec<_> = parse_builtin(texts).collect();
        assert_eq!(found, [(b"char-major-10-229".to_vec(), ModuleName::new("fuse").unwrap())]);
    }

    #[test]
    fn only_requested_aliases() {
        let aliases = Aliases::parse(
            b"# Aliases\nalias fs-nfs4 nfs\nalias pci:v* e1000\nalias block-major-7-* loop\n\
              alias char-major-10-237 loop\nalias fs-\nalias",
        );
        let name = |alias: Option<&ModuleName>| alias.map(ToString::to_string);
        assert_eq!(name(aliases.get("fs-nfs4")).as_deref(), Some("nfs"));
        assert_eq!(name(aliases.get("pci:v*")), None);
        assert_eq!(name(aliases.of_device("block", 7, 3)).as_deref(), Some("loop"));
        assert_eq!(name(aliases.of_device("char", 10, 237)).as_deref(), Some("loop"));
        assert_eq!(name(aliases.of_device("char", 10, 238)), None);
    }
}

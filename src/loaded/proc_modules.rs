//! The text of `/proc/modules`.
//!
//! A row is `name size refcnt users state address[ taints]` with single spaces, from `m_show` in
//! the kernel's `kernel/module/procfs.c`, alike since 2.6: `users` is `-`, or names and bracketed
//! marks that each end with a comma; `refcnt` and `users` are `-` without
//! `CONFIG_MODULE_UNLOAD`; `taints` is absent for an untainted module.

use super::{LoadedModule, State};
use crate::error::{Error, ErrorKind};
use crate::name::ModuleName;
use crate::taint::Taints;

pub(super) fn parse(text: &[u8]) -> Result<Vec<LoadedModule>, Error> {
    rows(text)
        .enumerate()
        .map(|(index, row)| {
            parse_row(row).ok_or_else(|| {
                let detail = format!("line {}: '{}'", index + 1, row.escape_ascii());
                Error::new(ErrorKind::Malformed, detail)
            })
        })
        .collect()
}

/// The rows, without their newline.
pub(super) fn rows(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').filter(|row| !row.is_empty())
}

/// The first field of a row.
pub(super) fn row_name(row: &[u8]) -> &[u8] {
    row.split(|&byte| byte == b' ').next().unwrap_or(row)
}

fn parse_row(row: &[u8]) -> Option<LoadedModule> {
    let mut fields = row.split(|&byte| byte == b' ');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let size = number(fields.next()?)?;
    let refcnt = match fields.next()? {
        b"-" => None,
        count => Some(number(count)?),
    };
    let users = fields.next().unwrap_or(b"-");
    // Linux 2.6.0 ended here; later kernels add columns at the end.
    let state = fields.next().map_or(State::Live, state);
    let address = fields.next().and_then(address);
    let taints = fields.next().map(String::from_utf8_lossy).unwrap_or_default();

    let mut used_by = Vec::new();
    let mut permanent = false;
    for user in users.split(|&byte| byte == b',') {
        match user {
            b"" | b"-" | b"[unsafe]" => {}
            b"[permanent]" => permanent = true,
            user => used_by.push(ModuleName::from_kernel(user)),
        }
    }
    Some(LoadedModule {
        name: ModuleName::from_kernel(name),
        size,
        refcnt,
        used_by,
        permanent,
        state,
        address,
        taints: Taints::from_field(&taints),
    })
}

fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn state(field: &[u8]) -> State {
    match field {
        b"Live" => State::Live,
        b"Loading" => State::Loading,
        b"Unloading" => State::Unloading,
        other => State::Other(String::from_utf8_lossy(other).to_lowercase().into()),
    }
}

/// The kernel prints zeros to readers who may not see addresses.
fn address(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.strip_prefix("0x")?;
    u64::from_str_radix(digits, 16).ok().filter(|&address| address != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> LoadedModule {
        let mut rows = parse(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    fn names(module: &LoadedModule) -> Vec<String> {
        module.used_by.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_row() {
        let module = row("t_base 16384 2 t_user,t_user2, Live 0xffffffffc0a53000 (OE)\n");
        assert_eq!(module.name.to_string(), "t_base");
        assert_eq!(module.size, 16384);
        assert_eq!(module.refcnt, Some(2));
        assert_eq!(names(&module), ["t_user", "t_user2"]);
        assert_eq!(module.state, State::Live);
        assert_eq!(module.address, Some(0xffff_ffff_c0a5_3000));
        assert_eq!(module.taints.letters(), "OE");
        assert_eq!(module.anonymous_references(), Some(0));
    }

    #[test]
    fn permanent_is_a_mark_and_no_user() {
        let module = row("t_noexit 16384 0 [permanent], Live 0x0000000000000000 (OE)");
        assert!(module.permanent);
        assert!(module.used_by.is_empty());
        assert_eq!(module.address, None);
        let module = row("old 1 1 a,[unsafe],[permanent], Live 0x0");
        assert!(module.permanent);
        assert_eq!(names(&module), ["a"]);
    }

    #[test]
    fn a_kernel_that_cannot_unload_keeps_no_count() {
        let module = row("ext4 700000 - - Live 0x0");
        assert_eq!(module.refcnt, None);
        assert_eq!(module.anonymous_references(), None);
        assert!(module.used_by.is_empty());
    }

    #[test]
    fn loading_and_unloading() {
        let module = row("t_slow 28672 1 - Loading 0xffffffffc0a53000 (OE+)");
        assert_eq!(module.state, State::Loading);
        assert_eq!(module.taints.letters(), "OE");
        assert_eq!(module.anonymous_references(), Some(0));
        let module = row("t_slow 16384 -1 - Unloading 0xffffffffc0a53000 (OE-)");
        assert_eq!(module.refcnt, Some(-1));
        assert_eq!(module.state, State::Unloading);
        // Linux 6.x writes no last field for an untainted module, even while it loads.
        assert_eq!(row("loop 28672 1 - Loading 0x0").state, State::Loading);
        assert_eq!(row("x 1 1 - Frozen 0x0").state, State::Other("frozen".into()));
    }

    #[test]
    fn rows_of_the_first_2_6_kernels() {
        let module = row("e100 26532 0 -");
        assert_eq!(module.state, State::Live);
        assert_eq!(module.address, None);
    }

    #[test]
    fn damage_is_an_error_with_its_line() {
        let error = parse(b"a 1 0 - Live 0x0\nb\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.detail(), "line 2: 'b'");
        assert!(parse(b"a x 0 -").is_err());
        assert!(parse(b" 1 0 -").is_err());
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn very_long_lines() {
        let users = "user,".repeat(2000);
        let module = row(&format!("base 1 2000 {users} Live 0x0"));
        assert_eq!(module.used_by.len(), 2000);
    }
}

//! Symbols that the kernel shows in part, or not at all.

use super::*;
use crate::diagnosis::doubts::{Doubt, doubts};

#[test]
fn of_symbols() {
    let with = |gpl_only| {
        let found = [("f".to_owned(), Exported { owner: None, gpl_only })];
        Some(Exports { found: found.into(), ..Exports::default() })
    };
    for (exports, license, weak, expected) in [
        (None, "GPL", false, Some(Doubt::Symbols)),
        (None, "GPL", true, None),
        (with(None), "GPL", false, None),
        (with(None), "Proprietary", false, Some(Doubt::License)),
        (with(Some(false)), "Proprietary", false, None),
    ] {
        let imports = vec![Import { name: "f".into(), weak }];
        let module =
            Module { license: Some(license.into()), imports, exports: Vec::new(), ..module() };
        let found = doubts(&Facts { exports, module: Some(module), ..facts() });
        let all: Vec<_> = expected.into_iter().chain([Doubt::Versions]).collect();
        assert_eq!(found, all, "{license}, {weak}");
    }
}

#[test]
fn of_exports() {
    let export = Export { name: "f".into(), gpl_only: false, namespace: None, crc: None };
    let exporting = Module { exports: vec![export], imports: Vec::new(), ..module() };
    let found = doubts(&Facts { exports: None, module: Some(exporting), ..facts() });
    assert_eq!(found, [Doubt::Symbols, Doubt::Versions], "another module may export it, too");
}

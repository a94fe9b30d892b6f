//! What the texts say.

use super::*;

const ABOUT: About<'_> = About { names: &["t_x"], parameters: &["p"], command: "insmod" };

#[test]
fn what_texts_say() {
    let s = str::to_owned;
    for (text, expected) in [
        ("t_x: Unknown symbol f (err -2)", Finding::UnknownSymbol(s("f"), 2)),
        ("t_x: Unknown symbol f (err 0)", Finding::UnknownSymbol(s("f"), 2)),
        ("t_x: Unknown symbol f (err -16)", Finding::UnknownSymbol(s("f"), 16)),
        ("t_x: Unknown symbol  (err -2)", Finding::UnknownSymbol(s(""), 2)),
        ("t_x: Unknown symbol f", Finding::UnknownSymbol(s("f"), 2)),
        (
            "t_x: version magic '1 SMP ' should be '2 SMP '",
            Finding::Vermagic(s("1 SMP "), s("2 SMP ")),
        ),
        ("t_x: `a `b' invalid for parameter `n'", Finding::BadParameter(s("n"), s("a `b"))),
        (
            "module: t_x: Unknown rela relocation: 41",
            Finding::Relocation(s("Unknown rela relocation: 41")),
        ),
        (
            "module t_x: unsupported RELA relocation: 275",
            Finding::Relocation(s("unsupported RELA relocation: 275")),
        ),
        ("initcall t_init+0x0/0x20 [t_x] returned -19 after 3 usecs", Finding::InitReturned(19)),
        (
            "livepatch: patch 'lp' failed for module 't_x', refusing to load module 't_x'",
            Finding::Livepatch(s("lp")),
        ),
        ("p: can only take 4 arguments", Finding::Limit(s("p"), s("at most 4 of them"))),
        ("p: string doesn't fit in 15 chars.", Finding::Limit(s("p"), s("at most 15 bytes"))),
    ] {
        assert_eq!(find(text, ABOUT), Some(expected), "{text}");
    }
}

#[test]
fn holes() {
    assert_eq!(matched("a{}b{}", "a1b2b"), Some(vec!["1", "2b"]));
    assert_eq!(matched("a{}", "a"), Some(vec![""]));
    assert_eq!(matched("{}a", "ba"), Some(vec!["b"]));
    assert_eq!(matched("a", "a"), Some(vec![]));
    for (template, text) in [("a", "ab"), ("a{}b", "ac"), ("a{}b", "b")] {
        assert_eq!(matched(template, text), None, "{template} {text}");
    }
}

/// Drivers use such words, too, about their own things.
#[test]
fn the_modules_own_words() {
    for text in [
        "t_x: buffer size out of range",
        "t_x: parameter p=70000 out of range (1..65535)",
        "t_x: PLT record is missing",
        "t_x: no GOT entry in the firmware",
        "t_x: relocation of the frame buffer failed",
        "t_x: DMA RELOCATION table is full",
    ] {
        assert_eq!(find(text, ABOUT), None, "{text}");
    }
}

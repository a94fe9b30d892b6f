use super::*;

/// A captured system without a release is not the running one.
#[test]
fn a_captured_system_is_never_the_running_one() {
    let captured = System::at("tests/fixtures");
    assert_eq!(captured.release(), "");
    assert!(!captured.is_since(2, 6) && !captured.is_before(99, 0));
    assert!(!System::live().release().is_empty());
}

#[test]
fn releases_start_with_two_numbers() {
    for (release, numbers) in [
        ("3.18.140", Some((3, 18))),
        ("3.19-rc1", Some((3, 19))),
        ("2.6.32-754.el6", Some((2, 6))),
        ("6.1.0-54-cloud-amd64", Some((6, 1))),
        ("10", Some((10, 0))),
        ("next", None),
        ("", None),
    ] {
        assert_eq!(version(release), numbers, "{release}");
    }
}

#[test]
fn no_name_leads_out_of_its_place() {
    let system = System::at("/");
    for (name, dir) in [
        ("t_plain", "/sys/module/t_plain"),
        ("../kernel", "/sys/module/..!kernel"),
        (".", "/sys/module/!"),
        ("..", "/sys/module/!!"),
        ("...", "/sys/module/..."),
    ] {
        let found = system.module_dir(&ModuleName::from_kernel(name.as_bytes()));
        assert_eq!(found, Path::new(dir), "{name}");
    }
}

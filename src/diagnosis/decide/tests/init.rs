//! The init function: when it is the cause, and when that is certain.

use super::{decide, facts, log};
use crate::diagnosis::facts::Facts;
use crate::errno::Errno;

const ENOEXEC: Errno = Errno::ENOEXEC;
const EINVAL: Errno = Errno::EINVAL;
const ENOENT: Errno = Errno::ENOENT;
const EPERM: Errno = Errno::EPERM;

/// What the init function's callees log names others, and shows that it ran.
#[test]
fn init_is_recognized_by_its_log() {
    const CERTAIN: &[(Errno, &str)] = &[
        (Errno::ENODEV, ""),
        (Errno::ENODEV, "t_x: no luck"),
        (EINVAL, "t_x: no luck"),
        (ENOENT, "t_x 0000:00:02.0: Direct firmware load for x.bin failed with error -2"),
        (Errno::EEXIST, "t_x: no luck"),
        (EPERM, "initcall init_module+0x0/0x10 [t_x] returned -1 after 7 usecs"),
        (ENOEXEC, "initcall init_module+0x0/0x10 [t_x] returned -8 after 7 usecs"),
    ];
    const LIKELY: &[(Errno, &str)] = &[
        (EINVAL, ""),
        (Errno::EBUSY, "Error: Driver 'blue' is already registered, aborting..."),
        (Errno::EEXIST, "sysfs: cannot create duplicate filename '/class/blue'"),
        (Errno::ENOMEM, "t_x: no luck"),
        (EPERM, "t_x: no luck"),
        (ENOEXEC, "t_x: no luck"),
    ];
    for (errno, line) in CERTAIN {
        let mut facts = facts();
        facts.answer = Some(*errno);
        log(&mut facts, &[line]);
        let cause = decide(&facts).unwrap();
        assert_eq!((cause.kind(), cause.is_certain()), ("init-failed", true), "{errno:?} {line}");
    }
    for (errno, line) in LIKELY {
        let mut facts = facts();
        facts.answer = Some(*errno);
        log(&mut facts, &[line]);
        let cause = decide(&facts).unwrap();
        let seen = *errno == Errno::ENOMEM;
        assert_eq!((cause.kind(), cause.is_certain()), ("init-failed", seen), "{errno:?} {line}");
    }
}

/// A filter, a tracer, or a log that was not read whole: then nothing is certain.
#[test]
fn init_is_not_blamed_for_what_a_filter_may_say() {
    let changes: &[fn(&mut Facts)] = &[
        |it| it.policy.caller.seccomp = Some(true),
        |it| it.policy.caller.traced = true,
        |it| it.log_complete = false,
        |it| it.log = None,
    ];
    for change in changes {
        let mut facts = facts();
        facts.answer = Some(Errno::ENODEV);
        log(&mut facts, &[]);
        change(&mut facts);
        assert!(!decide(&facts).unwrap().is_certain());
    }
    // These are hardly ever an init function's.
    for errno in [ENOEXEC, Errno::EACCES, Errno::ENOSYS, EPERM] {
        let mut facts = facts();
        facts.answer = Some(errno);
        log(&mut facts, &[]);
        let cause = decide(&facts).unwrap();
        assert!(cause.kind() != "init-failed" && !cause.is_certain(), "{cause}");
        facts.policy.caller.seccomp = Some(true);
        let expected = if errno == ENOEXEC { "unknown" } else { "security-policy" };
        assert_eq!(decide(&facts).unwrap().kind(), expected);
    }
}

/// Without the log, it may as well have been the kernel that lacked memory.
#[test]
fn memory_that_anybody_may_have_lacked() {
    let mut facts = facts();
    facts.answer = Some(Errno::ENOMEM);
    log(&mut facts, &[]);
    let cause = decide(&facts).unwrap();
    assert_eq!((cause.kind(), cause.is_certain()), ("init-failed", false));
    assert!(cause.to_string().contains("or the kernel ran out of memory"), "{cause}");
    facts.log = None;
    assert_eq!(decide(&facts).unwrap().kind(), "unknown");
}

use super::*;
use crate::file::Parameter;
use crate::loaded::{ParameterValue, Snapshot};

fn name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}

fn parameter(name: &str, value: Option<&str>) -> ParameterValue {
    ParameterValue { name: name.into(), value: value.map(Into::into) }
}

fn declared(name: &str, kind: &str) -> Parameter {
    Parameter { name: name.into(), kind: Some(kind.into()), description: None }
}

/// The modules of `rows` in this order; the last one is to be replaced.
fn survey(rows: &str) -> Survey {
    let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
    let mut residents: Vec<Resident> = snapshot
        .modules()
        .iter()
        .map(|module| Resident {
            module: module.clone(),
            crash: None,
            build_id: Some(vec![1]),
            parameters: Vec::new(),
            file: Some(format!("/old/{}.ko", module.name).into()),
            declared: Vec::new(),
        })
        .collect();
    let old = residents.pop();
    Survey {
        name: old.as_ref().map_or_else(|| name("base"), |old| old.module.name.clone()),
        build_id: Some(vec![2]),
        declared: vec![declared("debug", "int"), declared("label", "charp")],
        old,
        users: residents,
        parameters_match: true,
    }
}

const ALONE: &str = "base 1 0 - Live 0x0\n";
const USED: &str = "top 1 0 - Live 0x0\nuser 1 1 top, Live 0x0\nbase 1 2 user,top, Live 0x0\n";

fn shown(plan: &Result<Plan, Obstacle>) -> String {
    match plan {
        Err(obstacle) => format!("{}: {obstacle}", obstacle.kind()),
        Ok(plan) => {
            let step = |step: &Step| match step {
                Step::Remove { module } => format!("-{module}"),
                Step::Load { module, arguments } => {
                    format!("+{module} {}", arguments.as_c_str().to_str().unwrap())
                }
                Step::Restore { .. } => unreachable!("it is not among the steps"),
                Step::Reload { module, arguments } => {
                    format!("~{module} {}", arguments.as_c_str().to_str().unwrap())
                }
            };
            plan.steps.iter().map(step).collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn plans() {
    let none = Wishes::default();
    let recursive = Wishes { recursive: true, ..none };
    let wait = Wishes { wait: true, ..none };
    for (rows, wishes, expected) in [
        ("", none, "+base debug=1"),
        (ALONE, none, "-base; +base debug=1"),
        (USED, none, "used-by-modules: base is used by top, user"),
        (USED, recursive, "-top; -user; -base; +base debug=1; ~user ; ~top "),
        (
            "base 1 0 [permanent], Live 0x0\n",
            none,
            "permanent: base has no exit function and cannot be removed until reboot",
        ),
        ("base 1 2 - Live 0x0\n", none, "in-use: base is in use: 2 references"),
        ("base 1 2 - Live 0x0\n", wait, "-base; +base debug=1"),
        ("base 1 1 - Loading 0x0\n", none, "initializing: base is still initializing"),
        (
            "base 1 -1 - Unloading 0x0\n",
            none,
            "being-unloaded: another process is already removing base",
        ),
        (
            "user 1 1 - Live 0x0\nbase 1 1 user, Live 0x0\n",
            recursive,
            "in-use: user is in use: 1 reference",
        ),
        (
            "user 1 0 [permanent], Live 0x0\nbase 1 1 user, Live 0x0\n",
            Wishes { wait: true, ..recursive },
            "permanent: user has no exit function and cannot be removed until reboot",
        ),
        (
            "user 1 1 base, Live 0x0\nbase 1 1 user, Live 0x0\n",
            recursive,
            "used-by-modules: user, base use each other and cannot be removed",
        ),
    ] {
        let given = Arguments::new(["debug=1"]).unwrap();
        assert_eq!(shown(&plan(&survey(rows), &given, wishes)), expected, "{rows}");
    }
}

#[test]
fn a_user_needs_its_file_and_its_parameters() {
    let wishes = Wishes { recursive: true, ..Wishes::default() };
    let with = |change: fn(&mut Resident)| {
        let mut survey = survey("user 1 0 - Live 0x0\nbase 1 1 user, Live 0x0\n");
        change(&mut survey.users[0]);
        shown(&plan(&survey, &Arguments::default(), wishes))
    };
    assert_eq!(
        with(|user| user.file = None),
        "no-file: no file with the build ID of the loaded user was found"
    );
    assert_eq!(
        with(|user| user.parameters = vec![parameter("secret", None)]),
        "unreadable-parameter: the value of parameter secret of user cannot be read, so it could \
         not be restored"
    );
    assert_eq!(
        with(|user| user.parameters = vec![parameter("text", Some("say \"good day\" twice"))]),
        "bad-parameter: text=say \"good day\" twice of user could not be restored: the kernel has \
         no way to escape a double quote"
    );
    let restored = with(|user| {
        user.declared = vec![
            declared("unset", "charp"),
            declared("empty", "array of int"),
            declared("blank", "charp"),
            declared("hidden", "int"),
        ];
        user.parameters = vec![
            parameter("count", Some("3")),
            parameter("unset", Some("(null)")),
            parameter("empty", Some("")),
            parameter("blank", Some("")),
            parameter("words", Some("good morning")),
            parameter("on", Some("Y")),
        ];
    });
    assert_eq!(restored, "-user; -base; +base ; ~user count=3 blank= words=\"good morning\" on=Y");
}

#[test]
fn parameters_that_no_file_shows_are_named() {
    let mut survey = survey("user 1 0 - Live 0x0\nbase 1 1 user, Live 0x0\n");
    survey.users[0].declared = vec![declared("count", "int"), declared("hidden", "int")];
    survey.users[0].parameters = vec![parameter("count", Some("3"))];
    let wishes = Wishes { recursive: true, ..Wishes::default() };
    let plan = plan(&survey, &Arguments::default(), wishes).unwrap();
    assert_eq!(plan.hidden, [(name("user"), vec!["hidden".to_owned()])]);
}

#[test]
fn kept_parameters_give_way_to_those_given() {
    let wishes = Wishes { keep_parameters: true, ..Wishes::default() };
    let mut survey = survey(ALONE);
    let old = survey.old.as_mut().unwrap();
    old.parameters = vec![
        parameter("debug", Some("1")),
        parameter("gone", Some("x")),
        parameter("label", Some("a b")),
    ];
    let given = Arguments::new(["debug=2"]).unwrap();
    let found = plan(&survey, &given, wishes);
    assert_eq!(shown(&found), "-base; +base label=\"a b\" debug=2");
    assert_eq!(found.unwrap().dropped, ["gone"]);

    // One that cannot be read does not matter where another value is given.
    survey.old.as_mut().unwrap().parameters[0].value = None;
    assert_eq!(shown(&plan(&survey, &given, wishes)), "-base; +base label=\"a b\" debug=2");
    let none = plan(&survey, &Arguments::default(), wishes);
    assert!(shown(&none).starts_with("unreadable-parameter: "), "{none:?}");
}

#[test]
fn the_wanted_build_is_left_alone() {
    let wishes = Wishes { if_needed: true, ..Wishes::default() };
    let given = Arguments::default();
    let mut same = survey(USED);
    same.build_id = Some(vec![1]);
    assert_eq!(shown(&plan(&same, &given, wishes)), "");
    same.parameters_match = false;
    assert!(plan(&same, &given, wishes).is_err());
    let mut unknown = survey(ALONE);
    unknown.build_id = None;
    unknown.old.as_mut().unwrap().build_id = None;
    assert_eq!(shown(&plan(&unknown, &given, wishes)), "-base; +base ");
}

#[test]
fn the_old_build_comes_back_with_its_parameters() {
    let mut survey = survey(ALONE);
    let old = survey.old.as_mut().unwrap();
    old.parameters = vec![
        parameter("debug", Some("1")),
        parameter("key", None),
        parameter("text", Some("say \"good day\" twice")),
    ];
    let rollback =
        |survey: &Survey| plan(survey, &Arguments::default(), Wishes::default()).unwrap().rollback;
    let arguments = Arguments::new(["debug=1"]).unwrap();
    assert_eq!(rollback(&survey), Some(Step::Restore { module: name("base"), arguments }));
    survey.old.as_mut().unwrap().file = None;
    assert_eq!(rollback(&survey), None);
}

#[test]
fn what_crashed_is_not_waited_for() {
    for (crash, row, kind) in [
        (Crash::Init, "base 1 1 - Loading 0x0\n", "init-crashed"),
        (Crash::Exit, "base 1 -1 - Unloading 0x0\n", "exit-crashed"),
    ] {
        let mut survey = survey(row);
        survey.old.as_mut().unwrap().crash = Some(crash);
        let waiting = Wishes { wait: true, ..Wishes::default() };
        let obstacle = plan(&survey, &Arguments::default(), waiting).unwrap_err();
        assert_eq!(obstacle.kind(), kind);
    }
}

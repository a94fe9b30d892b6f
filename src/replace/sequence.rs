//! The steps of a plan one after another, and the way back from where one fails.

use super::plan::{Plan, Step};

/// A replacement that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incomplete<E> {
    /// The step that failed first.
    pub step: Step,
    /// Why it failed.
    pub error: E,
    /// The steps that failed on the way back, or after a module did not come back.
    pub further: Vec<(Step, E)>,
}

/// Carries out a plan. `perform` makes one step; what it returns for [`Step::Load`] also has to
/// say whether the module that is loaded then is the one in the file.
///
/// If a module cannot be removed, those that were removed before it are loaded again. If the new
/// file does not load, the old one is, and then the modules that use it. A module that does not
/// come back does not keep the others from being loaded.
///
/// # Errors
/// [`Incomplete`], after everything possible was done to get back.
pub fn carry_out<E>(
    plan: &Plan,
    perform: &mut dyn FnMut(&Step) -> Result<(), E>,
) -> Result<(), Incomplete<E>> {
    for (index, step) in plan.steps.iter().enumerate() {
        let Err(error) = perform(step) else { continue };
        let (before, after) = plan.steps.split_at(index);
        let further = match step {
            Step::Remove { .. } => {
                let removed = |reload: &&Step| before.iter().any(|one| is_removal_of(one, reload));
                retry(after.iter().filter(|step| is_reload(step)).filter(removed), perform)
            }
            Step::Load { .. } => match &plan.rollback {
                Some(restore) => {
                    let reloads = after.iter().filter(|step| is_reload(step));
                    retry(std::iter::once(restore).chain(reloads), perform)
                }
                None => Vec::new(),
            },
            Step::Reload { .. } | Step::Restore { .. } => retry(after.iter().skip(1), perform),
        };
        return Err(Incomplete { step: step.clone(), error, further });
    }
    Ok(())
}

fn is_reload(step: &Step) -> bool {
    matches!(step, Step::Reload { .. })
}

fn is_removal_of(step: &Step, reload: &Step) -> bool {
    matches!(step, Step::Remove { .. }) && step.module() == reload.module()
}

/// Makes all of these steps, and returns those that failed.
fn retry<'a, E>(
    steps: impl Iterator<Item = &'a Step>,
    perform: &mut dyn FnMut(&Step) -> Result<(), E>,
) -> Vec<(Step, E)> {
    steps.filter_map(|step| Some((step.clone(), perform(step).err()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insert::Arguments;
    use crate::name::ModuleName;

    fn name(name: &str) -> ModuleName {
        ModuleName::new(name).unwrap()
    }

    fn word(step: &Step) -> String {
        let sign = match step {
            Step::Remove { .. } => '-',
            Step::Load { .. } => '+',
            Step::Restore { .. } => '<',
            Step::Reload { .. } => '~',
        };
        format!("{sign}{}", step.module())
    }

    /// The way back if these steps fail, and which failures are reported.
    fn run(has_rollback: bool, failing: &[&str]) -> (String, String) {
        let arguments = Arguments::default;
        let reload = |module: &str| Step::Reload { module: name(module), arguments: arguments() };
        let plan = Plan {
            steps: vec![
                Step::Remove { module: name("top") },
                Step::Remove { module: name("user") },
                Step::Remove { module: name("base") },
                Step::Load { module: name("base"), arguments: arguments() },
                reload("user"),
                reload("top"),
            ],
            rollback: has_rollback
                .then(|| Step::Restore { module: name("base"), arguments: arguments() }),
            ..Plan::default()
        };
        let mut done = Vec::new();
        let result = carry_out(&plan, &mut |step| {
            done.push(word(step));
            if failing.contains(&word(step).as_str()) { Err(word(step)) } else { Ok(()) }
        });
        let failed = match result {
            Ok(()) => String::new(),
            Err(incomplete) => {
                let further = incomplete.further.into_iter().map(|(_, error)| error);
                std::iter::once(incomplete.error).chain(further).collect::<Vec<_>>().join(" ")
            }
        };
        (done.join(" "), failed)
    }

    #[test]
    fn ways_back() {
        for (rollback, failing, done, failed) in [
            (true, &[][..], "-top -user -base +base ~user ~top", ""),
            (true, &["-top"], "-top", "-top"),
            (true, &["-user"], "-top -user ~top", "-user"),
            (true, &["-base"], "-top -user -base ~user ~top", "-base"),
            (true, &["-base", "~user"], "-top -user -base ~user ~top", "-base ~user"),
            (true, &["+base"], "-top -user -base +base <base ~user ~top", "+base"),
            (true, &["+base", "<base"], "-top -user -base +base <base ~user ~top", "+base <base"),
            (false, &["+base"], "-top -user -base +base", "+base"),
            (true, &["~user"], "-top -user -base +base ~user ~top", "~user"),
            (true, &["~user", "~top"], "-top -user -base +base ~user ~top", "~user ~top"),
        ] {
            assert_eq!(run(rollback, failing), (done.to_owned(), failed.to_owned()), "{failing:?}");
        }
    }
}

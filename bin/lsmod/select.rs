//! Which modules are shown.

use std::ffi::{OsStr, OsString};

use modutils::loaded::{LoadedModule, Pattern, State};
use modutils::{ModuleName, Snapshot};

use crate::common::argument::{is_path, name_of};
use crate::lsmod::columns::Column;
use crate::lsmod::facts::{Fact, Facts};

/// The conditions for a module to be shown; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) unused: bool,
    pub(crate) permanent: bool,
    /// One of these taints; with no letters, any taint.
    pub(crate) tainted: Option<String>,
    pub(crate) state: Option<State>,
    /// Its file is another build.
    pub(crate) stale: bool,
}

impl Filter {
    pub(crate) fn lets(&self, module: &LoadedModule, facts: &Facts<'_>) -> bool {
        let tainted = |letters: &String| {
            let own = module.taints.letters();
            if letters.is_empty() { !own.is_empty() } else { own.contains(|c| letters.contains(c)) }
        };
        // A driver that serves a device has no references for it, and is used all the same.
        let unused = || module.refcnt == Some(0) && !facts.has_devices(module);
        (!self.unused || unused())
            && (!self.permanent || module.permanent)
            && self.tainted.as_ref().is_none_or(tainted)
            && self.state.as_ref().is_none_or(|state| module.state == *state)
            && (!self.stale || facts.fact(module, Column::Stale) == Fact::Flag(true))
    }
}

/// The modules that the command line names; all, if it names none.
#[derive(Debug)]
pub(crate) enum Wanted {
    All,
    These(Vec<Pattern>),
}

/// An argument that stands for no loaded module.
pub(crate) struct Missing {
    /// As it was given.
    pub(crate) argument: OsString,
    /// The message.
    pub(crate) line: Vec<u8>,
    pub(crate) of: Absent,
}

/// What an argument stands for that matches no loaded module.
pub(crate) enum Absent {
    Name(ModuleName),
    Pattern(Pattern),
    /// No module can have this name, for this reason.
    Nothing(String),
}

impl Wanted {
    /// Reads the arguments, and complains of those that match nothing.
    pub(crate) fn new(arguments: &[OsString], snapshot: &Snapshot) -> (Self, Vec<Missing>) {
        if arguments.is_empty() {
            return (Self::All, Vec::new());
        }
        let mut patterns = Vec::new();
        let mut missing = Vec::new();
        for argument in arguments {
            match pattern_of(argument, snapshot) {
                Ok(pattern) => patterns.push(pattern),
                Err(complaint) => missing.push(complaint),
            }
        }
        (Self::These(patterns), missing)
    }

    pub(crate) fn includes(&self, module: &LoadedModule) -> bool {
        match self {
            Self::All => true,
            Self::These(patterns) => patterns.iter().any(|pattern| pattern.matches(&module.name)),
        }
    }
}

fn pattern_of(argument: &OsStr, snapshot: &Snapshot) -> Result<Pattern, Missing> {
    let text = argument.as_encoded_bytes();
    let missing = |line, of| Missing { argument: argument.to_owned(), line, of };
    if !is_path(argument) && Pattern::is_pattern(argument) {
        let pattern = Pattern::new(text);
        if snapshot.modules().iter().any(|module| pattern.matches(&module.name)) {
            return Ok(pattern);
        }
        let line = [b"No loaded module matches ", text].concat();
        return Err(missing(line, Absent::Pattern(pattern)));
    }
    let name = name_of(argument).map_err(|error| {
        let line = [b"Module ", text, b": ", error.detail().as_bytes()].concat();
        missing(line, Absent::Nothing(error.detail().to_owned()))
    })?;
    if snapshot.get(&name).is_some() {
        return Ok(Pattern::new(name.as_bytes()));
    }
    // As rmmod says it.
    let line = [b"Module ", name.as_bytes(), b" is not currently loaded"].concat();
    Err(missing(line, Absent::Name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(filter: &Filter) -> Vec<String> {
        let snapshot = Snapshot::parse(
            b"used 1 1 user, Live 0x0\n\
              user 1 0 - Live 0x0 (OE)\n\
              stays 1 0 [permanent], Live 0x0 (P)\n\
              comes 1 1 - Loading 0x0 (E+)\n\
              uncounted 1 - - Live 0x0\n",
        )
        .unwrap();
        let system = modutils::System::at("/nonexistent");
        let facts = Facts::new(&system, &snapshot, std::collections::HashMap::new());
        let modules = snapshot.modules().iter().filter(|module| filter.lets(module, &facts));
        modules.map(|module| module.name.to_string()).collect()
    }

    #[test]
    fn filters() {
        let all = Filter::default();
        let tainted = |letters: &str| Filter { tainted: Some(letters.to_owned()), ..all.clone() };
        assert_eq!(shown(&all).len(), 5);
        assert_eq!(shown(&Filter { unused: true, ..all.clone() }), ["user", "stays"]);
        assert_eq!(shown(&Filter { permanent: true, ..all.clone() }), ["stays"]);
        assert_eq!(shown(&tainted("")), ["user", "stays", "comes"]);
        assert_eq!(shown(&tainted("E")), ["user", "comes"]);
        assert_eq!(shown(&tainted("PO")), ["user", "stays"]);
        assert!(shown(&tainted("K")).is_empty());
        let loading = Filter { state: Some(State::Loading), ..all.clone() };
        assert_eq!(shown(&loading), ["comes"]);
        assert_eq!(shown(&Filter { unused: true, ..tainted("E") }), ["user"]);
    }
}

//! `--long`: the table for people.

use modutils::loaded::{LoadedModule, State};

use crate::lsmod::cells::{self, Sizes};
use crate::lsmod::columns::Column;
use crate::lsmod::facts::Facts;
use crate::lsmod::table::{Layout, Table};
use crate::lsmod::terminal;
use crate::lsmod::writing::append;

/// Names longer than this push the rest of their own row only.
const NAME_MAX: usize = 24;

/// The table of these modules.
pub(crate) fn table(
    modules: &[&LoadedModule],
    columns: &[Column],
    facts: &Facts<'_>,
    sizes: Sizes,
    layout: Layout,
) -> Vec<u8> {
    let layout = Layout { gap: 2, first_max: NAME_MAX, ..layout };
    let mut table = Table::new(columns, layout);
    for module in modules {
        table.row(terminal::color_of(module), |text, column| match column {
            Column::State => append(text, state(module).as_bytes()),
            Column::Taint => append(text, taints(module).as_bytes()),
            Column::Refcnt if module.refcnt.is_none() => text.push(b'-'),
            Column::UsedBy => {
                append(text, notes(module, columns).as_bytes());
                cells::write(text, &facts.fact(module, column), sizes);
            }
            _ => cells::write(text, &facts.fact(module, column), sizes),
        });
    }
    table.aligned()
}

/// State and taints, for a place before the users: few modules have any, and columns of their own
/// would take room from all.
fn notes(module: &LoadedModule, columns: &[Column]) -> String {
    let notes = [(Column::State, state(module)), (Column::Taint, taints(module))];
    let notes =
        notes.into_iter().filter(|(column, note)| !note.is_empty() && !columns.contains(column));
    let notes: Vec<String> = notes.map(|(_, note)| note).collect();
    let before_users = if module.used_by.is_empty() { "" } else { " " };
    if notes.is_empty() { String::new() } else { format!("[{}]{before_users}", notes.join(", ")) }
}

fn state(module: &LoadedModule) -> String {
    match &module.state {
        State::Live if module.permanent => "permanent".to_owned(),
        State::Live => String::new(),
        state if module.permanent => format!("{}, permanent", state.as_str()),
        state => state.as_str().to_owned(),
    }
}

/// In words; a letter without a known word speaks for itself.
fn taints(module: &LoadedModule) -> String {
    let meanings = module.taints.meanings();
    let words =
        meanings.map(|(letter, meaning)| meaning.map_or_else(|| letter.to_string(), str::to_owned));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use crate::lsmod::columns;
    use modutils::{Snapshot, System};

    const ROWS: &str = "snd_hda_codec 98304 2 snd_hda_intel,snd_hda_codec_hdmi, Live 0x0 (POE)\n\
                        t_noexit 1500 0 [permanent], Live 0x0 (Z)\n\
                        t_slow 1 - [permanent], Loading 0x0\n\
                        a_module_with_quite_a_long_name 16384 1 b, Live 0x0\n";

    fn lines(rows: &str, columns: &[Column], width: Option<usize>) -> Vec<String> {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        let modules: Vec<_> = snapshot.modules().iter().collect();
        let system = System::at("/nonexistent");
        let facts = Facts::new(&system, &snapshot, HashMap::new());
        let layout =
            Layout { headings: true, width, gap: 1, first_max: 0, ellipsis: '…', colors: false };
        let text = table(&modules, columns, &facts, Sizes::Human, layout);
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_line_for_each_module() {
        assert_eq!(
            lines(ROWS, columns::BRIEF, None),
            [
                "NAME           SIZE  REFCNT  USED-BY",
                "snd_hda_codec   96K       2  [proprietary, out-of-tree, unsigned] \
                 snd_hda_intel,snd_hda_codec_hdmi",
                "t_noexit       1.5K       0  [permanent, Z]",
                "t_slow           1B       -  [loading, permanent]",
                "a_module_with_quite_a_long_name   16K       1  b",
            ]
        );
    }

    #[test]
    fn cut_at_the_end_of_the_line() {
        assert_eq!(
            lines(ROWS, columns::BRIEF, Some(40)),
            [
                "NAME           SIZE  REFCNT  USED-BY",
                "snd_hda_codec   96K       2  [proprieta…",
                "t_noexit       1.5K       0  [permanent…",
                "t_slow           1B       -  [loading, …",
                "a_module_with_quite_a_long_name   16K  …",
            ]
        );
    }

    #[test]
    fn a_column_replaces_the_note() {
        let columns = [Column::Name, Column::State, Column::UsedBy];
        assert_eq!(
            lines("a 1 1 b, Loading 0x0 (O)\nb 1 0 - Live 0x0\n", &columns, None),
            ["NAME  STATE    USED-BY", "a     loading  [out-of-tree] b", "b"]
        );
    }
}

//! `--long`: the table for people.

use modutils::{LoadedModule, State};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify, Padding, Style};

use crate::common::unprintable::escaped;
use crate::lsmod::cells::Sizes;

/// Blanks between columns.
const GAP: usize = 2;

/// Words in the last columns that together may be too wide, and their places.
const USERS: usize = 3;
const TAINTS: usize = 5;

type Row = [String; 6];

/// Not wider than `width`, if that is known and no name has to be broken for it.
pub(crate) fn table(
    modules: &[&LoadedModule],
    sizes: Sizes,
    headings: bool,
    width: Option<usize>,
) -> Vec<u8> {
    let mut rows: Vec<Row> = Vec::with_capacity(modules.len() + 1);
    if headings {
        let size = if sizes == Sizes::Bytes { "Size" } else { "KiB" };
        rows.push(["Module", size, "Refs", "Used by", "State", "Taint"].map(str::to_owned));
    }
    rows.extend(modules.iter().map(|module| row(module, sizes)));
    if rows.is_empty() {
        return Vec::new();
    }
    if let Some(width) = width {
        fit(&mut rows, width);
    }
    let mut builder = Builder::default();
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table
        .with(Style::empty())
        .with(Padding::new(0, GAP, 0, 0))
        .with(Modify::new(Columns::new(1..3)).with(Alignment::right()));
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.into_bytes()
}

fn row(module: &LoadedModule, sizes: Sizes) -> Row {
    let size = match sizes {
        Sizes::Bytes => module.size,
        Sizes::Human => module.size.div_ceil(1024),
    };
    let users: Vec<_> = module.used_by.iter().map(|user| escaped(user.as_bytes())).collect();
    // In words; a letter without a known word speaks for itself.
    let taints: Vec<_> = module
        .taints
        .meanings()
        .map(|(letter, meaning)| meaning.map_or_else(|| letter.to_string(), str::to_owned))
        .collect();
    let state = match &module.state {
        State::Live if module.permanent => "permanent".to_owned(),
        state if module.permanent => format!("{}, permanent", state.as_str()),
        state => state.as_str().to_owned(),
    };
    [
        escaped(module.name.as_bytes()),
        size.to_string(),
        module.refcnt.map_or_else(|| "-".to_owned(), |refcnt| refcnt.to_string()),
        users.join(", "),
        escaped(state.as_bytes()),
        escaped(taints.join(", ").as_bytes()),
    ]
}

/// Breaks the two columns of words between words, that of the users first.
fn fit(rows: &mut [Row], width: usize) {
    let widest = |column: usize, length: fn(&str) -> usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| length(cell)).max().unwrap_or_default()
    };
    let [users, taints] = [USERS, TAINTS].map(|column| widest(column, characters));
    let [longest_user, longest_taint] = [USERS, TAINTS].map(|column| widest(column, longest_word));
    let others: usize = [0, 1, 2, 4].map(|column| widest(column, characters)).iter().sum();
    let room = width.saturating_sub(others + 5 * GAP);
    if users + taints <= room {
        return;
    }
    let users = room.saturating_sub(taints).max(longest_user).min(users);
    let taints = room.saturating_sub(users).max(longest_taint);
    for row in rows {
        let [_, _, _, used_by, _, taint] = row;
        *used_by = broken(used_by, users);
        *taint = broken(taint, taints);
    }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(characters).max().unwrap_or_default()
}

/// The text in lines of at most `width` characters, or of one word.
fn broken(text: &str, width: usize) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut used = 0;
    for word in text.split(' ') {
        let length = characters(word);
        if used > 0 && used + 1 + length > width {
            broken.push('\n');
            used = 0;
        } else if used > 0 {
            broken.push(' ');
            used += 1;
        }
        broken.push_str(word);
        used += length;
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    const ROWS: &str = "snd_hda_codec 98304 2 snd_hda_intel,snd_hda_codec_hdmi, Live 0x0 (POE)\n\
                        t_noexit 1500 0 [permanent], Live 0x0 (Z)\n\
                        t_slow 1 - [permanent], Loading 0x0\n";

    fn lines(sizes: Sizes, width: Option<usize>) -> Vec<String> {
        let snapshot = Snapshot::parse(ROWS.as_bytes()).unwrap();
        let modules: Vec<_> = snapshot.modules().iter().collect();
        let text = String::from_utf8(table(&modules, sizes, true, width)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn with_room_for_all() {
        assert_eq!(
            lines(Sizes::Human, None),
            [
                "Module         KiB  Refs  Used by                            State               Taint",
                "snd_hda_codec   96     2  snd_hda_intel, snd_hda_codec_hdmi  live                proprietary, out-of-tree, unsigned",
                "t_noexit         2     0                                     permanent           Z",
                "t_slow           1     -                                     loading, permanent",
            ]
        );
        let bytes = lines(Sizes::Bytes, None);
        assert!(bytes.iter().any(|line| line.starts_with("snd_hda_codec  98304     2  snd")));
    }

    #[test]
    fn broken_between_words() {
        assert_eq!(
            lines(Sizes::Human, Some(80)),
            [
                "Module         KiB  Refs  Used by             State               Taint",
                "snd_hda_codec   96     2  snd_hda_intel,      live                proprietary,",
                "                          snd_hda_codec_hdmi                      out-of-tree,",
                "                                                                  unsigned",
                "t_noexit         2     0                      permanent           Z",
                "t_slow           1     -                      loading, permanent",
            ]
        );
        // No name is broken, however little room there is.
        assert_eq!(lines(Sizes::Human, Some(1)), lines(Sizes::Human, Some(80)));
    }

    #[test]
    fn nothing_is_no_table() {
        assert!(table(&[], Sizes::Human, false, None).is_empty());
        assert_eq!(
            table(&[], Sizes::Human, true, Some(80)),
            b"Module  KiB  Refs  Used by  State  Taint\n"
        );
    }
}

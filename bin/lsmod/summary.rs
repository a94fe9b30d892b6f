//! `--summary`: all of it in one line.

use modutils::LoadedModule;

use crate::common::unprintable::escaped;
use crate::lsmod::cells::Sizes;
use crate::lsmod::size;

pub(crate) fn line(modules: &[&LoadedModule], sizes: Sizes) -> String {
    let count = modules.len();
    let plural = if count == 1 { "" } else { "s" };
    let total = modules.iter().fold(0_u64, |total, module| total.saturating_add(module.size));
    let total = match sizes {
        Sizes::Human => size::human(total),
        Sizes::Bytes => format!("{total} bytes"),
    };
    format!("{count} module{plural}, {total}, {}\n", taints(modules))
}

/// How many modules have each taint, the most frequent first.
fn taints(modules: &[&LoadedModule]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for (letter, meaning) in modules.iter().flat_map(|module| module.taints.meanings()) {
        let word = meaning.map_or_else(|| letter.to_string(), str::to_owned);
        let word = escaped(word.as_bytes());
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    if counts.is_empty() {
        return "no taints".to_owned();
    }
    counts.sort_by(|(word, count), (other_word, other)| (other, word).cmp(&(count, other_word)));
    let words: Vec<_> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    format!("taints: {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    fn summary(rows: &str, sizes: Sizes) -> String {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        line(&snapshot.modules().iter().collect::<Vec<_>>(), sizes)
    }

    #[test]
    fn counts() {
        let rows = "a 16384 0 - Live 0x0 (OE)\nb 1048576 0 - Live 0x0 (EZ)\nc 1024 0 - Live 0x0\n";
        assert_eq!(
            summary(rows, Sizes::Human),
            "3 modules, 1M, taints: unsigned 2, Z 1, out-of-tree 1\n"
        );
        assert_eq!(summary("a 16384 0 - Live 0x0\n", Sizes::Human), "1 module, 16K, no taints\n");
        assert_eq!(summary("", Sizes::Bytes), "0 modules, 0 bytes, no taints\n");
        let much = format!("a {0} 0 - Live 0x0\nb {0} 0 - Live 0x0\n", u64::MAX);
        assert_eq!(summary(&much, Sizes::Human), "2 modules, 16E, no taints\n");
    }
}

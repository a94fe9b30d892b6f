//! `--summary`: totals in one line, or as JSON.

use modutils::loaded::{KernelTaints, LoadedModule};
use serde_json::{Value, json};

use crate::common::unprintable::escaped;
use crate::lsmod::cells::Sizes;
use crate::lsmod::size;

/// Totals of some modules, and the kernel's taints.
pub(crate) struct Summary {
    count: usize,
    /// Bytes.
    size: u64,
    /// How many modules have each taint, the most frequent first.
    taints: Vec<(char, Option<&'static str>, usize)>,
    /// `None` if it cannot be known.
    kernel: Option<KernelTaints>,
}

impl Summary {
    pub(crate) fn new(modules: &[&LoadedModule], kernel: Option<KernelTaints>) -> Self {
        let mut taints: Vec<(char, Option<&'static str>, usize)> = Vec::new();
        for (letter, meaning) in modules.iter().flat_map(|module| module.taints.meanings()) {
            match taints.iter_mut().find(|(known, ..)| *known == letter) {
                Some((.., count)) => *count += 1,
                None => taints.push((letter, meaning, 1)),
            }
        }
        taints.sort_by_key(|(letter, meaning, count)| {
            (std::cmp::Reverse(*count), meaning.is_some(), *meaning, *letter)
        });
        Self {
            count: modules.len(),
            size: modules.iter().fold(0, |total, module| total.saturating_add(module.size)),
            taints,
            kernel,
        }
    }

    pub(crate) fn line(&self, sizes: Sizes) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        let size = match sizes {
            Sizes::Human => size::human(self.size),
            Sizes::Bytes => format!("{} bytes", self.size),
        };
        let taints = self.taints.iter().map(|(letter, meaning, count)| {
            let word = meaning.map_or_else(|| letter.to_string(), str::to_owned);
            format!("{} {count}", escaped(word.as_bytes()))
        });
        let taints = match taints.collect::<Vec<_>>() {
            words if words.is_empty() => "no taints".to_owned(),
            words => format!("taints: {}", words.join(", ")),
        };
        format!("{} module{plural}, {size}, {taints}{}\n", self.count, self.kernel())
    }

    fn kernel(&self) -> String {
        let events = self.kernel.into_iter().flat_map(KernelTaints::events);
        let words = events.map(|(letter, event)| {
            event.map_or_else(|| format!("taint {letter}"), |event| format!("{event} ({letter})"))
        });
        match words.collect::<Vec<_>>() {
            words if words.is_empty() => String::new(),
            words => format!("; the kernel is tainted: {}", words.join(", ")),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let taints = self.taints.iter().map(|(letter, meaning, count)| {
            json!({ "letter": letter.to_string(), "meaning": meaning, "modules": count })
        });
        let kernel = self.kernel.map(|kernel| {
            let events = kernel.events();
            json!({
                "value": kernel.bits(),
                "taints": events
                    .map(|(letter, event)| json!({ "letter": letter, "meaning": event }))
                    .collect::<Vec<_>>(),
            })
        });
        json!({
            "modules": self.count,
            "size": self.size,
            "taints": taints.collect::<Vec<_>>(),
            "kernel-taint": kernel,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modutils::Snapshot;

    fn summary(rows: &str, kernel: Option<u64>) -> Summary {
        let snapshot = Snapshot::parse(rows.as_bytes()).unwrap();
        let modules: Vec<_> = snapshot.modules().iter().collect();
        Summary::new(&modules, kernel.map(KernelTaints::new))
    }

    #[test]
    fn counts() {
        let rows = "a 16384 0 - Live 0x0 (OE)\nb 1048576 0 - Live 0x0 (EZ)\nc 1024 0 - Live 0x0\n";
        let line = |rows: &str, sizes| summary(rows, Some(0)).line(sizes);
        assert_eq!(
            line(rows, Sizes::Human),
            "3 modules, 1M, taints: unsigned 2, Z 1, out-of-tree 1\n"
        );
        assert_eq!(line("a 16384 0 - Live 0x0\n", Sizes::Human), "1 module, 16K, no taints\n");
        assert_eq!(line("", Sizes::Bytes), "0 modules, 0 bytes, no taints\n");
        let much = format!("a {0} 0 - Live 0x0\nb {0} 0 - Live 0x0\n", u64::MAX);
        assert_eq!(line(&much, Sizes::Human), "2 modules, 16E, no taints\n");
    }

    #[test]
    fn taints_of_the_kernel() {
        let line = summary("", Some(1 << 3 | 1 << 12)).line(Sizes::Human);
        assert_eq!(
            line,
            "0 modules, 0B, no taints; the kernel is tainted: a module was removed by force (R), \
             an out-of-tree module was loaded (O)\n"
        );
        assert_eq!(summary("", None).json()["kernel-taint"], Value::Null);
        let json = summary("a 1 0 - Live 0x0 (O)\n", Some(4096)).json();
        assert_eq!(json["kernel-taint"]["value"], 4096);
        assert_eq!(json["taints"][0]["letter"], "O");
        assert_eq!(json["taints"][0]["modules"], 1);
    }
}

//! The timer of ALSA that is a module, and who runs by it.

use std::path::Path;

use super::holder::{Certainty, Holder};
use super::search::Search;
use crate::system;

/// Processes that have selected the timer, and the one whose queues of the sequencer run by it
/// (`snd_timer_open`).
pub(super) fn of(search: &Search<'_>) -> Vec<Holder> {
    if search.name() != b"snd_hrtimer" {
        return Vec::new();
    }
    let text = system::read_text(&search.system.sound_dir().join("timers")).unwrap_or_default();
    let clients: Vec<_> = clients(&text).collect();
    let processes = search.processes();
    let mut list = Vec::new();
    for client in &clients {
        // `application 71`, or `sequencer queue 0`
        let pid = client.strip_prefix("application ").and_then(|pid| pid.parse().ok());
        let path = Path::new(if pid.is_some() { "/dev/snd/timer" } else { "/dev/snd/seq" });
        let mut files = processes
            .files
            .iter()
            .filter(|file| file.path == path && pid.is_none_or(|pid: i32| pid == file.owner));
        let (first, others) = (files.next(), files.next());
        let owned = first.and_then(|file| Some((file, processes.owner(file)?)));
        let Some((file, owner)) = owned.filter(|_| pid.is_some() || others.is_none()) else {
            continue;
        };
        let certainty = if pid.is_some() { Certainty::Known } else { Certainty::Likely };
        let holder = Holder::new(file.holder(owner), certainty).with_references(1);
        list.push(owner.hold(holder));
    }
    list
}

/// The lines below `G3: HR timer : 0.001us` (`snd_timer_proc_read` in `sound/core/timer.c`).
fn clients(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("G3:")).skip(1);
    let own = lines.take_while(|line| line.starts_with(' '));
    own.filter_map(|line| Some(line.trim().strip_prefix("Client ")?.rsplit_once(" : ")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_timer() {
        let text = "G0: system timer : 4000.000us (10000000 ticks)\n  Client application 7 : running\n\
            G3: HR timer : 0.001us (1000000000 ticks)\n  Client application 71 : stopped\n\
            \x20 Client sequencer queue 0 : stopped\n\
            P0-0-0: PCM playback 0-0-0 : SLAVE\n  Client application 8 : stopped\n";
        assert_eq!(clients(text).collect::<Vec<_>>(), ["application 71", "sequencer queue 0"]);
    }
}

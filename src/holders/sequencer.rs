//! Users of the sequencer of ALSA, and of the timer that its queues run by.

use std::path::Path;

use super::holder::{Certainty, Holder};
use super::search::Search;
use super::seen::OpenFile;
use crate::system;

/// Processes that have selected the timer, and the one whose queues run by it (`snd_timer_open`).
pub(super) fn timers(search: &Search<'_>) -> Vec<Holder> {
    if search.name() != b"snd_hrtimer" {
        return Vec::new();
    }
    let text = system::read_text(&search.system.sound_dir().join("timers")).unwrap_or_default();
    let mut list = Vec::new();
    for client in clients(&text) {
        // `application 71`, or `sequencer queue 0`
        let pid = client.strip_prefix("application ").and_then(|pid| pid.parse().ok());
        let (path, certainty) = match pid {
            Some(_) => ("/dev/snd/timer", Certainty::Known),
            None => ("/dev/snd/seq", Certainty::Likely),
        };
        let is_client = |file: &OpenFile| pid.is_none_or(|pid: i32| pid == file.owner);
        list.extend(held(search, path, certainty, &is_client));
    }
    list
}

/// Processes that are subscribed to a port of the module, which holds it (`subscribe_port` in
/// `sound/core/seq/seq_ports.c`): by the name of their client.
pub(super) fn subscribers(search: &Search<'_>) -> Vec<Holder> {
    let Some((_, own)) = PORTS.iter().find(|(module, _)| module.as_bytes() == search.name()) else {
        return Vec::new();
    };
    let text = system::read_text(&search.system.sound_dir().join("seq/clients"));
    let text = text.unwrap_or_default();
    let mut list = Vec::new();
    for name in connected(&text, own) {
        let is_client = |file: &OpenFile| {
            let owner = search.processes().owner(file);
            owner.is_some_and(|owner| owner.process.command.as_os_str() == name)
        };
        list.extend(held(search, "/dev/snd/seq", Certainty::Likely, &is_client));
    }
    list
}

/// The clients of modules, by the beginnings of their names.
const PORTS: [(&str, &str); 3] = [
    ("snd_seq_dummy", "Midi Through"),
    ("snd_seq_virmidi", "Virtual Raw MIDI"),
    ("snd_virmidi", "Virtual Raw MIDI"),
];

/// The open file with a path that is a client's; where it can be several, each is only possible.
fn held(
    search: &Search<'_>,
    path: &str,
    certainty: Certainty,
    is_client: &dyn Fn(&OpenFile) -> bool,
) -> Vec<Holder> {
    let processes = search.processes();
    let files = processes.files.iter().filter(|file| file.path == Path::new(path));
    let found: Vec<_> = files.filter(|file| is_client(file)).collect();
    let (certainty, count) = match found.len() {
        1 => (certainty, 1),
        _ => (Certainty::Possible, 0),
    };
    let holders = found.into_iter().filter_map(|file| {
        let owner = processes.owner(file)?;
        let holder = Holder::new(file.holder(owner), certainty).with_references(count);
        Some(owner.hold(holder))
    });
    holders.collect()
}

/// The lines below `G3: HR timer : 0.001us` (`snd_timer_proc_read` in `sound/core/timer.c`).
fn clients(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("G3:")).skip(1);
    let own = lines.take_while(|line| line.starts_with(' '));
    own.filter_map(|line| Some(line.trim().strip_prefix("Client ")?.rsplit_once(" : ")?.0))
}

/// The names of the clients that are connected with those of a name (`snd_seq_info_clients_read` in
/// `sound/core/seq/seq_clientmgr.c`), once for each connection.
fn connected<'t>(text: &'t str, own: &str) -> Vec<&'t str> {
    let (mut names, mut peers, mut is_own) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if let Some(client) = line.strip_prefix("Client ") {
            let (number, rest) = client.split_once(':').unwrap_or_default();
            let name = rest.split('"').nth(1).unwrap_or_default();
            is_own = name.starts_with(own);
            names.push((number.trim(), name));
        } else if is_own && line.trim_start().starts_with("Connect") {
            // `Connecting To: 128:0, 129:0`
            let list = line.split_once(": ").unwrap_or_default().1.split(", ");
            peers.extend(list.filter_map(|port| Some(port.split_once(':')?.0)));
        }
    }
    let of = |peer: &str| names.iter().find(|(number, _)| *number == peer);
    peers.into_iter().filter_map(|peer| Some(of(peer)?.1)).collect()
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

    #[test]
    fn clients_that_are_connected() {
        let text = "Client info\n  cur  clients : 4\n\n\
            Client  14 : \"Midi Through\" [Kernel Legacy]\n\
            \x20 Port   0 : \"Midi Through Port-0\" (RWe-) [In/Out]\n\
            \x20   Connecting To: 128:0, 129:1\n    Connected From: 128:0\n\
            Client 128 : \"aseqdump\" [User Legacy]\n\
            \x20 Port   0 : \"aseqdump\" (-We-) [In]\n    Connected From: 14:0\n\
            Client 129 : \"other\" [User Legacy]\n";
        assert_eq!(connected(text, "Midi Through"), ["aseqdump", "other", "aseqdump"]);
        assert!(connected(text, "Virtual").is_empty());
    }
}

//! Probes on files, which keep the file system mounted.

use crate::holders::search::Search;
use crate::holders::{Holder, HolderKind, Text, TracingObject};
use crate::system;

/// The probes of `uprobe_events`, each with its file. None takes a reference beside that of the
/// file system (`create_local_trace_uprobe` in `kernel/trace/trace_uprobe.c`).
pub(in crate::holders) fn uprobes(search: &Search<'_>) -> Vec<(Text, Holder)> {
    let Some(tracing) = search.system.tracing() else { return Vec::new() };
    let file = tracing.join("uprobe_events");
    let text = system::read(&file).unwrap_or_default();
    let probes = text.split(|&byte| byte == b'\n').filter_map(parse).map(|(event, path)| {
        let (event, path) = (Text::from(event), Text::from(path));
        let quoted = Text::from([b"-:", event.as_os_str().as_encoded_bytes()].concat()).word();
        let command = format!("echo {quoted} >> {}", Text::from(file.clone()).word());
        let object = TracingObject::Uprobe { event, path: path.clone() };
        (path, Holder::known(HolderKind::Tracing { object }).ended_by(command))
    });
    probes.collect()
}

/// `p:uprobes/p_hold_0x1 /mnt/x/hold:0x0000000000000001 arg1=%ax`
fn parse(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let (head, rest) = (line.get(..space)?, line.get(space + 1..)?);
    let colon = head.iter().position(|&byte| byte == b':')?;
    let end = rest.windows(3).position(|part| part == b":0x")?;
    Some((head.get(colon + 1..)?, rest.get(..end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_with_their_files() {
        let line = b"p:uprobes/p_x_0x1 /mnt/x y/z:0x0000000000000001 arg1=%ax";
        assert_eq!(parse(line), Some((&b"uprobes/p_x_0x1"[..], &b"/mnt/x y/z"[..])));
        for cut in 0..20 {
            assert_eq!(parse(&line[..cut]), None);
        }
    }
}

//! Probes and patches on the functions of a module.

mod bpf;
mod events;
pub(super) mod objects;
mod symbols;
mod uprobes;

use objects::TracingObject;

use super::Holder;
use super::search::Search;
use crate::directory;

pub(super) use bpf::programs;
pub(super) use events::{perf, triggers};
pub(super) use uprobes::uprobes;

/// A live patch holds its own module while it is enabled (`klp_enable_patch`).
pub(super) fn live_patches(search: &Search<'_>) -> Vec<Holder> {
    let Ok(patches) = directory::entries(&search.system.live_patches()) else { return Vec::new() };
    let own = patches.flatten().filter(|patch| patch.name == *search.module.name.as_os_str());
    own.map(|patch| {
        let path = crate::holders::Text::from(patch.path);
        let command = format!("echo 0 > {}/enabled", path.word());
        Holder::known(super::HolderKind::Tracing { object: TracingObject::LivePatch { path } })
            .ended_by(command)
    })
    .collect()
}

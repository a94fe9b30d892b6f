//! Removing a module.

use super::report;
use super::tools::implementations;
use crate::race::Contender;

pub(super) fn removed_one() {
    let contenders = implementations("rmmod").into_iter().map(|(tool, run)| {
        Contender::new(tool, &format!("{run} t_plain")).before("/floor_insmod /modules/t_plain.ko")
    });
    report("rmmod", 15, &contenders.collect::<Vec<_>>());
}

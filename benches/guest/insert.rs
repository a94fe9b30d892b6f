//! Loading one module.

use std::fs;

use super::report;
use super::tools::{able, implementations};
use crate::race::Contender;

const ROUNDS: usize = 7;

/// `MODULE_INIT_COMPRESSED_FILE`.
pub(super) const COMPRESSED: &str = "4";

pub(super) fn small() {
    each_compression("insmod", "t_plain", "/modules/t_plain", &|case, contenders| {
        report(case, ROUNDS, contenders);
    });
}

/// A module from each of the files that it is in.
pub(super) fn each_compression(
    case: &str,
    module: &str,
    stem: &str,
    report: &dyn Fn(&str, &[Contender]),
) {
    let kernels = fs::read_to_string("/sys/module/compression").unwrap_or_default();
    for (suffix, compression) in [
        (".ko", "plain"),
        (".ko.xz", "xz"),
        (".crc64.ko.xz", "xz with CRC64"),
        (".ko.gz", "gz"),
        (".ko.zst", "zstd"),
    ] {
        // For all others, this is as any xz.
        if compression == "xz with CRC64" && kernels.trim() != "xz" {
            continue;
        }
        let file = format!("{stem}{suffix}");
        let flag = if compression == "plain" { "" } else { COMPRESSED };
        let case = format!("{case}, {compression}");
        let contenders = implementations("insmod").into_iter().map(|(tool, run)| {
            let flag = if tool == "floor" { flag } else { "" };
            Contender::new(tool, &format!("{run} {file} {flag}"))
                .after(&format!("/floor_rmmod {module}"))
        });
        let contenders = able(&case, contenders.collect());
        let by = match (compression, contenders[0].tool) {
            ("plain", _) => "",
            (_, "floor") => " by the kernel",
            _ => " by the tool",
        };
        report(&format!("{case}{by}"), &contenders);
    }
}

pub(super) fn parameters() {
    let contenders = implementations("insmod").into_iter().map(|(tool, run)| {
        let contender = Contender::new(tool, &format!("{run} /modules/t_params.ko"))
            .after("/floor_rmmod t_params");
        match tool {
            "floor" => contender.word("0").word("p_int=1 p_charp=x"),
            _ => contender.word("p_int=1").word("p_charp=x"),
        }
    });
    report("insmod, parameters", ROUNDS, &contenders.collect::<Vec<_>>());
}

//! Who holds a module, where many processes have many files open.

use std::fs::{self, File};

use super::report_times;
use crate::race::{Contender, execute};

const PROCESSES: usize = 2000;

/// Ten files each.
const OPEN: &str = "exec 3</ 4</ 5</ 6</ 7</ 8</ 9</
for i in $(seq PROCESSES); do
	/bin/sleep 100000 </dev/null >/dev/null 2>&1 &
done
";

pub(super) fn among_many_processes() {
    let script = OPEN.replace("PROCESSES", &PROCESSES.to_string());
    fs::write("/tmp/processes.sh", script).expect("a script");
    let words = |line: &str| execute(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    words("/floor_insmod /modules/t_dev.ko");
    let device = File::open("/dev/t_dev").expect("the device");
    words("/bin/sh /tmp/processes.sh");
    let contenders = [
        Contender::new("lsof", "lsof /dev/t_dev"),
        Contender::new("modutils", "/sbin/rmmod --who t_dev"),
        Contender::new("fuser", "fuser /dev/t_dev"),
    ];
    report_times(&format!("rmmod --who among {PROCESSES} processes"), 3, &contenders);
    words("/bin/busybox killall sleep");
    drop(device);
    words("/floor_rmmod t_dev");
}

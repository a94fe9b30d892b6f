//! Replaces a driver by the one that was just built: `reload ./driver.ko [NAME=VALUE]...`

use std::error::Error;
use std::time::{Duration, Instant};

use modutils::diagnosis::Request;
use modutils::{Arguments, Force, Kernel, ModuleFile, RemoveMode, Snapshot, Waiting};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let file = ModuleFile::open(words.next().ok_or("usage: reload FILE [NAME=VALUE]...")?)?;
    let (name, arguments, force) = (file.name()?, Arguments::new(words)?, Force::default());
    let kernel = Kernel::running();

    if Snapshot::take(&kernel)?.get(&name).is_some() {
        let end = Instant::now() + Duration::from_secs(10);
        kernel.remove_when_free(&name, RemoveMode::Refuse, Waiting::until(Some(end)))?;
    }
    kernel.insert(&file, &arguments, force).map_err(|error| {
        let request = Request { file: &file, arguments: &arguments, force };
        kernel.explain(request, &error, None)
    })?;
    println!("loaded {name}");
    Ok(())
}

//! The file and the parameters that the command line names.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use modutils::diagnosis::CommandLine;
use modutils::{Arguments, Error, ModuleFile};

use super::failure::Failure;
use super::options::Options;
use crate::common::report::Reporter;

/// The file, open, and its parameters.
pub(super) fn read(
    options: &Options,
    reporter: &Reporter,
) -> Result<(ModuleFile, Arguments), Failure> {
    let path = options.file.as_ref().ok_or_else(Failure::no_file)?;
    if let Some(second) = options.parameters.iter().find(|word| is_module_file(word)) {
        return Err(Failure::second_file(second));
    }
    let inexpressible = |bad| Failure::inexpressible(&bad);
    let not_opened = |error| Failure::not_opened(path, &error);
    // One word may hold several parameters, which only the file declares.
    if modutils::insert::has_blanks(&options.parameters) {
        let file = open(options, path).map_err(not_opened)?;
        let arguments = Arguments::new(split(options, reporter, &file)).map_err(inexpressible)?;
        return Ok((file, arguments));
    }
    let arguments = Arguments::new(&options.parameters).map_err(inexpressible)?;
    Ok((open(options, path).map_err(not_opened)?, arguments))
}

/// The parameters, with words taken apart that hold several.
fn split(options: &Options, reporter: &Reporter, file: &ModuleFile) -> Vec<OsString> {
    let declared = file.image().and_then(|image| image.parameters()).unwrap_or_default();
    let mut words = Vec::new();
    for word in &options.parameters {
        let pieces = modutils::insert::split_parameters(word, &declared);
        if pieces.len() > 1 && reporter.is_verbose() {
            let line = CommandLine::new("parameters:");
            let line = pieces.iter().fold(line, CommandLine::word).to_string();
            reporter.tell(format!("took one word for {} {line}", pieces.len()).as_bytes());
        }
        words.extend(pieces);
    }
    words
}

/// Standard input may be a file or a pipe.
pub(super) fn open(options: &Options, path: &OsStr) -> Result<ModuleFile, Error> {
    let max = options.max_size;
    if path != "-" {
        return Ok(ModuleFile::open(path)?.with_decompressed_max(max));
    }
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => ModuleFile::from_stream(File::from(stdin), path, max),
        // Out of descriptors: this fails with that error.
        Err(_) => ModuleFile::open("/dev/stdin"),
    }
}

/// Whether a word among the parameters is a second module. No parameter's name ends so.
fn is_module_file(word: &OsStr) -> bool {
    !word.as_bytes().contains(&b'=') && ModuleFile::is_named(word)
}

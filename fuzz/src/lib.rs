//! What the library is asked of any bytes, a function for each fuzz target.
//!
//! A function panics if the answer is wrong, not only if the library does: where there is a second
//! opinion, they are compared. `tests/corpus.rs` has the same functions go over the corpora.

pub mod files;
pub mod index;
pub mod kernel;
pub mod words;

/// The test of an input.
pub type Check = fn(&[u8]);

/// The targets: name, which is that of the corpus, and function.
pub const TARGETS: &[(&str, Check)] = &[
    ("image", files::image),
    ("compressed", files::compressed),
    ("signature", files::signature),
    ("proc_modules", kernel::proc_modules),
    ("sysfs", kernel::sysfs),
    ("diagnosis", kernel::diagnosis),
    ("depmod_index", index::depmod_index),
    ("modprobe", index::modprobe),
    ("package", index::package),
    ("parameters", words::parameters),
    ("names", words::names),
];

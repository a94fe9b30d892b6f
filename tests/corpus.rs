//! The fuzz targets go over the corpora that are kept: every input that ever was interesting.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use modutils_fuzz::{TARGETS, files, index, kernel};

#[test]
fn fuzz_targets_accept_their_corpora() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    for (name, check) in TARGETS {
        assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).exists(), "{name} has no target");
        let mut inputs = 0;
        for entry in fs::read_dir(fuzz.join("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            check(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 3, "{name} has only {inputs} inputs");
        check(b"");
    }
    index::clean();
    kernel::clean();
}

/// Modules with random changes, the same ones each time, for `CORPUS_SECONDS` or one. Fuzzing has no
/// 32-bit and no big-endian machine; this runs there under emulation, see `fuzz/emulate.sh`.
#[test]
fn changed_images_are_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/image");
    let mut paths: Vec<_> =
        fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let images: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let seconds = env::var("CORPUS_SECONDS").ok().and_then(|text| text.parse().ok());
    let (start, time) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(1)));

    // A generator of Marsaglia's.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % limit.max(1)
    };
    let mut rounds = 0;
    while start.elapsed() < time {
        let mut bytes = images[rounds % images.len()].clone();
        for _ in 0..=random(8) {
            if bytes.is_empty() {
                break;
            }
            let at = random(bytes.len());
            match random(5) {
                0 => bytes[at] = 0xff,
                1 => bytes[at] = 0,
                2 => bytes[at] ^= 1 << random(8),
                // Numbers of four bytes at the limits of what 32 bits hold.
                3 => {
                    let number = [u32::MAX, u32::MAX / 2, 1 << 31, u32::MAX - 64][random(4)];
                    let end = bytes.len().min(at + 4);
                    bytes[at..end].copy_from_slice(&number.to_ne_bytes()[..end - at]);
                }
                _ => bytes.truncate(at),
            }
        }
        files::image(&bytes);
        rounds += 1;
    }
    println!("{rounds} images in {time:?}");
    assert!(rounds > 0);
}

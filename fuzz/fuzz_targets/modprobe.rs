#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| modutils_fuzz::index::modprobe(bytes));

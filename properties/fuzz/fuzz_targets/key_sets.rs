#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::key_sets::check(data));

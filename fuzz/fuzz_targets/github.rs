//! Reads any event and body as a delivery of GitHub's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_core::push::Source;

fuzz_target!(|data: &[u8]| longshore_fuzz::deliver(Source::GitHub, data));

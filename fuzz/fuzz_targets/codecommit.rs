//! Reads any JSON as an event of CodeCommit's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_core::{codecommit, event::Envelope, push::Source};

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(data)
        && let Ok(delivery) = codecommit::parse(&envelope)
    {
        longshore_fuzz::check(Source::CodeCommit, &delivery);
    }
});

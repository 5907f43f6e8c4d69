//! Takes the first line as the signature of the rest, as GitHub and Bitbucket sign.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_core::signature::{Unproven, hub, sign_hub};
use longshore_fuzz::SECRET;

fuzz_target!(|data: &[u8]| {
    let (line, body) = longshore_fuzz::split(data);
    let right = sign_hub(SECRET, body);
    if let Ok(header) = str::from_utf8(line) {
        // Hexadecimal digits may be of either case.
        let proven = hub(Some(header), body, &["another", SECRET]).is_ok();
        assert_eq!(proven, header.starts_with("sha256=") && header.eq_ignore_ascii_case(&right));
        assert_eq!(hub(Some(header), body, &[]), Err(Unproven::NoSecret));
        // Any text is a secret but the empty one.
        let signed = sign_hub(header, body);
        assert_eq!(hub(Some(&signed), body, &["another", header]).is_ok(), !header.is_empty());
    }
    assert_eq!(hub(Some(&right), body, &[SECRET]).map(|body| body.bytes()), Ok(body));
    if let Some(index) = data.first().map(|byte| usize::from(*byte) % body.len().max(1)).filter(|_| !body.is_empty()) {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        assert_eq!(hub(Some(&right), &changed, &[SECRET]), Err(Unproven::Mismatch));
    }
});

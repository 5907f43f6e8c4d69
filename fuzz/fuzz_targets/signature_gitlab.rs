//! Takes the first line as GitLab's headers, separated by tabs (signature, token, id, timestamp), for the rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_core::signature::{GitLab, Unproven, gitlab, sign_gitlab};
use longshore_fuzz::{NOW, SECRET, now};

const KEY: &str = "whsec_YSBrZXkgb2YgdGhlIGZ1enogdGFyZ2V0cywgMzIgYnl0ZXM=";

fuzz_target!(|data: &[u8]| {
    let (line, body) = longshore_fuzz::split(data);
    let Ok(line) = str::from_utf8(line) else { return };
    let mut fields = line.split('\t').map(|field| Some(field).filter(|field| *field != "-"));
    let mut next = || fields.next().flatten();
    let headers = GitLab { signature: next(), token: next(), id: next(), timestamp: next() };

    let id = headers.id.unwrap_or("0f1c");
    let timestamp = headers.timestamp.unwrap_or("0");
    let right = sign_gitlab(KEY, id, timestamp, body).expect("a signing token");
    let proof = gitlab(headers, body, &[KEY, SECRET], now());
    match headers.signature {
        Some(signatures) => {
            let is_signed =
                signatures.split(' ').any(|signature| signature.trim_end_matches('=') == right.trim_end_matches('='));
            assert!(proof.is_err() || is_signed);
        }
        None => assert_eq!(proof.is_ok(), headers.token == Some(SECRET)),
    }
    assert_eq!(gitlab(headers, body, &["", "whsec_x"], now()), Err(Unproven::NoSecret));

    // The same with a right signature: the time alone decides.
    let signed = GitLab { signature: Some(&right), id: Some(id), timestamp: Some(timestamp), ..headers };
    let proof = gitlab(signed, body, &["whsec_x", KEY], now());
    match timestamp.parse::<i64>() {
        Ok(seconds) if seconds.abs_diff(NOW) <= 300 => assert_eq!(proof.map(|body| body.bytes()), Ok(body)),
        Ok(_) => assert_eq!(proof, Err(Unproven::Expired)),
        Err(_) => assert_eq!(proof, Err(Unproven::Malformed)),
    }
    let mut changed = body.to_vec();
    changed.push(0);
    assert!(gitlab(signed, &changed, &[KEY], now()).is_err());
});

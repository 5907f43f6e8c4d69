use proptest::prelude::*;

use super::*;

const ID: &str = "0f1c";

fn key(byte: u8) -> String {
    format!("{SIGNING_KEY}{}", BASE64.encode([byte; 32]))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// What GitLab sends with a signing token.
struct Signed {
    signature: String,
    timestamp: String,
}

impl Signed {
    fn with(secret: &str, second: i64, body: &[u8]) -> Self {
        let timestamp = second.to_string();
        Self { signature: sign_gitlab(secret, ID, &timestamp, body).expect("a signing token"), timestamp }
    }

    fn headers(&self) -> GitLab<'_> {
        let (signature, timestamp) = (Some(self.signature.as_str()), Some(self.timestamp.as_str()));
        GitLab { token: None, signature, id: Some(ID), timestamp }
    }
}

#[test]
fn a_header_that_is_not_sha256_in_hex_is_malformed() {
    let digits = "0".repeat(64);
    for header in
        ["", "sha256=", "sha256=zz", &digits, &format!("sha1={digits}"), &format!("sha256={digits}0"), "SHA256="]
    {
        assert_eq!(hub(Some(header), b"{}", &["secret"]), Err(Unproven::Malformed), "{header}");
    }
    let sha1 = "sha1=b3b5c1a5d2a7ab5b1b6d7b7e4f6f3f0cd4a7a0b5";
    assert_eq!(hub(Some(sha1), b"{}", &["secret"]), Err(Unproven::Malformed));
}

#[test]
fn no_secret_refuses_everything() {
    let header = sign_hub("", b"{}");
    let token = GitLab { token: Some(""), ..GitLab::default() };
    for secrets in [&[][..], &["", ""]] {
        assert_eq!(hub(Some(&header), b"{}", secrets), Err(Unproven::NoSecret));
        assert_eq!(gitlab(token, b"{}", secrets, at(0)), Err(Unproven::NoSecret));
    }
}

#[test]
fn a_missing_header_is_told_apart_for_the_log() {
    assert_eq!(hub(None, b"{}", &["secret"]), Err(Unproven::Missing));
    assert_eq!(gitlab(GitLab::default(), b"{}", &["secret"], at(0)), Err(Unproven::Missing));
    assert_eq!(gitlab(GitLab::default(), b"{}", &[&key(1)], at(0)), Err(Unproven::Missing));
    // Signed, and no signing token is configured: it may be a new one, for which the secret is to be read again.
    let signed = GitLab { signature: Some("v1,"), ..GitLab::default() };
    assert_eq!(gitlab(signed, b"{}", &["secret"], at(0)), Err(Unproven::Mismatch));
    let signed = Signed::with(&key(1), 0, b"{}");
    for headers in [GitLab { id: None, ..signed.headers() }, GitLab { timestamp: None, ..signed.headers() }] {
        assert_eq!(gitlab(headers, b"{}", &[&key(1)], at(0)), Err(Unproven::Missing));
    }
}

#[test]
fn a_secret_token_is_compared_whole() {
    for (token, proof) in [
        ("secret", Ok(())),
        ("secre", Err(Unproven::Mismatch)),
        ("secrets", Err(Unproven::Mismatch)),
        ("", Err(Unproven::Mismatch)),
    ] {
        let headers = GitLab { token: Some(token), ..GitLab::default() };
        assert_eq!(gitlab(headers, b"{}", &["other", "secret"], at(0)).map(|_| ()), proof, "{token}");
    }
}

#[test]
fn a_signing_token_never_counts_as_a_secret_token() {
    let secret = key(1);
    let headers = GitLab { token: Some(&secret), ..GitLab::default() };
    assert_eq!(gitlab(headers, b"{}", &[&secret, "other"], at(0)), Err(Unproven::Mismatch));
    assert_eq!(gitlab(headers, b"{}", &[&secret], at(0)), Err(Unproven::Mismatch));
    // Not even one that is no key.
    let none = GitLab { token: Some("whsec_x"), ..GitLab::default() };
    assert_eq!(gitlab(none, b"{}", &["whsec_x"], at(0)), Err(Unproven::NoSecret));
    assert_eq!(sign_gitlab("whsec_x", ID, "0", b"{}"), None);
    let short = format!("{SIGNING_KEY}{}", BASE64.encode([1; 23]));
    assert_eq!(sign_gitlab(&short, ID, "0", b"{}"), None);
}

#[test]
fn a_signature_decides_over_a_token_where_a_signing_token_is_configured() {
    let signed = Signed::with(&key(1), 0, b"{}");
    let both = GitLab { token: Some("secret"), ..signed.headers() };
    assert!(gitlab(both, b"{}", &[&key(1), "secret"], at(0)).is_ok());
    assert_eq!(gitlab(both, b"{}", &[&key(2), "secret"], at(0)), Err(Unproven::Mismatch));
    assert!(gitlab(both, b"{}", &["secret"], at(0)).is_ok(), "no signing token is configured here");
    let without = GitLab { signature: None, ..both };
    assert!(gitlab(without, b"{}", &[&key(1), "secret"], at(0)).is_ok());
}

#[test]
fn a_signature_lasts_five_minutes_either_way() {
    let signed = Signed::with(&key(1), 10_000, b"{}");
    for (now, proof) in [
        (10_000, Ok(())),
        (10_300, Ok(())),
        (9_700, Ok(())),
        (10_301, Err(Unproven::Expired)),
        (9_699, Err(Unproven::Expired)),
    ] {
        assert_eq!(gitlab(signed.headers(), b"{}", &[&key(1)], at(now)).map(|_| ()), proof, "{now}");
    }
    for timestamp in ["", "soon", "10000.5", " 10000", "99999999999999999999"] {
        let headers = GitLab { timestamp: Some(timestamp), ..signed.headers() };
        assert_eq!(gitlab(headers, b"{}", &[&key(1)], at(10_000)), Err(Unproven::Malformed), "{timestamp}");
    }
    let never = GitLab { timestamp: Some("-9223372036854775808"), ..signed.headers() };
    assert_eq!(gitlab(never, b"{}", &[&key(1)], at(10_000)), Err(Unproven::Mismatch));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let (old, new) = (Signed::with(&key(1), 0, b"{}"), Signed::with(&key(2), 0, b"{}"));
    let several = format!("v1a,eHl6 {} {}", old.signature, new.signature);
    let headers = GitLab { signature: Some(&several), ..old.headers() };
    for secret in [key(1), key(2)] {
        assert!(gitlab(headers, b"{}", &[&secret], at(0)).is_ok());
    }
    for malformed in ["", "v1", "v1,", "v1,!", "v2,eHl6", "v1,eHl6"] {
        let headers = GitLab { signature: Some(malformed), ..old.headers() };
        assert_eq!(gitlab(headers, b"{}", &[&key(1)], at(0)), Err(Unproven::Malformed), "{malformed}");
    }
}

#[test]
fn the_id_and_the_time_are_signed_with_the_body() {
    let signed = Signed::with(&key(1), 7, b"{}");
    for headers in
        [GitLab { id: Some("0f1d"), ..signed.headers() }, GitLab { timestamp: Some("8"), ..signed.headers() }]
    {
        assert_eq!(gitlab(headers, b"{}", &[&key(1)], at(7)), Err(Unproven::Mismatch));
    }
}

#[test]
fn the_signature_is_that_of_standard_webhooks() {
    // Made with `openssl dgst -sha256 -mac HMAC`: the key is 32 bytes of 0x01.
    let signature = sign_gitlab(&key(1), "msg_1", "1614265330", br#"{"test": 2432232314}"#);
    assert_eq!(signature.as_deref(), Some(EXPECTED));
}

const EXPECTED: &str = "v1,YUNsouczJ3RNIJXIS6xNtnOnTODDfbH01V6yB8kWgZc=";

proptest! {
    #[test]
    fn either_of_two_live_secrets_proves_a_body(body: Vec<u8>, old in ".{1,80}", new in ".{1,80}", bytes: (u8, u8)) {
        for secret in [&old, &new] {
            let header = sign_hub(secret, &body);
            prop_assert_eq!(hub(Some(&header), &body, &[&old, &new]).map(Verified::bytes), Ok(&body[..]));
            let headers = GitLab { token: Some(secret), ..GitLab::default() };
            let proof = gitlab(headers, &body, &[&old, &new], at(0)).map(Verified::bytes);
            prop_assert_eq!(proof, if is_signing_token(secret) { Err(Unproven::Mismatch) } else { Ok(&body[..]) });
        }
        let (old, new) = (key(bytes.0), key(bytes.1));
        for secret in [&old, &new] {
            let signed = Signed::with(secret, 0, &body);
            prop_assert!(gitlab(signed.headers(), &body, &[&old, &new], at(0)).is_ok());
        }
    }

    #[test]
    fn a_changed_byte_is_a_mismatch(mut body in prop::collection::vec(any::<u8>(), 1..200), at_byte: prop::sample::Index) {
        let (header, signed) = (sign_hub("secret", &body), Signed::with(&key(1), 0, &body));
        let index = at_byte.index(body.len());
        body[index] ^= 1;
        prop_assert_eq!(hub(Some(&header), &body, &["secret"]), Err(Unproven::Mismatch));
        prop_assert_eq!(gitlab(signed.headers(), &body, &[&key(1)], at(0)), Err(Unproven::Mismatch));
    }

    #[test]
    fn no_header_makes_it_panic_or_proves_anything(
        signature: String, token: String, id: Option<String>, timestamp: Option<String>, body: Vec<u8>, now: i32,
    ) {
        prop_assert!(hub(Some(&signature), &body, &["secret"]).is_err());
        for signature in [signature.clone(), format!("v1,{signature}"), format!("v1,{}", BASE64.encode([7; 32]))] {
            let headers = GitLab {
                token: Some(&token), signature: Some(&signature), id: id.as_deref(), timestamp: timestamp.as_deref(),
            };
            prop_assert!(gitlab(headers, &body, &[&key(1), "a secret"], at(now.into())).is_err());
        }
    }
}

#[test]
fn slack_signs_version_time_and_body() {
    let (secret, body) = ("hush", b"payload=%7B%7D");
    let signature = sign_slack(secret, "1000", body);
    let expected = hex::encode(hmac_sha256(secret.as_bytes(), b"v0:1000:payload=%7B%7D").finalize().into_bytes());
    assert_eq!(signature, format!("v0={expected}"));
    let proven = |time: &str, signature: &str, secrets: &[&str], now| {
        slack(Some(time), Some(signature), body, secrets, at(now)).map(Verified::bytes)
    };
    assert_eq!(proven("1000", &signature, &["new", secret], 1000), Ok(&body[..]));
    assert_eq!(proven("1000", &signature, &["new"], 1000), Err(Unproven::Mismatch));
    assert_eq!(proven("1001", &signature, &[secret], 1000), Err(Unproven::Mismatch), "the time is signed");
    assert_eq!(slack(Some("1000"), Some(&signature), b"payload=%7B", &[secret], at(1000)), Err(Unproven::Mismatch));
}

#[test]
fn a_request_of_slack_is_good_for_five_minutes_either_way() {
    let signature = sign_slack("hush", "1000", b"");
    let at_second = |now| slack(Some("1000"), Some(&signature), b"", &["hush"], at(now)).map(drop);
    assert_eq!([700, 1000, 1300].map(at_second), [Ok(()); 3]);
    assert_eq!([699, 1301].map(at_second), [Err(Unproven::Expired); 2]);
    let other = slack(Some("1000"), Some(&signature), b"", &["another"], at(9999));
    assert_eq!(other, Err(Unproven::Mismatch), "whether a guess was right is told by no time");
}

#[test]
fn a_request_of_slack_without_proof_is_refused() {
    let signature = sign_slack("hush", "1000", b"");
    let refused = |time, signature, secrets: &[&str]| slack(time, signature, b"", secrets, at(1000)).map(drop);
    assert_eq!(refused(Some("1000"), Some(&signature), &["", ""]), Err(Unproven::NoSecret));
    let empty = sign_slack("", "1000", b"");
    assert_eq!(refused(Some("1000"), Some(&empty), &["", "hush"]), Err(Unproven::Mismatch));
    assert_eq!(refused(None, Some(&signature), &["hush"]), Err(Unproven::Missing));
    assert_eq!(refused(Some("1000"), None, &["hush"]), Err(Unproven::Missing));
    let (long, upper) = (format!("{signature}00"), signature.replace("v0", "V0"));
    for malformed in ["", "v0=", "v1=00", &signature[3..], &long, &upper] {
        assert_eq!(refused(Some("1000"), Some(malformed), &["hush"]), Err(Unproven::Malformed), "{malformed}");
    }
    for time in ["", "now", "1e3", "99999999999999999999", "1000.5"] {
        assert_eq!(refused(Some(time), Some(&signature), &["hush"]), Err(Unproven::Malformed), "{time}");
    }
}

proptest! {
    #[test]
    fn any_headers_of_slack_are_proof_or_not(time: String, signature: String, body: Vec<u8>, seconds in -9_999_i64..9_999) {
        prop_assert!(slack(Some(&time), Some(&signature), &body, &["hush"], at(0)).is_err());
        let time = seconds.to_string();
        let signed = sign_slack("hush", &time, &body);
        prop_assert_eq!(slack(Some(&time), Some(&signed), &body, &["a", "hush"], at(seconds)).map(Verified::bytes), Ok(&body[..]));
    }
}

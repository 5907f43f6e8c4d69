//! Proof that a request comes from whom it says: HMAC signatures over the raw body.
//!
//! A parser of deliveries takes a [`Verified`] body, and only this module makes one, from raw bytes, before any parsing.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A body whose signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a>(&'a [u8]);

impl<'a> Verified<'a> {
    /// The bytes that were signed.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Why a request was refused. The caller is told none of this: every failure of proof is the same 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No secret is configured for this source, or only empty ones: nothing can be proven.
    #[error("no secret is configured for this source")]
    NoSecret,
    /// The header is absent.
    #[error("the signature header is missing")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature header is not sha256=<64 hexadecimal digits>")]
    Malformed,
    /// The signature was made with another secret, or over another body.
    #[error("the signature matches none of the configured secrets")]
    Mismatch,
}

/// GitHub's `X-Hub-Signature-256`: `sha256=` and the hexadecimal HMAC-SHA256 of the raw body.
///
/// `secrets` are all that are live, so that one can be rotated without losing a delivery; empty ones prove nothing. Compared in
/// constant time. Source: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
pub fn github<'a>(header: Option<&str>, body: &'a [u8], secrets: &[&str]) -> Result<Verified<'a>, Unproven> {
    let mut usable = secrets.iter().filter(|secret| !secret.is_empty()).peekable();
    if usable.peek().is_none() {
        return Err(Unproven::NoSecret);
    }
    let digits = header.ok_or(Unproven::Missing)?.strip_prefix("sha256=").ok_or(Unproven::Malformed)?;
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).map_err(|_| Unproven::Malformed)?;
    if usable.any(|secret| hmac_sha256(secret.as_bytes(), body).verify_slice(&signature).is_ok()) {
        return Ok(Verified(body));
    }
    Err(Unproven::Mismatch)
}

/// The header value that GitHub would send for this body: for the local stack and for tests, which sign.
pub fn sign_github(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), body).finalize().into_bytes()))
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 2), so this cannot fail.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_that_is_not_sha256_in_hex_is_malformed() {
        let digits = "0".repeat(64);
        for header in
            ["", "sha256=", "sha256=zz", &digits, &format!("sha1={digits}"), &format!("sha256={digits}0"), "SHA256="]
        {
            assert_eq!(github(Some(header), b"{}", &["secret"]), Err(Unproven::Malformed), "{header}");
        }
    }

    #[test]
    fn no_secret_refuses_everything() {
        let header = sign_github("", b"{}");
        assert_eq!(github(Some(&header), b"{}", &[]), Err(Unproven::NoSecret));
        assert_eq!(github(Some(&header), b"{}", &["", ""]), Err(Unproven::NoSecret));
    }

    #[test]
    fn a_missing_header_is_told_apart_for_the_log() {
        assert_eq!(github(None, b"{}", &["secret"]), Err(Unproven::Missing));
    }

    proptest! {
        #[test]
        fn either_of_two_live_secrets_proves_a_body(body: Vec<u8>, old in ".{1,80}", new in ".{1,80}") {
            for secret in [&old, &new] {
                let header = sign_github(secret, &body);
                prop_assert_eq!(github(Some(&header), &body, &[&old, &new]).map(Verified::bytes), Ok(&body[..]));
            }
        }

        #[test]
        fn a_changed_byte_is_a_mismatch(mut body in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index) {
            let header = sign_github("secret", &body);
            let at = at.index(body.len());
            body[at] ^= 1;
            prop_assert_eq!(github(Some(&header), &body, &["secret"]), Err(Unproven::Mismatch));
        }

        #[test]
        fn no_header_makes_it_panic(header: String, body: Vec<u8>) {
            prop_assert!(github(Some(&header), &body, &["secret"]).is_err());
        }
    }
}

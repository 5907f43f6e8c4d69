//! Proof that a request comes from whom it says, from its raw bytes, before any parsing.
//!
//! A parser of deliveries takes a [`Verified`] body, and only this module makes one. Secrets are all that are live, so that one can be
//! rotated without losing a delivery: each is tried, in constant time. Empty ones prove nothing.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A body whose proof was checked.
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
    /// No secret is configured for this source, or only ones that prove nothing: empty ones, and signing keys that are none.
    #[error("no secret is configured for this source")]
    NoSecret,
    /// The header is absent.
    #[error("the signature header is missing")]
    Missing,
    /// The header is not of the documented form: `sha256=` or `v0=` and 64 hexadecimal digits, or `v1,` and Base64.
    #[error("the signature header is not of the documented form")]
    Malformed,
    /// The signature was made with another secret, or over another body.
    #[error("the signature matches none of the configured secrets")]
    Mismatch,
    /// The signature is right, and its time is more than five minutes away.
    #[error("the signature's time is more than five minutes away")]
    Expired,
    /// This source sends nothing by HTTP.
    #[error("this source sends nothing by HTTP")]
    NotByHttp,
}

/// How far the time in a signature may be from now, in seconds, either way. Sources:
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>,
/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
const TOLERANCE: i64 = 5 * 60;

/// What GitLab's signing tokens begin with; the key follows, in Base64.
const SIGNING_KEY: &str = "whsec_";

/// Standard Webhooks wants keys of 24 to 64 bytes, GitLab makes them of 32; a shorter one proves nothing.
const SHORTEST_KEY: usize = 24;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The signature of GitHub (`X-Hub-Signature-256`) and of Bitbucket (`X-Hub-Signature`): `sha256=` and the hexadecimal HMAC-SHA256 of
/// the raw body. GitHub's own `X-Hub-Signature` is SHA-1, which is refused.
///
/// Sources: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>,
/// <https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/>,
/// <https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html>.
pub fn hub<'a>(header: Option<&str>, body: &'a [u8], secrets: &[&str]) -> Result<Verified<'a>, Unproven> {
    if secrets.iter().all(|secret| secret.is_empty()) {
        return Err(Unproven::NoSecret);
    }
    let signature = hexadecimal(header.ok_or(Unproven::Missing)?, "sha256=")?;
    let usable = secrets.iter().filter(|secret| !secret.is_empty());
    let proven = one_of(usable.map(|secret| hmac_sha256(secret.as_bytes(), body).verify_slice(&signature).is_ok()));
    if proven { Ok(Verified(body)) } else { Err(Unproven::Mismatch) }
}

/// The header value of [`hub`].
pub fn sign_hub(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), body).finalize().into_bytes()))
}

/// Slack's signature of a request: `X-Slack-Signature` is `v0=` and the hexadecimal HMAC-SHA256 of `v0:<time>:<body>`, with the app's signing
/// secret; the time is `X-Slack-Request-Timestamp`, in seconds since 1970, and may be five minutes away.
///
/// Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
pub fn slack<'a>(
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &'a [u8],
    secrets: &[&str],
    now: Timestamp,
) -> Result<Verified<'a>, Unproven> {
    if secrets.iter().all(|secret| secret.is_empty()) {
        return Err(Unproven::NoSecret);
    }
    let (timestamp, signature) = timestamp.zip(signature).ok_or(Unproven::Missing)?;
    let signature = hexadecimal(signature, "v0=")?;
    let seconds: i64 = timestamp.parse().map_err(|_| Unproven::Malformed)?;
    let usable = secrets.iter().filter(|secret| !secret.is_empty());
    let proven = one_of(usable.map(|secret| slack_hmac(secret, timestamp, body).verify_slice(&signature).is_ok()));
    timely(proven, seconds, now).map(|()| Verified(body))
}

/// The `X-Slack-Signature` of [`slack`], for a request of this time.
pub fn sign_slack(secret: &str, timestamp: &str, body: &[u8]) -> String {
    format!("v0={}", hex::encode(slack_hmac(secret, timestamp, body).finalize().into_bytes()))
}

fn slack_hmac(secret: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(secret.as_bytes(), b"v0:");
    for part in [timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac
}

/// The headers with which GitLab proves a delivery.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitLab<'h> {
    /// `X-Gitlab-Token`: the secret token itself.
    pub token: Option<&'h str>,
    /// `webhook-signature`: `v1,` and the Base64 HMAC-SHA256 of id, time and body; several are separated by spaces.
    pub signature: Option<&'h str>,
    /// `webhook-id`, which is signed.
    pub id: Option<&'h str>,
    /// `webhook-timestamp`, which is signed: seconds since 1970.
    pub timestamp: Option<&'h str>,
}

/// Checks GitLab's proof. Secrets that begin with `whsec_` are signing tokens (GitLab 19 and later), all others secret tokens.
///
/// Where a signature is sent and a signing token is configured, the signature decides, whatever the secret token is; otherwise the
/// secret token does. A signing token never counts as a secret token. GitLab sends `webhook-id` and `webhook-timestamp` always, the
/// signature where the webhook has a signing token.
/// Sources: <https://docs.gitlab.com/user/project/integrations/webhooks/#signing-tokens>,
/// <https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944>.
pub fn gitlab<'a>(
    headers: GitLab<'_>,
    body: &'a [u8],
    secrets: &[&str],
    now: Timestamp,
) -> Result<Verified<'a>, Unproven> {
    let keys: Vec<_> = secrets.iter().filter_map(|secret| signing_key(secret)).collect();
    let tokens = || secrets.iter().filter(|secret| !secret.is_empty() && !secret.starts_with(SIGNING_KEY));
    match (headers.signature, headers.token) {
        (Some(signatures), _) if !keys.is_empty() => {
            let (id, timestamp) = headers.id.zip(headers.timestamp).ok_or(Unproven::Missing)?;
            standard(signatures, id, timestamp, body, &keys, now)
        }
        _ if keys.is_empty() && tokens().next().is_none() => Err(Unproven::NoSecret),
        // No secret of ours is one for signatures: it may have been added since it was read.
        (Some(_), None) => Err(Unproven::Mismatch),
        (None, None) => Err(Unproven::Missing),
        (_, Some(token)) => {
            // Of digests, the comparison tells not even the length.
            let digest = Sha256::digest(token);
            let proven = one_of(tokens().map(|secret| bool::from(Sha256::digest(secret).ct_eq(&digest))));
            if proven { Ok(Verified(body)) } else { Err(Unproven::Mismatch) }
        }
    }
}

/// The `webhook-signature` that GitLab would send; `None` where this secret is no signing token.
pub fn sign_gitlab(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let key = signing_key(secret)?;
    Some(format!("v1,{}", BASE64.encode(standard_hmac(&key, id, timestamp, body).finalize().into_bytes())))
}

/// Whether this secret is meant as one of GitLab's signing tokens, usable or not: it must not be sent as a secret token.
pub(crate) fn is_signing_token(secret: &str) -> bool {
    secret.starts_with(SIGNING_KEY)
}

fn standard<'a>(
    signatures: &str,
    id: &str,
    timestamp: &str,
    body: &'a [u8],
    keys: &[Vec<u8>],
    now: Timestamp,
) -> Result<Verified<'a>, Unproven> {
    // Other versions than v1 may stand beside it, and are not read. A few signatures are enough for a rotation.
    let signatures: Vec<_> = signatures
        .split(' ')
        .filter_map(|signature| BASE64.decode(signature.strip_prefix("v1,")?).ok())
        .filter(|signature| signature.len() == 32)
        .take(8)
        .collect();
    let seconds: i64 = timestamp.parse().map_err(|_| Unproven::Malformed)?;
    if signatures.is_empty() {
        return Err(Unproven::Malformed);
    }
    let proven = one_of(keys.iter().map(|key| {
        let mac = standard_hmac(key, id, timestamp, body);
        one_of(signatures.iter().map(|signature| mac.clone().verify_slice(signature).is_ok()))
    }));
    timely(proven, seconds, now).map(|()| Verified(body))
}

/// A signature counts where it is right and its time is near enough.
fn timely(proven: bool, seconds: i64, now: Timestamp) -> Result<(), Unproven> {
    match (proven, now.as_second().abs_diff(seconds) <= TOLERANCE.unsigned_abs()) {
        (false, _) => Err(Unproven::Mismatch),
        (true, false) => Err(Unproven::Expired),
        (true, true) => Ok(()),
    }
}

/// The 32 bytes of a signature in hexadecimal digits, after what has to stand before them.
fn hexadecimal(header: &str, prefix: &str) -> Result<[u8; 32], Unproven> {
    let digits = header.strip_prefix(prefix).ok_or(Unproven::Malformed)?;
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).map_err(|_| Unproven::Malformed)?;
    Ok(signature)
}

fn standard_hmac(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(key, id.as_bytes());
    for part in [b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

fn signing_key(secret: &str) -> Option<Vec<u8>> {
    BASE64.decode(secret.strip_prefix(SIGNING_KEY)?).ok().filter(|key| key.len() >= SHORTEST_KEY)
}

/// Whether one is true; all are looked at, so that the time does not tell which.
fn one_of(checks: impl Iterator<Item = bool>) -> bool {
    checks.fold(false, |found, check| found | check)
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 2), so this cannot fail.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests;

//! Requests to others than AWS: one client's making, and bounds on what comes back.

use std::time::Duration;

use longshore_aws::trust;
use reqwest::{Client, Response, redirect::Policy};

/// The largest answer, in bytes: a page of a provider's list, the groups of a large workspace.
pub(crate) const LIMIT: usize = 8 * 1024 * 1024;

/// Why an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than [`LIMIT`].
    TooLarge,
    /// It broke off: why.
    Unreached(&'static str),
}

/// A client whose requests take so long at most, their answers included; `None` when none can be made.
pub(crate) fn client(each: Duration, redirect: Policy) -> Option<Client> {
    trust::client().timeout(each).redirect(redirect).user_agent("longshore").build().ok()
}

/// The body of an answer.
pub(crate) async fn body(answer: &mut Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Unread::Unreached(unreached(&error)))? {
        if body.len() + chunk.len() > LIMIT {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong. The error's own text quotes the address, which may be a secret, and is left out, and of what lies below it nothing.
pub(crate) fn unreached(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_builder() => "the request cannot be made",
        _ => "the answer broke off",
    }
}

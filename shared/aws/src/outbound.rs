//! Requests to others than AWS: one client's making, and bounds on what comes back.

use std::time::Duration;

use reqwest::{Client, Response, redirect::Policy};

use crate::trust;

/// The largest answer, in bytes: a page of a provider's list, the groups of a large workspace.
pub const LIMIT: usize = 8 * 1024 * 1024;

/// Why an answer cannot be read.
#[derive(Debug)]
pub enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// It broke off.
    Broken(reqwest::Error),
}

/// A client whose requests take so long at most, their answers included; `None` when none can be made.
pub fn client(each: Duration, redirect: Policy) -> Option<Client> {
    trust::client().timeout(each).redirect(redirect).user_agent("longshore").build().ok()
}

/// The body of an answer, of `most` bytes at most.
pub async fn body(answer: &mut Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(Unread::Broken)? {
        if body.len() + chunk.len() > most {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong. The error's own text quotes the address, which may be a secret, and is left out, and of what lies below it nothing.
pub fn unreached(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_builder() => "the request cannot be made",
        _ => "the answer broke off",
    }
}

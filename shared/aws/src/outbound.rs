//! Requests to others than AWS: one client's making, and bounds on what comes back.

use std::{net::IpAddr, sync::OnceLock, time::Duration};

use reqwest::{Client, ClientBuilder, Response, Url, redirect::Policy};

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

/// A client that is made at its first use: most invocations ask nobody.
#[derive(Debug, Clone)]
pub struct Lazy {
    make: fn() -> Option<Client>,
    made: OnceLock<Option<Client>>,
}

impl Lazy {
    /// Of a client that is made so.
    pub const fn new(make: fn() -> Option<Client>) -> Self {
        Self { make, made: OnceLock::new() }
    }

    /// The client; else, in words, that there is none.
    pub fn get(&self) -> Result<&Client, &'static str> {
        self.made.get_or_init(self.make).as_ref().ok_or("no HTTP client can be made")
    }
}

/// A client whose requests take so long at most, their answers included; `None` when none can be made.
pub fn client(each: Duration, redirect: Policy) -> Option<Client> {
    builder(each, redirect).build().ok()
}

/// The same, for who wants more of it.
pub fn builder(each: Duration, redirect: Policy) -> ClientBuilder {
    trust::client().timeout(each).redirect(redirect).user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
}

/// Whether an address is of this machine: a loopback address, the unspecified one, which systems take for it, or a name that is kept for it
/// (RFC 6761, section 6.3).
pub fn is_here(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address.to_canonical().is_loopback() || address.is_unspecified();
    }
    let name = host.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_however_it_is_written() {
        let is_here = |url: &str| is_here(&Url::parse(url).expect("a URL"));
        for here in [
            "http://127.0.0.1:5000/v2/",
            "http://127.9.9.9",
            "http://0x7f.1/",
            "http://2130706433:443",
            "http://0.0.0.0:443",
            "https://[::1]:8443/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::]/",
            "http://LOCALHOST",
            "https://localhost./",
            "http://registry.localhost:5000",
        ] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "http://127.evil.example/",
            "http://localhost.example",
            "https://notlocalhost/",
            "http://10.0.0.1",
            "http://[2001:db8::1]/",
            "data:,localhost",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}

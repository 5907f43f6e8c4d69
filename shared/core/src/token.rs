//! The release token: what lets a build report on its own release, and on nothing else.
//!
//! `ls1.<release>.<purpose>.<expiry>.<mac>`: the expiry in seconds since 1970, the mac a hexadecimal HMAC-SHA256 over pipeline,
//! release, purpose and expiry with the callback key. The pipeline is in the mac, not in the token: its holder knows it.

use jiff::Timestamp;
use subtle::ConstantTimeEq;

use crate::{release::ReleaseId, signature::hmac_sha256};

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To report the progress of a build and its image.
    Build,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
        }
    }
}

/// A token as it was sent, not yet proven: it only says which release to load, so that [`Claim::prove`] can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    release: ReleaseId,
    purpose: Purpose,
    expires: i64,
    mac: Vec<u8>,
}

/// Mints the token of a release. The same arguments give the same token, so that a repeated `StartBuild` is the same call.
pub fn mint(key: &str, pipeline: &str, release: &ReleaseId, purpose: Purpose, expires: Timestamp) -> String {
    let expires = expires.as_second();
    let mac = mac(key, pipeline, release, purpose, expires);
    format!("ls1.{release}.{}.{expires}.{}", purpose.word(), hex::encode(mac))
}

impl Claim {
    /// Reads a token's form; `None` when it is no token at all.
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.strip_prefix("ls1.")?.split('.');
        let claim = Self {
            release: ReleaseId::parse(parts.next()?)?,
            purpose: match parts.next()? {
                "build" => Purpose::Build,
                _ => return None,
            },
            expires: parts.next()?.parse().ok()?,
            mac: hex::decode(parts.next()?).ok()?,
        };
        parts.next().is_none().then_some(claim)
    }

    /// The release that the token names.
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// Whether the token was minted with one of `keys` for this pipeline and purpose, and has not expired.
    pub fn prove(&self, keys: &[&str], pipeline: &str, purpose: Purpose, now: Timestamp) -> bool {
        let minted = keys
            .iter()
            .filter(|key| !key.is_empty())
            .any(|key| mac(key, pipeline, &self.release, self.purpose, self.expires)[..].ct_eq(&self.mac).into());
        minted && self.purpose == purpose && now.as_second() < self.expires
    }
}

/// The text without what looks like a release token, and without what is assigned to `LONGSHORE_TOKEN`: what a log may show.
///
/// A token is `ls1.` and at least eight letters, digits and dots; a value goes on to white space, a quotation mark or `&`, `;`, `)`.
pub fn masked(text: &str) -> String {
    let token = mask(text, "ls1.", |rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        (end >= 8).then_some((0, end))
    });
    mask(&token, "LONGSHORE_TOKEN=", |rest| {
        let start = rest.len() - rest.trim_start_matches(['"', '\'', '\\', '$']).len();
        let stop = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '&' | ';' | ')');
        let end = rest[start..].find(stop).map_or(rest.len(), |length| start + length);
        (end > start).then_some((start, end))
    })
}

/// Puts a mark in the place of what `secret` finds after each `prefix`: where it begins and ends.
fn mask(text: &str, prefix: &str, secret: impl Fn(&str) -> Option<(usize, usize)>) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(prefix) {
        let (before, after) = rest.split_at(at + prefix.len());
        shown += before;
        rest = after;
        if let Some((start, end)) = secret(after) {
            shown += &after[..start];
            shown += "***";
            rest = &after[end..];
        }
    }
    shown + rest
}

fn mac(key: &str, pipeline: &str, release: &ReleaseId, purpose: Purpose, expires: i64) -> [u8; 32] {
    // Neither a pipeline's name nor a release id holds a line break, so the message reads one way only.
    let message = format!("longshore release token 1\n{pipeline}\n{release}\n{}\n{expires}", purpose.word());
    hmac::Mac::finalize(hmac_sha256(key.as_bytes(), message.as_bytes())).into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01JD0000000000000000000000";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn claim() -> Claim {
        let id = ReleaseId::parse(ID).expect("an id");
        Claim::read(&mint("key", "web", &id, Purpose::Build, at(1000))).expect("a token")
    }

    #[test]
    fn a_minted_token_proves_its_release_until_it_expires() {
        assert_eq!(claim().release().as_str(), ID);
        assert!(claim().prove(&["key"], "web", Purpose::Build, at(999)));
        assert!(claim().prove(&["new", "key"], "web", Purpose::Build, at(999)), "while a key is rotated");
        assert!(!claim().prove(&["key"], "web", Purpose::Build, at(1000)));
    }

    #[test]
    fn another_key_or_pipeline_proves_nothing() {
        assert!(!claim().prove(&["other"], "web", Purpose::Build, at(0)));
        assert!(!claim().prove(&[""], "web", Purpose::Build, at(0)));
        assert!(!claim().prove(&["key"], "api", Purpose::Build, at(0)));
    }

    #[test]
    fn an_altered_token_proves_nothing() {
        let mut later = claim();
        later.expires += 1;
        assert!(!later.prove(&["key"], "web", Purpose::Build, at(0)));
        let mut other = claim();
        other.release = ReleaseId::parse("01JD0000000000000000000001").expect("an id");
        assert!(!other.prove(&["key"], "web", Purpose::Build, at(0)));
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        for text in ["", "ls1", "ls1....", "ls1.x.build.1.00", "ls1.01JD0000000000000000000000.build.1.00.extra"] {
            assert_eq!(Claim::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_in_a_text_is_masked() {
        let id = ReleaseId::parse(ID).expect("an id");
        let token = mint("key", "web", &id, Purpose::Build, at(1000));
        for (text, shown) in [
            (format!("curl -H 'Authorization: Bearer {token}' x"), "curl -H 'Authorization: Bearer ls1.***' x"),
            (format!("{token},{token}"), "ls1.***,ls1.***"),
            (format!("export LONGSHORE_TOKEN=\"{token}\""), "export LONGSHORE_TOKEN=\"***\""),
            ("LONGSHORE_TOKEN=secret&x=1".to_owned(), "LONGSHORE_TOKEN=***&x=1"),
            ("LONGSHORE_TOKEN= and ls1.2 stay".to_owned(), "LONGSHORE_TOKEN= and ls1.2 stay"),
            ("ä ls1.ä".to_owned(), "ä ls1.ä"),
        ] {
            assert_eq!(masked(&text), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_is_left_in_a_text(before: String, after: String) {
            let id = ReleaseId::parse(ID).expect("an id");
            let token = mint("key", "web", &id, Purpose::Build, at(1000));
            let shown = masked(&format!("{before}{token}{after}LONGSHORE_TOKEN='x{token}"));
            proptest::prop_assert!(!shown.contains(&token[30..]), "{}", shown);
        }

        #[test]
        fn reading_a_token_never_panics(text: String) {
            let _ = Claim::read(&text);
            let _ = Claim::read(&format!("ls1.{ID}.{text}"));
        }
    }
}

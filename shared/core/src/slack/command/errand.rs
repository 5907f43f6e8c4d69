//! What somebody wants done, from when it was taken until they were told what became of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Wanted;
use crate::{
    release::ReleaseId,
    slack::{
        User,
        answer::{Answer, Seen},
        confirm::Shown,
    },
    text::shorten,
};

/// What stands for the command's name where the program `longshore` was used.
const PROGRAM: &str = "longshore";
/// The most of an ARN that is kept, in characters.
const LONGEST_ARN: usize = 200;

/// What somebody wants done, as it is kept. The address that they are answered at is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The id of the release that it makes, where it makes one: done again, it makes no second one.
    pub id: ReleaseId,
    /// Who. Of someone who called AWS by the program `longshore`, the ARN is both id and name.
    pub by: User,
    /// Whether it came by the program `longshore`: who may write it down may do it, and reads here what became of it. Only
    /// [`Wanted::Start`] comes so: everything else the program does itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub called: bool,
    /// The command's own name, as Slack sent it: `/deploy`.
    pub name: String,
    /// What.
    pub wanted: Wanted,
    /// Where it was confirmed, the environments that change, with what was live in each when it was asked. It is not done where something else is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
    /// Where something is built once more without anybody having changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
    /// When it was taken.
    pub received: Timestamp,
}

impl Errand {
    /// What somebody wants by a command in Slack, whose own name is `name`. `shown` is what they confirmed, where they were asked.
    pub fn given(
        id: ReleaseId,
        by: User,
        name: String,
        wanted: Wanted,
        shown: Vec<Shown>,
        received: Timestamp,
    ) -> Self {
        Self { id, by, called: false, name, wanted, shown, rebuild: None, received }
    }

    /// What somebody with this ARN wants by the program `longshore`.
    pub fn called(id: ReleaseId, arn: &str, wanted: Wanted, rebuild: Option<Rebuild>, received: Timestamp) -> Self {
        let arn = shorten(arn, LONGEST_ARN);
        let by = User { id: arn.clone(), name: arn };
        Self { id, by, called: true, name: PROGRAM.to_owned(), wanted, shown: Vec::new(), rebuild, received }
    }
}

/// What is live, built once more: for a newer base image. It waits at locks as a push does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuild {
    /// Why.
    pub reason: String,
    /// The number of the pipeline's newest release when that was decided. Not done where there is a newer: its commit must not be gone back
    /// behind.
    pub newest: u64,
}

/// What became of an errand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Who is told.
    pub seen: Seen,
    /// What.
    pub answer: Answer,
    /// Why it was not done, where it was not: a sentence without a capital letter and a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What names an errand: the same for a request of Slack's that is sent again, and for whatever else must be done once. 64 hexadecimal
/// digits, of which nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// That of a request with this signature, which is over its time and its body. Its hexadecimal digits may be of either case.
    pub fn of_request(signature: &str) -> Self {
        Self::of("request", &signature.to_ascii_lowercase())
    }

    /// That of a confirmation, however often it is given: by the id of the release that it makes.
    pub fn of_confirmation(id: &ReleaseId) -> Self {
        Self::of("confirmation", id.as_str())
    }

    /// That of trying a release once more, whoever asks: by its id.
    pub fn of_retry(id: &ReleaseId) -> Self {
        Self::of("retry", id.as_str())
    }

    /// That of what somebody wants by the program `longshore`: by the id of the release that it makes.
    pub fn of_call(id: &ReleaseId) -> Self {
        Self::of("call", id.as_str())
    }

    fn of(kind: &str, text: &str) -> Self {
        Self(hex::encode(Sha256::digest(format!("{kind}\n{text}"))))
    }

    /// Reads one; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the release that this request makes: a ULID of this time, whose random part is of the key. The same request has the same.
    /// Source: <https://github.com/ulid/spec>.
    pub fn release(&self, at: Timestamp) -> ReleaseId {
        let milliseconds = u128::try_from(at.as_millisecond()).unwrap_or(0) & 0xffff_ffff_ffff;
        // 80 bits.
        let random = self.0.get(..20).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or(0);
        ReleaseId::of_bits(milliseconds << 80 | random)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_key_and_one_release_in_whatever_case_it_was_signed() {
        let one = Key::of_request("v0=ab12");
        assert_eq!((&one, Key::parse(one.as_str())), (&Key::of_request("v0=AB12"), Some(one.clone())));
        let at = Timestamp::from_millisecond(1_795_248_000_123).expect("a time");
        assert_eq!(one.release(at), Key::of_request("v0=AB12").release(at));
        assert_ne!(one.release(at), Key::of_request("v0=ab13").release(at));
        assert!(one.release(at).as_str().starts_with("01M7YHX33V"), "{}", one.release(at));
        assert_ne!(Key::of_confirmation(&one.release(at)), one);
        for wrong in ["", "ab", &"A".repeat(64), &"g".repeat(64)] {
            assert_eq!(Key::parse(wrong), None, "{wrong}");
        }
    }
}

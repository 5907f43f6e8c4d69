//! Container image references: `registry/repository:tag` and `registry/repository@sha256:…`.
//! Source: <https://github.com/distribution/reference> for the grammar.

mod base;

use std::fmt;

pub use base::Base;
use serde::{Deserialize, Serialize};

/// What names an image within its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A tag, which may move.
    Tag(String),
    /// A digest, which cannot.
    Digest(Digest),
}

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads a digest; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let hexadecimal = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits.len() == 64 && hexadecimal).then(|| Self(text.to_owned()))
    }

    /// The digest as it is written in a reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `sha256:` and the first twelve digits: enough for a person.
    pub fn short(&self) -> &str {
        &self.0[..19]
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a digest is sha256: and 64 lower-case hexadecimal digits")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference with its parts told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port where it has one.
    pub registry: String,
    /// The path in the registry: ECR's repository name.
    pub repository: String,
    /// Tag or digest.
    pub name: Name,
}

impl Reference {
    /// Reads a full reference: registry, repository, and a tag or a digest. `None` for anything else, an image of Docker Hub
    /// without its host among it: what we deploy always names its registry.
    pub fn parse(text: &str) -> Option<Self> {
        let (registry, rest) = text.split_once('/')?;
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        let (repository, name) = if let Some((repository, digest)) = rest.split_once('@') {
            (repository, Name::Digest(Digest::parse(digest)?))
        } else {
            let (repository, tag) = rest.split_once(':')?;
            (repository, Name::Tag(is_tag(tag).then(|| tag.to_owned())?))
        };
        (is_host && is_repository(repository)).then(|| Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            name,
        })
    }
}

/// Registry and repository of any image reference, also of one without tag or host: what stands before the tag or digest.
pub fn without_name(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or_default();
    match reference.rfind(':') {
        Some(colon) if !reference[colon..].contains('/') => &reference[..colon],
        _ => reference,
    }
}

/// A repository name as ECR takes it: 2 to 256 characters, lower-case segments with single separators.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>.
pub fn is_repository(name: &str) -> bool {
    (2..=256).contains(&name.len())
        && name.split('/').all(|segment| {
            let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
            ends(segment.as_bytes().first())
                && ends(segment.as_bytes().last())
                && segment.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        })
}

fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    (1..=128).contains(&tag.len())
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_into_its_parts() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let read = Reference::parse("127.0.0.1:5000/team/web:v1").expect("a reference");
        assert_eq!((read.registry.as_str(), read.repository.as_str()), ("127.0.0.1:5000", "team/web"));
        assert_eq!(read.name, Name::Tag("v1".into()));
        let read = Reference::parse(&format!("r.example/web@{digest}")).expect("a reference");
        assert_eq!(read.name, Name::Digest(Digest::parse(&digest).expect("a digest")));
    }

    #[test]
    fn what_names_no_image_of_a_registry_is_none() {
        for text in [
            "",
            "web",
            "web:v1",
            "r.example/web",
            "r.example/web:",
            "r.example/web@sha256:12",
            "r.example/Web:v1",
            "r.example/web:v1 --privileged",
            "r.example/../x:v1",
            "r.example/web:-v",
            "r.example/web@v1",
            "team/web:v1",
        ] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_stands_before_the_name_is_found_in_any_reference() {
        for (reference, before) in [
            ("nginx", "nginx"),
            ("nginx:1", "nginx"),
            ("localhost:5000/web", "localhost:5000/web"),
            ("localhost:5000/web:v1", "localhost:5000/web"),
            ("localhost:5000/web:v1@sha256:00", "localhost:5000/web"),
        ] {
            assert_eq!(without_name(reference), before);
        }
    }
}

//! Base images: what an image was built on, as its build reports it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Digest, is_repository, is_tag};

/// The registry of a name that says none, and the folder of its official images.
/// Source: <https://github.com/distribution/reference> (`ParseNormalizedNamed`).
const HUB: &str = "docker.io";
const OFFICIAL: &str = "library";

/// What an image was built on: the name in the last `FROM` of its Dockerfile, and what it named then. Written as
/// `[registry/]repository[:tag]@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base {
    /// The registry's host, with its port where it has one: `docker.io` where the Dockerfile names none.
    pub registry: String,
    /// The path in the registry: `library/nginx` for Docker Hub's `nginx`.
    pub repository: String,
    /// The tag, which may move; none where the Dockerfile names a digest, which cannot.
    pub tag: Option<String>,
    /// What it named when the image was built.
    pub digest: Digest,
}

impl Base {
    /// Reads a base image, at most 512 bytes; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 512 {
            return None;
        }
        let (name, digest) = text.split_once('@')?;
        let digest = Digest::parse(digest)?;
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(is_tag(tag).then(|| tag.to_owned())?)),
            Some(_) | None => (name, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            Some(_) | None => (HUB, name),
        };
        let registry = if registry == "index.docker.io" { HUB } else { registry };
        let repository =
            if registry == HUB && !path.contains('/') { format!("{OFFICIAL}/{path}") } else { path.to_owned() };
        let base = Self { registry: registry.to_owned(), repository, tag, digest };
        (is_host(registry) && is_repository(&base.repository)).then_some(base)
    }

    /// Registry, repository and tag: what is looked up for a newer digest. None where the Dockerfile names a digest.
    pub fn moving(&self) -> Option<String> {
        let tag = self.tag.as_ref()?;
        Some(format!("{}/{}:{tag}", self.registry, self.repository))
    }

    /// Whether it is only on the machine that built the image, so that no registry can be asked.
    pub fn is_local(&self) -> bool {
        self.registry == "localhost"
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        write!(f, "@{}", self.digest)
    }
}

impl TryFrom<String> for Base {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a base image is [registry/]repository[:tag]@sha256:<digest>")
    }
}

impl From<Base> for String {
    fn from(base: Base) -> Self {
        base.to_string()
    }
}

/// A host name or address with or without a port: nothing that could mean something else in a URL.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let port = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    port && name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> String {
        format!("sha256:{}", "a".repeat(64))
    }

    #[test]
    fn a_base_is_read_as_its_engine_reads_it() {
        for (written, meant) in [
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("team/web:1", "docker.io/team/web:1"),
            ("localhost/base:1", "localhost/base:1"),
            ("127.0.0.1:5000/base:1", "127.0.0.1:5000/base:1"),
            ("public.ecr.aws/docker/library/python:3.13-slim", "public.ecr.aws/docker/library/python:3.13-slim"),
            ("quay.io/a/b", "quay.io/a/b"),
        ] {
            let base = Base::parse(&format!("{written}@{}", digest())).expect("a base image");
            assert_eq!(base.to_string(), format!("{meant}@{}", digest()));
            assert_eq!(Base::parse(&base.to_string()), Some(base.clone()), "what is written is read");
            assert_eq!(base.moving().is_some(), written.contains(":1") || written.contains(":3"), "{written}");
        }
        assert!(Base::parse(&format!("localhost/base:1@{}", digest())).is_some_and(|base| base.is_local()));
    }

    #[test]
    fn what_is_no_base_is_refused() {
        let long = "a".repeat(500);
        for name in [
            "",
            "Nginx:1",
            "nginx:",
            "nginx:-1",
            "a b:1",
            "r.example/x/../y:1",
            "user@r.example/x:1",
            "r.example:x/y:1",
            "r.example:99999/y:1",
            "-r.example/y:1",
            "r.example?x/y:1",
            &long,
            "r.example/y:1 --privileged",
        ] {
            assert_eq!(Base::parse(&format!("{name}@{}", digest())), None, "{name}");
        }
        assert_eq!(Base::parse("nginx:1"), None, "without a digest");
        assert_eq!(Base::parse("nginx:1@sha256:12"), None);
    }
}

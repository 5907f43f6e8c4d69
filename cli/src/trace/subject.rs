//! What is traced: a task, a revision, an image, or a commit.

use longshore_core::image::Digest;

/// What somebody wants to know the origin of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A running task, by its ARN.
    Task {
        /// `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`.
        arn: String,
        /// Its cluster's name.
        cluster: String,
        /// Where it is.
        place: Place,
    },
    /// A revision of a task definition, by its ARN.
    Revision {
        /// `arn:aws:ecs:<region>:<account>:task-definition/<family>:<revision>`.
        arn: String,
        /// Where it is.
        place: Place,
    },
    /// An image.
    Digest(Digest),
    /// The first digits of a commit, in lower case.
    Commit(String),
}

/// An account and region, as an ARN names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `eu-central-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Subject {
    /// Reads it, as an argument.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "it must be the ARN of a task or of a task definition, an image's digest (sha256:… or \
                              REPOSITORY@sha256:…), or 7 to 64 digits of a commit";
        if text.starts_with("arn:") {
            return Self::of_arn(text).ok_or("it must be the ARN of an ECS task or task definition");
        }
        let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest);
        if let Some(digest) = Digest::parse(digest) {
            return Ok(Self::Digest(digest));
        }
        let digits = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits { Ok(Self::Commit(text.to_ascii_lowercase())) } else { Err(WANTED) }
    }

    /// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>.
    fn of_arn(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (_, _partition) = (parts.next()?, parts.next()?);
        let (service, region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if service != "ecs" || !name(region) || !name(account) {
            return None;
        }
        let (arn, place) = (text.to_owned(), Place { region: region.to_owned(), account: account.to_owned() });
        match resource.split('/').collect::<Vec<_>>()[..] {
            ["task", cluster, id] if name(cluster) && name(id) => {
                Some(Self::Task { arn, cluster: cluster.to_owned(), place })
            }
            ["task-definition", revision] => {
                let (family, number) = revision.split_once(':')?;
                let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                (name(family) && numbered).then_some(Self::Revision { arn, place })
            }
            _ => None,
        }
    }

    /// Whether an image is of this digest, or a commit begins so.
    pub fn is(&self, commit: &str, digest: Option<&Digest>) -> bool {
        match self {
            Self::Digest(wanted) => digest == Some(wanted),
            Self::Commit(wanted) => commit.to_ascii_lowercase().starts_with(wanted.as_str()),
            Self::Task { .. } | Self::Revision { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_a_revision_an_image_and_a_commit_are_told_apart() {
        let place = || Place { region: "eu-central-1".into(), account: "123456789012".into() };
        let task = "arn:aws:ecs:eu-central-1:123456789012:task/production/0f1e";
        let expected = Subject::Task { arn: task.into(), cluster: "production".into(), place: place() };
        assert_eq!(Subject::parse(task), Ok(expected));
        let revision = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:12";
        assert_eq!(Subject::parse(revision), Ok(Subject::Revision { arn: revision.into(), place: place() }));
        let digits = format!("sha256:{}", "a".repeat(64));
        let digest = Digest::parse(&digits).expect("a digest");
        assert_eq!(Subject::parse(&digits), Ok(Subject::Digest(digest.clone())));
        assert_eq!(Subject::parse(&format!("r.example:5000/web@{digits}")), Ok(Subject::Digest(digest.clone())));
        assert_eq!(Subject::parse("1205F22"), Ok(Subject::Commit("1205f22".into())));
        assert!(
            Subject::Commit("1205f22".into()).is("1205f22aa", None)
                && Subject::Digest(digest.clone()).is("", Some(&digest))
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "web",
            "120",
            "sha256:abc",
            "arn:aws:ecs:eu-central-1:123456789012:service/production/web",
            "arn:aws:ecs:eu-central-1:123456789012:task/0f1e",
            "arn:aws:ecs:eu central:123456789012:task/production/0f1e",
            "arn:aws:ecs:evil.example/:123456789012:task/production/0f1e",
            "arn:aws:ecs:eu-central-1:123456789012:task-definition/web",
            "arn:aws:s3:::bucket",
            "arn:",
        ] {
            assert!(Subject::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! What a release puts into a task definition: its images, and the tags that say whence the revision is.

use std::collections::BTreeMap;

use super::Release;
use crate::{config::Plan, task_definition::Images};

/// The tag by which a revision's release is known.
pub const RELEASE_TAG: &str = "longshore:release";

/// The images of a revision, by what an environment's plan says of its containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// One image for all containers that get one.
    One(String),
    /// An image for each of these containers.
    Each(BTreeMap<String, String>),
}

/// The release has no image of a repository that the environment runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("release #{number} has no image{}", repository.as_ref().map(|of| format!(" of {of}")).unwrap_or_default())]
pub struct NoImage {
    /// The release's number.
    pub number: u64,
    /// The repository, where it is named.
    pub repository: Option<String>,
}

impl Chosen {
    /// The images as [`revise`](crate::task_definition::revise) takes them.
    pub fn images<'a>(&'a self, plan: &'a Plan) -> Images<'a> {
        match self {
            Self::One(image) => Images::One { image, containers: &plan.containers },
            Self::Each(each) => Images::Each(each),
        }
    }
}

impl Release {
    /// The images that an environment with this plan gets.
    pub fn chosen(&self, plan: &Plan) -> Result<Chosen, NoImage> {
        let missing =
            |repository: Option<&str>| NoImage { number: self.number, repository: repository.map(str::to_owned) };
        if plan.images.is_empty() {
            let image = self.image.as_ref().ok_or_else(|| missing(self.image_repository.as_deref()))?;
            return Ok(Chosen::One(image.reference()));
        }
        let each = plan.images.iter().map(|(container, repository)| {
            let image = self.image_of(repository).ok_or_else(|| missing(Some(repository)))?;
            Ok((container.clone(), image.reference()))
        });
        Ok(Chosen::Each(each.collect::<Result<_, _>>()?))
    }

    /// The tags of a revision: pipeline, release, commit (`unknown` where CodeBuild has not told it yet), and the digest of the pipeline's
    /// own image.
    pub fn tags(&self) -> [(&str, &str); 4] {
        let digest = self.image.as_ref().map_or("", |image| image.digest.as_str());
        [
            ("longshore:pipeline", &self.pipeline),
            (RELEASE_TAG, self.id.as_str()),
            ("longshore:commit", self.commit.known().unwrap_or("unknown")),
            ("longshore:digest", digest),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        image::Digest,
        release::{Image, sample},
    };

    fn image(name: &str, digit: char) -> Image {
        let digest = Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest");
        Image::new(format!("r.example/{name}"), digest)
    }

    #[test]
    fn an_environment_gets_the_image_that_its_plan_says() {
        let mut release = sample();
        let mut plan = release.deployments[0].plan.clone();
        let missing = release.chosen(&plan).expect_err("no image yet");
        assert_eq!(missing.to_string(), "release #7 has no image of web");
        let (web, nginx) = (image("web", 'a'), image("nginx", 'b'));
        release.image = Some(web.clone());
        assert_eq!(release.chosen(&plan), Ok(Chosen::One(web.reference())));

        plan.images = BTreeMap::from([("app".into(), "web".into()), ("proxy".into(), "nginx".into())]);
        assert_eq!(release.chosen(&plan).expect_err("no image").repository.as_deref(), Some("nginx"));
        release.others.push(nginx.clone());
        let each = BTreeMap::from([("app".into(), web.reference()), ("proxy".into(), nginx.reference())]);
        assert_eq!(release.chosen(&plan), Ok(Chosen::Each(each)));
    }

    #[test]
    fn a_revision_says_whence_it_is() {
        let mut release = sample();
        release.image = Some(image("web", 'a'));
        let tags = release.tags();
        assert_eq!(tags[1], ("longshore:release", "01JD0000000000000000000000"));
        assert!(tags.iter().all(|(key, value)| key.starts_with("longshore:") && !value.is_empty()), "{tags:?}");
    }
}

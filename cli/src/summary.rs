//! A release in a few members: what programs read of it (`--json`).

use jiff::Timestamp;
use longshore_core::release::{Deed, Release};
use serde::Serialize;

use crate::standing::Standing;

/// A release. Members may be added; none is left out or changes its meaning.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    id: &'a str,
    pipeline: &'a str,
    number: u64,
    state: &'static str,
    reason: Option<&'a str>,
    repository: &'a str,
    #[serde(rename = "ref")]
    reference: String,
    commit: &'a str,
    author: &'a str,
    message: &'a str,
    /// `registry/repository@sha256:…`
    image: Option<String>,
    accepted: Timestamp,
    ended: Option<Timestamp>,
    asked: Option<Asked<'a>>,
    environments: Vec<Place<'a>>,
}

/// Who asked for it, where it is not of a push.
#[derive(Debug, Serialize)]
struct Asked<'a> {
    /// `rollback`, `deploy`, or `build`: by branch or commit.
    deed: &'static str,
    /// The id of the release whose images these are.
    of: &'a str,
    /// Its number.
    number: u64,
    by: &'a str,
    reason: Option<&'a str>,
}

/// Where it is deployed.
#[derive(Debug, Serialize)]
struct Place<'a> {
    #[serde(rename = "environment")]
    name: &'a str,
    standing: &'static str,
    reason: Option<&'a str>,
    admitted: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl<'a> From<&'a Release> for Summary<'a> {
    fn from(release: &'a Release) -> Self {
        let wished = release.wished.as_ref().map(|person| Asked {
            deed: "build",
            of: release.id.as_str(),
            number: release.number,
            by: &person.name,
            reason: person.reason.as_deref(),
        });
        let asked = release.asked.as_ref().map(|asked| Asked {
            deed: match asked.deed {
                Deed::Rollback => "rollback",
                Deed::Deploy => "deploy",
                Deed::Retry => "retry",
            },
            of: asked.of.as_str(),
            number: asked.number,
            by: &asked.person.name,
            reason: asked.person.reason.as_deref(),
        });
        let place = |deployment: &'a longshore_core::release::Deployment| Place {
            name: &deployment.environment,
            standing: Standing::of(release, deployment).word(),
            reason: deployment.reason.as_deref(),
            admitted: deployment.admitted,
            ended: deployment.ended,
        };
        Self {
            id: release.id.as_str(),
            pipeline: &release.pipeline,
            number: release.number,
            state: release.state.word(),
            reason: release.reason.as_deref(),
            repository: &release.repository,
            reference: release.reference.to_string(),
            commit: &release.commit.id,
            author: &release.commit.author,
            message: &release.commit.message,
            image: release.image.as_ref().map(longshore_core::release::Image::reference),
            accepted: release.accepted,
            ended: release.ended,
            asked: asked.or(wished),
            environments: release.deployments.iter().map(place).collect(),
        }
    }
}

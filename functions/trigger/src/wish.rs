//! Releases that people ask for by branch or commit: which commit that is, and the release of it.
//!
//! Such a release has the pipeline's next number, and no place in a line of pushes: it supersedes none and is superseded by none before it is
//! deploying, it waits for no other pipeline, and none waits for it.

mod found;

use longshore_aws::{deeds::Undone, ids, store::Asking};
use longshore_core::{
    config::Pipeline,
    release::{Origin, Person, Release, ReleaseId},
    text,
};

use crate::Trigger;
use found::Found;

/// A release that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The id of the release that is made. The same wish sent again has the same id, and makes no second one.
    pub id: ReleaseId,
    /// The pipeline's name.
    pub pipeline: String,
    /// What is built.
    pub what: What,
    /// The one environment that it goes to; all of the pipeline's where none is named.
    pub environment: Option<String>,
    /// Who asked, and why.
    pub person: Person,
    /// Whether a release is tried or built once more by it: then every lock holds it, as it holds a push's.
    pub once_more: bool,
}

/// What a wish is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The head of the pipeline's own branch: the first of its `branches` that is a plain name.
    Default,
    /// A branch or tag that the pipeline builds, or a commit (whole, or seven digits of it at least), as it was written.
    Named(String),
}

impl Trigger {
    /// Records the release that somebody asks for, and starts its build. Called again with the same id, also at once, it makes no second
    /// release and answers with the first; where that has no build yet, it is started.
    ///
    /// The head of a branch is what the provider says, where a token for it is there and it answers within four seconds; CodeBuild is told
    /// the branch otherwise, and the record learns the commit from it. A refusal is a sentence for whoever asked, without a capital letter and
    /// a full stop.
    pub async fn build_by_name(&self, wish: Wish) -> Result<Release, Undone> {
        if let Some(made) = self.store.release(&wish.id).await? {
            return Ok(self.begun(made).await);
        }
        let release = Box::pin(self.granted(&wish)).await?;
        let asked = self.store.ask(&release, None).await;
        if !matches!(asked, Ok(Asking::New)) {
            // The same wish at the same time, or an answer that was lost.
            return match (self.store.release(&wish.id).await?, asked) {
                (Some(made), _) => Ok(self.begun(made).await),
                (None, Err(error)) => Err(error.into()),
                (None, Ok(_)) => Err(Undone::Refused(format!("release {} could not be recorded", wish.id))),
            };
        }
        tracing::info!(
            release = %release.id, pipeline = release.pipeline, repository = release.repository, by = wish.person.name,
            reference = %release.reference, commit = release.commit.id, "asked for"
        );
        Ok(self.begun(release).await)
    }

    /// Starts its build, where that was not yet done. What fails here, the tick does.
    async fn begun(&self, release: Release) -> Release {
        if release.build.id.is_some() {
            return release;
        }
        match Box::pin(self.advance(release.clone())).await {
            Ok(release) => release,
            Err(error) => {
                tracing::error!(release = %release.id, "{error:#}: the tick will try again");
                release
            }
        }
    }

    /// The release, as it is to be recorded.
    async fn granted(&self, wish: &Wish) -> Result<Release, Undone> {
        let config = &self.settings.config;
        let pipeline = config.pipeline(&wish.pipeline).ok_or_else(|| {
            let names = || config.pipelines().iter().map(|pipeline| pipeline.name.as_str());
            let told = match text::nearest(&wish.pipeline, names()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there is {}", text::list(names().map(str::to_owned), "and")),
            };
            Undone::Refused(format!("there is no pipeline {}: {told}", text::quote(&wish.pipeline, 64)))
        })?;
        // Before anybody is asked for the head: a push that is accepted meanwhile is newer, and has a larger number. A refusal leaves a gap.
        let number = self.store.next_number(&pipeline.name).await?;
        let Found { reference, commit } = self.found(pipeline, &wish.what).await?;
        let (delivery, repository, brought) = (String::new(), pipeline.repository.clone(), Vec::new());
        let origin = Origin { delivery, repository, reference, commit, brought };
        let channel = config.slack.as_ref().map(|slack| slack.channel.as_str());
        let release = Release::new(wish.id.clone(), number, pipeline, origin, Vec::new(), channel, ids::now());
        let release = release.wished(wish.person.clone(), wish.environment.as_deref(), wish.once_more);
        release.map_err(Undone::because)
    }
}

/// What a pipeline builds, for whoever named something else.
fn patterns(pipeline: &Pipeline) -> String {
    let quoted = |patterns: &[longshore_core::glob::Pattern]| longshore_core::glob::list(patterns);
    match (&*pipeline.branches, &*pipeline.tags) {
        (branches, []) => format!("it builds the branches {}", quoted(branches)),
        ([], tags) => format!("it builds the tags {}", quoted(tags)),
        (branches, tags) => format!("it builds the branches {}, and the tags {}", quoted(branches), quoted(tags)),
    }
}

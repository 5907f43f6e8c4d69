//! What somebody means by a name: a branch, a tag, a commit.

use longshore_aws::deeds::Undone;
use longshore_core::{
    config::Pipeline,
    push::{Reference, Source, is_commit, is_null},
    release::{Commit, Release},
    text::quote,
};

use super::{What, patterns};
use crate::{
    Trigger,
    provider::{Api, Wanted},
};

/// How many of a pipeline's releases are looked at for a commit.
const LOOKED_AT: usize = 500;
/// How many digits of a commit are enough to look for it.
const SHORT: std::ops::Range<usize> = 7..40;

/// What is built.
pub(super) struct Found {
    /// The branch or tag that it is of.
    pub(super) reference: Reference,
    /// The commit; unknown where CodeBuild is to be told the branch.
    pub(super) commit: Commit,
}

/// What the provider said.
enum Told {
    /// This.
    Commit(Commit),
    /// There is no such thing: who says so.
    Nothing(Source),
    /// It was not asked, or did not answer.
    Silent,
}

impl Trigger {
    /// Finds what is meant. Refused is what the pipeline does not build, what does not exist, and what could mean two things.
    pub(super) async fn found(&self, pipeline: &Pipeline, what: &What) -> Result<Found, Undone> {
        let named = match what {
            What::Default => return self.head(pipeline, own_branch(pipeline)?).await,
            What::Named(named) => named.trim(),
        };
        if is_commit(named) {
            return self.commit(pipeline, &named.to_ascii_lowercase()).await;
        }
        match reference(pipeline, named)? {
            Some(reference) => self.head(pipeline, reference).await,
            None => self.short(pipeline, &named.to_ascii_lowercase()).await,
        }
    }

    /// The head of a branch or tag.
    async fn head(&self, pipeline: &Pipeline, reference: Reference) -> Result<Found, Undone> {
        wanted(pipeline, &reference)?;
        match self.told(pipeline, Wanted::Reference(&reference)).await {
            Told::Commit(commit) => Ok(Found { reference, commit }),
            Told::Nothing(source) => Err(unknown(source, pipeline, reference.kind.word(), &reference.name)),
            Told::Silent if Release::is_plain_source(&reference.name) => {
                Ok(Found { reference, commit: Commit::unknown() })
            }
            Told::Silent => Err(Undone::Refused(format!(
                "CodeBuild would take {} for something else than a {}, and nobody else could be asked which commit it is: give the \
                 whole commit id",
                quote(&reference.name, 100),
                reference.kind.word()
            ))),
        }
    }

    /// A commit by its whole id: of the branch that an earlier release of it is of, else of the pipeline's own.
    async fn commit(&self, pipeline: &Pipeline, id: &str) -> Result<Found, Undone> {
        if is_null(id) {
            return Err(Undone::Refused(format!("{id} is the id of no commit")));
        }
        if let Some(release) = self.released(&pipeline.name, id).await? {
            wanted(pipeline, &release.reference)?;
            return Ok(Found { reference: release.reference, commit: release.commit });
        }
        let reference = own_branch(pipeline)?;
        match self.told(pipeline, Wanted::Commit(id)).await {
            Told::Commit(commit) => Ok(Found { reference, commit }),
            Told::Nothing(source) => Err(unknown(source, pipeline, "commit", id)),
            Told::Silent => Ok(Found { reference, commit: Commit::bare(id) }),
        }
    }

    /// A commit by some of its digits: one that was released, else one that the provider knows.
    async fn short(&self, pipeline: &Pipeline, digits: &str) -> Result<Found, Undone> {
        let listed = self.store.newest_releases(&pipeline.name, None, LOOKED_AT).await?;
        let mut known: Vec<_> = listed.into_iter().map(|listed| listed.commit).collect();
        known.retain(|commit| commit.starts_with(digits));
        known.sort();
        known.dedup();
        match &known[..] {
            [one] => return self.commit(pipeline, one).await,
            [] => {}
            [_, _, ..] => {
                return Err(Undone::Refused(format!(
                    "{digits} begins {} commits that were released: give the whole commit id",
                    known.len()
                )));
            }
        }
        match self.told(pipeline, Wanted::Commit(digits)).await {
            Told::Commit(commit) => Ok(Found { reference: own_branch(pipeline)?, commit }),
            Told::Nothing(source) => Err(unknown(source, pipeline, "commit", digits)),
            Told::Silent => Err(Undone::Refused(format!(
                "no release of {} is of a commit that begins with {digits}: give the whole commit id",
                pipeline.name
            ))),
        }
    }

    /// What is known of a commit that CodeBuild told: an earlier release of it, else its provider. The id alone where nobody answers.
    pub(crate) async fn known_commit(&self, release: &Release, id: &str) -> Commit {
        if let Ok(Some(earlier)) = self.released(&release.pipeline, id).await {
            return earlier.commit;
        }
        match self.settings.config.pipeline(&release.pipeline) {
            Some(pipeline) => match self.told(pipeline, Wanted::Commit(id)).await {
                Told::Commit(commit) => commit,
                Told::Nothing(_) | Told::Silent => Commit::bare(id),
            },
            None => Commit::bare(id),
        }
    }

    /// The newest release of a commit, among the pipeline's newest.
    async fn released(&self, pipeline: &str, id: &str) -> Result<Option<Release>, Undone> {
        let listed = self.store.newest_releases(pipeline, None, LOOKED_AT).await?;
        match listed.into_iter().find(|listed| listed.commit == id) {
            Some(listed) => Ok(self.store.release(&listed.id).await?),
            None => Ok(None),
        }
    }

    /// Asks the provider, where a token for it is there.
    async fn told(&self, pipeline: &Pipeline, wanted: Wanted<'_>) -> Told {
        let repository = &pipeline.repository;
        let Some(source) = self.settings.config.source_of(repository) else { return Told::Silent };
        let api = match source {
            _ if !self.settings.is_for_token(source, repository) => return Told::Silent,
            Source::GitHub => Api::GitHub,
            Source::Bitbucket if Source::of_address(repository) == Some(source) => Api::Bitbucket,
            Source::GitLab => Api::GitLab,
            // A Data Center, and an API of another kind.
            Source::Bitbucket | Source::CodeCommit => return Told::Silent,
        };
        let Ok(secrets) = self.secrets.current().await else { return Told::Silent };
        let Some(token) = secrets.token(source) else { return Told::Silent };
        match self.providers.commit(api, repository, wanted, token).await {
            Ok(Some(commit)) => Told::Commit(commit),
            Ok(None) => Told::Nothing(source),
            Err(error) => {
                tracing::warn!(repository, ?wanted, %error, "the provider did not tell a commit: it is done without");
                Told::Silent
            }
        }
    }
}

/// The pipeline's own branch.
fn own_branch(pipeline: &Pipeline) -> Result<Reference, Undone> {
    let none = || format!("{} has no branch of its own, so name one: {}", pipeline.name, patterns(pipeline));
    pipeline.own_branch().ok_or_else(|| Undone::Refused(none()))
}

/// The branch or tag of a name; `None` where it can only be the digits of a commit. A name that is written out in longshore.toml is never
/// taken for digits.
fn reference(pipeline: &Pipeline, named: &str) -> Result<Option<Reference>, Undone> {
    if let Some(reference) = Reference::parse(named) {
        return Ok(Some(reference));
    }
    let (branch, tag) = (Reference::branch(named), Reference::tag(named));
    let is_plain = |patterns: &[longshore_core::glob::Pattern]| patterns.iter().any(|one| one.plain() == Some(named));
    if is_plain(&pipeline.branches) {
        return Ok(branch);
    }
    if is_plain(&pipeline.tags) {
        return Ok(tag);
    }
    if SHORT.contains(&named.len()) && named.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let Some(branch) = branch else {
        return Err(Undone::Refused(format!("{} is no name of a branch, and no commit", quote(named, 100))));
    };
    Ok(Some(tag.filter(|tag| !pipeline.wants(&branch) && pipeline.wants(tag)).unwrap_or(branch)))
}

/// Refuses what a pipeline does not build: what is not in longshore.toml goes nowhere.
fn wanted(pipeline: &Pipeline, reference: &Reference) -> Result<(), Undone> {
    if pipeline.wants(reference) {
        return Ok(());
    }
    let Reference { kind, name } = reference;
    let (pipeline, builds) = (&pipeline.name, patterns(pipeline));
    Err(Undone::Refused(format!("{pipeline} does not build the {} {}: {builds}", kind.word(), quote(name, 100))))
}

/// The provider knows no such thing.
fn unknown(source: Source, pipeline: &Pipeline, kind: &str, name: &str) -> Undone {
    let (name, repository) = (quote(name, 100), &pipeline.repository);
    Undone::Refused(format!("{source} knows no {kind} {name} in {repository}, or its token may not see it"))
}

#[cfg(test)]
mod tests {
    use longshore_core::config::Config;

    use super::*;

    fn pipeline(keys: &str) -> Pipeline {
        let text =
            format!("[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n{keys}\nproject = \"web\"\n");
        Config::read(&text).expect("a configuration").pipelines()[0].clone()
    }

    fn named(keys: &str, name: &str) -> String {
        match reference(&pipeline(keys), name) {
            Ok(Some(reference)) => reference.to_string(),
            Ok(None) => "digits".to_owned(),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_name_is_a_branch_a_tag_or_digits() {
        let both = "branches = [\"main\", \"release/*\", \"cafe123\"]\ntags = [\"v*\", \"beef123\"]";
        assert_eq!(named(both, "main"), "refs/heads/main");
        assert_eq!(named(both, "release/1"), "refs/heads/release/1");
        assert_eq!(named(both, "v1.2.3"), "refs/tags/v1.2.3");
        assert_eq!(named(both, "refs/tags/main"), "refs/tags/main");
        assert_eq!(named(both, "feature"), "refs/heads/feature", "it is refused as a branch");
        assert_eq!(named(both, "abc1234"), "digits");
        assert_eq!(named(both, "cafe123"), "refs/heads/cafe123", "it is written out");
        assert_eq!(named(both, "beef123"), "refs/tags/beef123");
        assert_eq!(named(both, "abc123"), "refs/heads/abc123", "six digits are none");
        assert_eq!(named(both, "ma in"), "\"ma in\" is no name of a branch, and no commit");
    }

    #[test]
    fn what_a_pipeline_does_not_build_is_refused_with_what_it_does() {
        let main = pipeline("branches = [\"main\"]\ntags = [\"v*\"]");
        let feature = Reference::branch("feature").expect("a branch");
        let told = wanted(&main, &feature).expect_err("a refusal").to_string();
        assert_eq!(
            told,
            "web does not build the branch \"feature\": it builds the branches \"main\", and the tags \"v*\""
        );
        assert!(wanted(&main, &Reference::branch("main").expect("a branch")).is_ok());
        let told = own_branch(&pipeline("branches = [\"release/*\"]")).expect_err("a refusal").to_string();
        assert_eq!(told, "web has no branch of its own, so name one: it builds the branches \"release/*\"");
    }
}

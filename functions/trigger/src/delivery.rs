//! A delivery: routed, recorded with its releases, and what they take the place of brought to its end.

use std::time::{Duration, Instant};

use longshore_aws::{
    ids,
    store::{Acceptance, Accepted},
};
use longshore_core::{
    explain::Explanation,
    push::{Delivery, Source},
    release::{Fact, Newer, Release, ReleaseId},
    route::{self, Routing},
};

use crate::{
    Trigger,
    plan::{Numbers, Planner, Superseded},
    provider::Api,
};

/// For how long a delivery is decided on again while others move the same branches. GitHub waits for ten seconds.
const CONTENTION: Duration = Duration::from_secs(6);
/// The longest pause between two decisions.
const PAUSE: Duration = Duration::from_millis(400);

/// What became of a delivery.
pub(crate) enum Taken {
    /// It starts nothing, for this reason.
    Ignored(String),
    /// These releases answer it: its own, in the order in which they were made.
    Releases(Vec<Release>),
}

impl Trigger {
    /// Takes a delivery that is proven. What was recorded for it before is what answers it again; one that started nothing is decided on
    /// anew, since that is how a delivery is sent again after its configuration was mended.
    pub(crate) async fn take(&self, mut delivery: Delivery) -> anyhow::Result<Taken> {
        if let Some(before) = self.store.delivery(&delivery.id).await?
            && !before.releases.is_empty()
        {
            return self.taken_before(before.releases).await;
        }
        self.complete(&mut delivery).await;
        let routing = route::route(&self.settings.config, &delivery);
        let explanation = serde_json::to_string(&Explanation::new(&delivery, &routing).compact())?;
        let mut numbers = Numbers::default();
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
        loop {
            let now = ids::now();
            let (store, config) = (&self.store, &self.settings.config);
            let plan = Planner { store, config, delivery: &delivery, numbers: &mut numbers, now };
            let planned = Box::pin(plan.plan(&routing)).await?;
            let acceptance = Acceptance {
                delivery: &delivery.id,
                explanation: &explanation,
                answer: planned.answer,
                releases: planned.releases,
                lines: planned.lines,
            };
            match Box::pin(self.store.accept(&acceptance, now)).await? {
                Accepted::New => {
                    tracing::info!(
                        delivery = delivery.id,
                        event = delivery.event,
                        releases = acceptance.releases.len(),
                        "recorded"
                    );
                    self.supersede(&planned.superseded).await;
                    return self.taken(acceptance, routing).await;
                }
                Accepted::Before(before) => return self.taken_before(before.releases).await,
                Accepted::Moved if begun.elapsed() < CONTENTION => {
                    tokio::time::sleep(pause / 2 + ids::jitter(pause)).await;
                    pause = (pause * 2).min(PAUSE);
                }
                Accepted::Moved => anyhow::bail!("other deliveries moved the same branches all the time"),
            }
        }
    }

    /// What answers a delivery that was recorded now.
    async fn taken(&self, acceptance: Acceptance<'_>, routing: Routing<'_>) -> anyhow::Result<Taken> {
        for release in &acceptance.releases {
            tracing::info!(
                release = %release.id, delivery = release.delivery, pipeline = release.pipeline,
                repository = release.repository, commit = release.commit.id, state = release.state.word(), "accepted"
            );
            // People see that it is there: what is started now publishes itself.
            if release.build.due.is_none() || release.state.is_end() {
                self.events.changed(release).await;
            }
        }
        if acceptance.answer.is_empty() {
            let why = "no commit of the pipelines that it would start is known yet";
            return Ok(Taken::Ignored(routing.ignored.unwrap_or_else(|| why.to_owned())));
        }
        let mut releases = acceptance.releases;
        let mut answer = Vec::new();
        for id in acceptance.answer {
            match releases.iter().position(|release| release.id == id) {
                Some(position) => answer.push(releases.swap_remove(position)),
                None => answer.extend(self.store.release(&id).await?),
            }
        }
        // Commits that are released again because of this delivery are no answer to it; their builds are started all the same.
        for release in releases {
            let id = release.id.clone();
            if let Err(error) = self.advance(release).await {
                tracing::error!(release = %id, "{error:#}: the tick will try again");
            }
        }
        Ok(Taken::Releases(answer))
    }

    async fn taken_before(&self, ids: Vec<ReleaseId>) -> anyhow::Result<Taken> {
        let mut releases = Vec::new();
        for id in ids {
            releases.extend(self.store.release(&id).await?);
        }
        Ok(Taken::Releases(releases))
    }

    /// Ends releases that newer ones took the place of, and stops their builds. What fails here, the tick does.
    async fn supersede(&self, superseded: &[Superseded]) {
        for Superseded { older, by } in superseded {
            for id in older {
                match self.end(id, by).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => tracing::warn!(release = %id, "{error:#}: the tick will end it"),
                }
            }
        }
    }

    /// Whether the release was still there to be ended.
    async fn end(&self, id: &ReleaseId, by: &Newer) -> anyhow::Result<bool> {
        let fact = Fact::Superseded(by.clone());
        match Box::pin(self.store.apply(id, None, fact, ids::now())).await? {
            Some(Ok(changed)) if changed.changed => {
                self.events.changed(&changed.release).await;
                self.advance(changed.release).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Asks the provider for lists of files that it cut, where they decide something and a token is there. Without an answer the
    /// pipelines build without looking at paths.
    async fn complete(&self, delivery: &mut Delivery) {
        let wanted = route::wants_files(&self.settings.config, delivery);
        let Some(repository) = delivery.repository.clone().filter(|_| !wanted.is_empty()) else { return };
        let api = match delivery.source {
            // Another host than that of the token.
            source if !self.settings.is_for_token(source, &repository) => return,
            Source::GitHub => Api::GitHub,
            Source::Bitbucket => Api::Bitbucket,
            Source::GitLab => Api::GitLab,
            // An API of another kind.
            Source::CodeCommit => return,
        };
        let Ok(secrets) = self.secrets.current().await else { return };
        let Some(token) = secrets.token(delivery.source) else { return };
        for index in wanted {
            let push = &mut delivery.pushes_mut()[index];
            let Some((before, after)) = push.compared() else { continue };
            match self.providers.files(api, &repository, before, after, token).await {
                Ok(files) => push.files = files,
                Err(error) => tracing::warn!(repository, %error, "the provider did not tell the files of a push"),
            }
        }
    }
}

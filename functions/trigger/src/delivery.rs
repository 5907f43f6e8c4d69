//! A delivery: completed, routed, and recorded with its releases.

use std::{
    mem::take,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use longshore_aws::{
    ids,
    store::{Acceptance, Accepted},
    together::each,
};
use longshore_core::{
    explain::Explanation,
    push::{Delivery, Source},
    route,
};
use tokio::time::{Instant, timeout};

use crate::{
    Trigger,
    plan::{self, Numbers, Planner},
    provider::Api,
    recorded::Recorded,
};

/// For how long a delivery is decided on again while others move the same branches. GitHub waits for ten seconds.
const CONTENTION: Duration = Duration::from_secs(8);
/// For how long a provider is asked for lists of files that it cut, for all pushes of a delivery together.
const ASKING: Duration = Duration::from_secs(6);
/// The longest pause between two decisions: short, so that who was late once does not stay behind those who come new.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of a delivery.
pub(crate) enum Taken {
    /// It would start more than can be recorded at once, and starts nothing: the reason.
    TooMany(String),
    /// It is recorded, now or before.
    Recorded(Recorded),
}

impl Trigger {
    /// Takes a delivery that is proven. What was recorded for it before is what answers it again; one that started nothing is decided on
    /// anew, since that is how a delivery is sent again after its configuration was mended.
    pub(crate) async fn take(&self, mut delivery: Delivery) -> anyhow::Result<Taken> {
        if let Some(before) = self.store.delivery(&delivery.id).await?
            && !before.releases.is_empty()
        {
            return Ok(Taken::Recorded(Recorded::before(before.releases)));
        }
        self.complete(&mut delivery).await;
        let routing = plan::routed(&self.store, &self.settings.config, &delivery).await?;
        let explained = Explanation::new(&delivery, &routing).compact();
        let explanation = serde_json::to_string(&explained)?;
        let mut numbers = Numbers::default();
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
        loop {
            let now = ids::now();
            let (store, config) = (&self.store, &self.settings.config);
            let plan = Planner { store, config, delivery: &delivery, numbers: &mut numbers, now };
            let planned = Box::pin(plan.plan(&routing)).await?;
            let mut acceptance = Acceptance {
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
                    let gone = "the branch of the pipelines that it would start was deleted in this moment";
                    let ignored = acceptance.answer.is_empty();
                    let ignored = ignored.then(|| routing.ignored.unwrap_or_else(|| gone.to_owned()));
                    return Ok(Taken::Recorded(Recorded::now(acceptance, planned.superseded, ignored)));
                }
                Accepted::Before(before) => return Ok(Taken::Recorded(Recorded::before(before.releases))),
                Accepted::TooMany { releases, lines } => {
                    let why = too_many(releases, lines);
                    tracing::error!(delivery = delivery.id, repository = delivery.repository, why, "refused");
                    let explanation = serde_json::to_string(&refused(explained, &why))?;
                    acceptance = Acceptance {
                        delivery: &delivery.id,
                        explanation: &explanation,
                        answer: Vec::new(),
                        releases: Vec::new(),
                        lines: Vec::new(),
                    };
                    // That it is remembered is for people who ask; the answer is the same without.
                    if let Err(error) = self.store.accept(&acceptance, now).await {
                        tracing::warn!(delivery = delivery.id, %error, "the refusal is not remembered");
                    }
                    return Ok(Taken::TooMany(why));
                }
                Accepted::Moved if begun.elapsed() < CONTENTION => {
                    tokio::time::sleep(ids::jitter(pause)).await;
                    pause = (pause * 2).min(PAUSE);
                }
                Accepted::Moved => anyhow::bail!("other deliveries moved the same branches all the time"),
            }
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
        let asked = wanted.into_iter().filter_map(|index| {
            let push = &delivery.pushes()[index];
            let (before, after) = push.compared()?;
            Some((index, before.to_owned(), after.to_owned()))
        });
        let asked: Vec<_> = asked.collect();
        let told = Mutex::new(Vec::new());
        let work = each(asked, async |(index, before, after): (usize, String, String)| {
            match self.providers.files(api, &repository, &before, &after, token).await {
                Ok(files) => told.lock().unwrap_or_else(PoisonError::into_inner).push((index, files)),
                Err(error) => tracing::warn!(repository, %error, "the provider did not tell the files of a push"),
            }
        });
        if timeout(ASKING, work).await.is_err() {
            tracing::warn!(repository, "the provider did not tell the files of every push in time");
        }
        for (index, files) in take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner)) {
            delivery.pushes_mut()[index].files = files;
        }
    }
}

/// The reason, for people.
fn too_many(releases: usize, lines: usize) -> String {
    format!(
        "the delivery would start {releases} releases on {lines} branches and tags, and started none: one delivery starts {} releases of \
         one branch or tag at most, or {} that are each of another; push fewer at a time",
        Accepted::MOST,
        Accepted::MOST_APART
    )
}

/// The explanation of a delivery that would start too many.
fn refused(mut explanation: Explanation, why: &str) -> Explanation {
    for pipeline in explanation.pipelines.iter_mut().filter(|pipeline| pipeline.starts) {
        (pipeline.starts, pipeline.reason) = (false, "the delivery would start too many releases at once".to_owned());
    }
    explanation.ignored = Some(why.to_owned());
    explanation
}

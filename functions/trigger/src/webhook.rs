//! A delivery: proven, read, routed, recorded, its builds started, and answered.

use std::time::Duration;

use longshore_aws::{
    http::{Request, Response},
    ids,
    secrets::expose,
    store::Accepted,
};
use longshore_core::{
    config::Pipeline,
    github,
    push::{Content, Push},
    release::{Release, ReleaseId},
    route::{Routed, route},
    signature::{self, Unproven, Verified},
};
use serde_json::{Value, json};

use crate::Trigger;

/// The largest delivery, in bytes. Lambda takes no more than 6 MB, and a body may come base64-encoded in it.
const LIMIT: usize = 4 * 1024 * 1024;
/// For how long an answer waits for its builds to be started. GitHub waits for ten seconds; what takes longer is the tick's.
const START_TIME: Duration = Duration::from_secs(5);

impl Trigger {
    /// `POST /webhooks/github`
    pub(crate) async fn github(&self, request: &Request) -> Response {
        if request.body.len() > LIMIT {
            return Response::too_large(LIMIT);
        }
        let body = match self.verified(request).await {
            Ok(Ok(body)) => body,
            Ok(Err(why)) => {
                tracing::warn!(%why, "a delivery was refused");
                return Response::unproven();
            }
            Err(error) => {
                tracing::error!("{error:#}");
                return Response::try_again();
            }
        };
        let headers = github::Headers {
            event: request.header(github::EVENT),
            delivery: request.header(github::DELIVERY),
            content_type: request.header("content-type"),
        };
        let delivery = match github::parse(headers, body) {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(%error, "a signed request that is no delivery");
                return Response::bad_request(&error.to_string());
            }
        };
        let push = match delivery.content {
            Content::Push(push) => push,
            Content::Nothing(why) => return Response::ignored(&why),
        };
        let answer = match route(&self.settings.config, &push) {
            Routed::Nothing(why) => Ok(Response::ignored(&why)),
            Routed::Starts(pipelines) => self.start(&delivery.id, &push, &pipelines).await,
        };
        answer.unwrap_or_else(|error| {
            tracing::error!(delivery = delivery.id, repository = push.repository, commit = push.after, "{error:#}");
            Response::try_again()
        })
    }

    /// Checks the signature; a mismatch is checked once more against a fresh reading of the secret, which may have been rotated.
    async fn verified<'a>(&self, request: &'a Request) -> anyhow::Result<Result<Verified<'a>, Unproven>> {
        let header = request.header(github::SIGNATURE);
        let secrets = self.secrets.current().await?;
        let first = signature::github(header, &request.body, &expose(&secrets.github));
        if !matches!(first, Err(Unproven::Mismatch | Unproven::NoSecret)) {
            return Ok(first);
        }
        let secrets = self.secrets.refreshed().await?;
        Ok(signature::github(header, &request.body, &expose(&secrets.github)))
    }

    /// Records a delivery with a release for each pipeline, starts their builds, and answers. A delivery that was recorded before
    /// gets the same answer.
    async fn start(&self, delivery: &str, push: &Push, pipelines: &[&Pipeline]) -> anyhow::Result<Response> {
        if let Some(before) = self.store.delivery(delivery).await? {
            return self.answer_again(before).await;
        }
        let now = ids::now();
        let channel = self.settings.config.slack.as_ref().map(|slack| slack.channel.as_str());
        let mut releases = Vec::new();
        for pipeline in pipelines {
            let number = self.store.next_number(&pipeline.name).await?;
            releases.push(Release::new(ids::release_id(), number, pipeline, push, delivery, channel, now));
        }
        match self.store.accept(delivery, &releases, now).await? {
            Accepted::Before(before) => self.answer_again(before).await,
            Accepted::New => {
                for release in &releases {
                    tracing::info!(
                        release = %release.id, delivery, pipeline = release.pipeline,
                        repository = release.repository, commit = release.commit.id, "accepted"
                    );
                }
                Ok(self.answer(releases).await)
            }
        }
    }

    async fn answer_again(&self, ids: Vec<ReleaseId>) -> anyhow::Result<Response> {
        let mut releases = Vec::new();
        for id in ids {
            releases.extend(self.store.release(&id).await?);
        }
        Ok(self.answer(releases).await)
    }

    /// Brings each release to its build, and answers with both. The delivery is accepted whatever happens here: a build that cannot be
    /// started now is started by the tick.
    async fn answer(&self, mut releases: Vec<Release>) -> Response {
        let started = tokio::time::timeout(START_TIME, async {
            for release in &mut releases {
                match self.advance(release.clone()).await {
                    Ok(advanced) => *release = advanced,
                    Err(error) => {
                        tracing::error!(release = %release.id, "{error:#}: the tick will try again");
                        // People see that it waits.
                        self.events.changed(release).await;
                    }
                }
            }
        });
        if started.await.is_err() {
            tracing::warn!("the builds were not all started in time: the tick goes on");
        }
        let body = match releases.as_slice() {
            [one] => described(one),
            several => json!({ "releases": several.iter().map(described).collect::<Vec<_>>() }),
        };
        Response::new(202, &body)
    }
}

fn described(release: &Release) -> Value {
    json!({ "release": release.id, "pipeline": release.pipeline, "build": release.build.page })
}

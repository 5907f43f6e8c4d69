//! A delivery: proven, read, routed, recorded, its builds started, and answered.

use anyhow::Context;
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

/// The largest delivery, in bytes. Lambda takes no more than 6 MB, some of it for the envelope.
const LIMIT: usize = 5 * 1024 * 1024;

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
            return self.answer(before, Vec::new()).await;
        }
        let now = ids::now();
        let channel = self.settings.config.slack.as_ref().map(|slack| slack.channel.as_str());
        let mut releases = Vec::new();
        for pipeline in pipelines {
            let number = self.store.next_number(&pipeline.name).await?;
            releases.push(Release::new(ids::release_id(), number, pipeline, push, delivery, channel, now));
        }
        match self.store.accept(delivery, &releases, now).await? {
            Accepted::Before(before) => self.answer(before, Vec::new()).await,
            Accepted::New => {
                for release in &releases {
                    tracing::info!(
                        release = %release.id, delivery, pipeline = release.pipeline,
                        repository = release.repository, commit = release.commit.id, "accepted"
                    );
                }
                self.answer(releases.iter().map(|release| release.id.clone()).collect(), releases).await
            }
        }
    }

    /// Brings each release to its build, and answers with both. A build that cannot be started now is started by the tick: the
    /// delivery is accepted all the same.
    async fn answer(&self, ids: Vec<ReleaseId>, mut known: Vec<Release>) -> anyhow::Result<Response> {
        let mut started = Vec::new();
        for id in ids {
            let release = known.iter().position(|release| release.id == id).map(|position| known.swap_remove(position));
            let known = release.clone();
            let release = match self.advance(&id, release).await {
                Ok(release) => release,
                Err(error) => {
                    tracing::error!(release = %id, "{error:#}: the tick will try again");
                    self.store.release(&id).await.ok().flatten().or(known)
                }
            };
            started.push(described(&release.context("a recorded release is gone")?));
        }
        let body = match started.as_slice() {
            [one] => one.clone(),
            _ => json!({ "releases": started }),
        };
        Ok(Response::new(202, &body))
    }
}

fn described(release: &Release) -> Value {
    json!({ "release": release.id, "pipeline": release.pipeline, "build": release.build.log })
}

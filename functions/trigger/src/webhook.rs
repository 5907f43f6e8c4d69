//! A webhook's request: proven, read, taken, and answered.

use std::time::Duration;

use longshore_aws::{
    http::{Request, Response},
    ids, metrics,
    secrets::Secrets,
    telemetry,
};
use longshore_core::{
    push::{Delivery, Source},
    signature::Unproven,
    webhook::{self, NotADelivery},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Trigger, delivery::Taken, recorded::Answered};

/// The largest delivery, in bytes. Lambda takes no more than 6 MB, and a body may come base64-encoded in it.
const LIMIT: usize = 4 * 1024 * 1024;
/// For how long an answer waits for its builds to be started, and for those that they take the place of; what takes longer is the tick's.
const START_TIME: Duration = Duration::from_secs(5);
/// When the answer to a delivery that is recorded goes out at the latest. GitHub waits for ten seconds.
const ANSWER_TIME: Duration = Duration::from_secs(9);

impl Trigger {
    /// `POST /webhooks/<source>`
    pub(crate) async fn webhook(&self, source: Source, request: &Request) -> Response {
        let received = Instant::now();
        if request.body.len() > LIMIT {
            return Response::too_large(LIMIT);
        }
        let delivery = match self.proven(source, request).await {
            Ok(Ok(delivery)) => delivery,
            Ok(Err(refusal)) => return refusal,
            Err(error) => {
                tracing::error!("{error:#}");
                return Response::try_again();
            }
        };
        telemetry::delivered(&delivery);
        let id = delivery.id.clone();
        match self.take(delivery).await {
            Ok(Taken::TooMany(why)) => Response::unprocessable(&why),
            Ok(Taken::Recorded(recorded)) => {
                let until = (Instant::now() + START_TIME).min(received + ANSWER_TIME);
                let ignored = recorded.ignored.clone();
                metrics::delivery(source.word(), ignored.is_some());
                let releases = self.start(recorded, until).await;
                if let [Answered { release: Some(release), .. }] = &releases[..] {
                    telemetry::know(release);
                }
                ignored.map_or_else(|| answer(&releases), |why| Response::ignored(&why))
            }
            Err(error) => {
                tracing::error!(delivery = id, "{error:#}");
                Response::try_again()
            }
        }
    }

    /// Reads a delivery that is proven; else what its sender is answered. A mismatch is checked once more against a fresh reading of
    /// the secret, which may have been rotated.
    async fn proven(&self, source: Source, request: &Request) -> anyhow::Result<Result<Delivery, Response>> {
        let mut read = self.read(source, request, &*self.secrets.current().await?);
        if matches!(read, Err(Unproven::Mismatch | Unproven::NoSecret)) {
            read = self.read(source, request, &*self.secrets.refreshed().await?);
        }
        Ok(match read {
            Ok(Ok(delivery)) => Ok(delivery),
            Ok(Err(error)) => {
                tracing::warn!(%source, %error, "a signed request that is no delivery");
                Err(Response::bad_request(&error.to_string()))
            }
            Err(why) => {
                tracing::warn!(%source, %why, "a delivery was refused");
                Err(Response::unproven())
            }
        })
    }

    /// Checks the proof of a request and reads it. Which repository it is of is known only then: where that has secrets of its own, the
    /// proof must be made with one of these.
    fn read(
        &self,
        source: Source,
        request: &Request,
        secrets: &Secrets,
    ) -> Result<Result<Delivery, NotADelivery>, Unproven> {
        let verify = |secrets: &[&str]| webhook::verify(source, &request.headers, &request.body, secrets, ids::now());
        let hosts = self.settings.config.hosts();
        let delivery = webhook::parse(source, &request.headers, verify(&secrets.of_source(source))?, &hosts);
        if let Ok(Delivery { repository: Some(repository), .. }) = &delivery
            && secrets.are_of_repositories()
        {
            verify(&secrets.of_repository(source, repository))?;
        }
        Ok(delivery)
    }
}

/// 202: recorded, whatever became of the builds. A release that could not be read again is named all the same.
fn answer(releases: &[Answered]) -> Response {
    let body = match releases {
        [one] => described(one),
        several => json!({ "releases": several.iter().map(described).collect::<Vec<_>>() }),
    };
    Response::new(202, &body)
}

fn described(answered: &Answered) -> Value {
    match &answered.release {
        Some(release) => json!({ "release": release.id, "pipeline": release.pipeline, "build": release.build.page }),
        None => json!({ "release": answered.id, "pipeline": null, "build": null }),
    }
}

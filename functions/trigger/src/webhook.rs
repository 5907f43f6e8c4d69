//! A webhook's request: proven, read, taken, and answered.

use std::time::Duration;

use longshore_aws::{
    http::{Request, Response},
    ids,
    secrets::Secrets,
};
use longshore_core::{
    push::{Delivery, Source},
    release::Release,
    signature::Unproven,
    webhook::{self, NotADelivery},
};
use serde_json::{Value, json};

use crate::{Trigger, delivery::Taken};

/// The largest delivery, in bytes. Lambda takes no more than 6 MB, and a body may come base64-encoded in it.
const LIMIT: usize = 4 * 1024 * 1024;
/// For how long an answer waits for its builds to be started. GitHub waits for ten seconds; what takes longer is the tick's.
const START_TIME: Duration = Duration::from_secs(5);

impl Trigger {
    /// `POST /webhooks/<source>`
    pub(crate) async fn webhook(&self, source: Source, request: &Request) -> Response {
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
        let id = delivery.id.clone();
        match self.take(delivery).await {
            Ok(Taken::Ignored(why)) => Response::ignored(&why),
            Ok(Taken::Releases(releases)) => self.answer(releases).await,
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
        if let Ok(Delivery { repository: Some(repository), .. }) = &delivery {
            verify(&secrets.of_repository(source, repository))?;
        }
        Ok(delivery)
    }

    /// Brings each release to its build, and answers with both. The delivery is accepted whatever happens here: a build that cannot be
    /// started now is started by the tick.
    async fn answer(&self, mut releases: Vec<Release>) -> Response {
        let started = tokio::time::timeout(START_TIME, async {
            for release in &mut releases {
                match self.advance(release.clone()).await {
                    Ok(advanced) => *release = advanced,
                    Err(error) => tracing::error!(release = %release.id, "{error:#}: the tick will try again"),
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

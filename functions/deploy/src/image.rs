//! `POST /builds/image`: a build reports what it pushed.

use jiff::SignedDuration;
use longshore_aws::{
    http::{Request, Response},
    ids,
};
use longshore_core::{
    image::Name,
    release::{Fact, Image, Release},
    report::{self, Pushed},
};
use serde_json::json;

use crate::Deploy;

/// For how long an answer waits for the deployment to begin; the build waits for it. A step more may take some seconds.
const DEPLOY_TIME: SignedDuration = SignedDuration::from_secs(10);

impl Deploy {
    /// Proves the token, resolves the image to its digest, records it, and begins the deployment.
    pub(crate) async fn image(&self, request: &Request) -> Response {
        if request.body.len() > report::LIMIT {
            return Response::too_large(report::LIMIT);
        }
        let answer = async {
            let Some(release) = longshore_aws::proof::release_of(&self.store, &self.secrets, request).await? else {
                return Ok(Response::unproven());
            };
            Box::pin(self.report(release, &request.body)).await
        };
        answer.await.unwrap_or_else(|error: anyhow::Error| {
            tracing::error!("{error:#}");
            Response::try_again()
        })
    }

    async fn report(&self, release: Release, body: &[u8]) -> anyhow::Result<Response> {
        let id = release.id.clone();
        let Pushed { image: reference, base } =
            match report::image(body, &self.settings.registry, &release.repositories()) {
                Ok(pushed) => pushed,
                Err(error) => return Ok(Response::bad_request(&error.to_string())),
            };
        let (repository, name) = (reference.repository.as_str(), reference.name);
        let Some(digest) = self.accounts.registry().digest(repository, &name).await? else {
            return Ok(Response::bad_request(&format!(
                "{repository} has no such image: push it before it is reported"
            )));
        };
        let tag = match name {
            Name::Tag(tag) => Some(tag),
            Name::Digest(_) => None,
        };
        let image = Image {
            repository: format!("{}/{repository}", self.settings.registry),
            digest,
            tag,
            base: base.map(Box::new),
        };
        let body = json!({ "release": id, "image": image.reference() });
        let saved = self.store.apply(&id, Some(release), Fact::ImageReported(image), ids::now()).await?;
        match saved {
            None => Ok(Response::unproven()),
            Some(Err(refused)) => Ok(Response::bad_request(&refused.to_string())),
            Some(Ok(saved)) => {
                tracing::info!(release = %id, image = body["image"].as_str(), "the image was reported");
                if saved.changed {
                    self.events.changed(&saved.release).await;
                }
                // Accepted from here on: what fails now is tried again by the tick.
                if let Err(error) = self.advance(saved.release, ids::now() + DEPLOY_TIME).await {
                    tracing::error!(release = %id, "{error:#}: the tick will try again");
                }
                Ok(Response::new(202, &body))
            }
        }
    }
}

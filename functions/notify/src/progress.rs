//! `POST /builds/events`: a build reports a stage. The report is written down and answered; the message follows by the event.

use longshore_aws::{
    http::{Request, Response},
    ids, proof,
};
use longshore_core::{
    release::{Fact, Release},
    report::{self, Progress},
};
use serde_json::json;

use crate::Notify;

impl Notify {
    pub(crate) async fn progress(&self, request: &Request) -> Response {
        if request.body.len() > report::LIMIT {
            return Response::too_large(report::LIMIT);
        }
        let answer = async {
            let Some(release) = proof::release_of(&self.store, &self.secrets, request).await? else {
                return Ok(Response::unproven());
            };
            match report::progress(&request.body) {
                Ok(progress) => self.report(release, progress).await,
                Err(error) => Ok(Response::bad_request(&error.to_string())),
            }
        };
        answer.await.unwrap_or_else(|error: anyhow::Error| {
            tracing::error!("{error:#}");
            Response::try_again()
        })
    }

    async fn report(&self, release: Release, progress: Progress) -> anyhow::Result<Response> {
        let id = release.id.clone();
        tracing::info!(release = %id, phase = progress.phase, status = ?progress.status, "progress");
        let saved = self.store.apply(&id, Some(release), Fact::Progress(progress), ids::now()).await?;
        if let Some(Ok(saved)) = saved
            && saved.changed
        {
            self.events.changed(&saved.release).await;
        }
        Ok(Response::new(202, &json!({ "release": id })))
    }
}

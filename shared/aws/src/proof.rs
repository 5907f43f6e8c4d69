//! The proof of a build's report: the bearer token of its release.

use longshore_core::{
    release::Release,
    token::{Claim, Purpose},
};

use crate::{
    http::Request,
    ids,
    secrets::{SecretStore, expose},
    store::Store,
    telemetry,
};

/// The release that a request's token is good for, while that release is open; `None` for any failure of proof, all alike.
pub async fn release_of(store: &Store, secrets: &SecretStore, request: &Request) -> anyhow::Result<Option<Release>> {
    let Some(claim) = request.bearer().and_then(Claim::read) else {
        tracing::warn!("a report without a release token was refused");
        return Ok(None);
    };
    let (release, kept) = tokio::try_join!(async { Ok(store.release(claim.release()).await?) }, secrets.current())?;
    let Some(release) = release else {
        tracing::warn!(release = %claim.release(), "a token of an unknown release was refused");
        return Ok(None);
    };
    let signed_with = |keys: &[&str]| claim.prove(keys, &release.pipeline, Purpose::Build, ids::now());
    let proven =
        signed_with(&expose(&kept.callback_key)) || signed_with(&expose(&secrets.refreshed().await?.callback_key));
    if !proven || release.is_closed() {
        tracing::warn!(release = %release.id, proven, closed = release.is_closed(), "a report was refused");
        return Ok(None);
    }
    telemetry::know(&release);
    Ok(Some(release))
}

//! ECR: which digest a tag names, what an image runs on, what its scan found, and what tells where it comes from.

mod evidence;
mod findings;
mod manifests;
mod platforms;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_ecr::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::ImageIdentifier,
};
use longshore_aws::{clients::told, signed::Download};
use longshore_core::image::{Digest, Name};

use super::Call;

pub use findings::Findings;
pub use platforms::Platform;

/// The registry that images are pushed to.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    address: String,
    account: Option<String>,
    download: Download,
}

impl Registry {
    /// `address` is the host that images are pushed to. It tells the account, where it is ECR's: `<account>.dkr.ecr.<region>.amazonaws.com`.
    pub fn new(sdk: &SdkConfig, address: &str) -> Self {
        let account = address.split_once(".dkr.ecr.").map(|(account, _)| account.to_owned());
        Self { client: Client::new(sdk), address: address.to_owned(), account, download: Download::new(sdk) }
    }

    /// The digest of an image that is there; `None` when it is not.
    pub async fn digest(&self, repository: &str, name: &Name) -> anyhow::Result<Option<Digest>> {
        let id = match name {
            Name::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
            Name::Digest(digest) => ImageIdentifier::builder().image_digest(digest.as_str()),
        };
        let request = self.client.describe_images().repository_name(repository).image_ids(id.build());
        match request.set_registry_id(self.account.clone()).send().await {
            Ok(answer) => {
                let digest = answer.image_details().first().and_then(|image| image.image_digest());
                let digest = digest.and_then(Digest::parse).context("ECR described an image without a digest")?;
                Ok(Some(digest))
            }
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_image_not_found_exception() => Ok(None),
                _ => Err(anyhow!(told(&error)).context("the image could not be read from ECR")),
            },
        }
    }
}

/// ECR's refusal where it is for good; an error where a retry may mend it.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html>, and the errors of each operation.
fn refused_or<T, E: ProvideErrorMetadata, R>(
    error: &SdkError<E, R>,
    what: impl Into<String>,
) -> anyhow::Result<Call<T>> {
    const FINAL: [&str; 8] = [
        "AccessDeniedException",
        "ImageNotFoundException",
        "InvalidParameterException",
        "LayerInaccessibleException",
        "LayersNotFoundException",
        "RepositoryNotFoundException",
        "ScanNotFoundException",
        "ValidationException",
    ];
    let refusal = error.as_service_error();
    match refusal.and_then(ProvideErrorMetadata::code) {
        Some(code) if FINAL.contains(&code) => Ok(Call::Refused(told(error))),
        _ => Err(anyhow!(told(error)).context(what.into())),
    }
}

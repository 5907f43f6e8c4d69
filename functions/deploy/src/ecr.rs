//! ECR: which digest a tag names.

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_ecr::{Client, types::ImageIdentifier};
use longshore_aws::clients::told;
use longshore_core::image::{Digest, Name};

/// The registry that images are pushed to.
pub(crate) struct Registry {
    client: Client,
    account: Option<String>,
}

impl Registry {
    /// `address` tells the account, where it is ECR's: `<account>.dkr.ecr.<region>.amazonaws.com`.
    pub(crate) fn new(sdk: &SdkConfig, address: &str) -> Self {
        let account = address.split_once(".dkr.ecr.").map(|(account, _)| account.to_owned());
        Self { client: Client::new(sdk), account }
    }

    /// The digest of an image that is there; `None` when it is not.
    pub(crate) async fn digest(&self, repository: &str, name: &Name) -> anyhow::Result<Option<Digest>> {
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

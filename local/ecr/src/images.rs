//! The actions on images: each reads the registry.

use std::collections::BTreeMap;

use local_protocol::{ACCOUNT, Answer, Refusal, now};
use serde_json::{Value, json};

use crate::{
    ecr::{Ecr, with_token},
    input::{invalid, page, text},
    manifests::Manifest,
};

/// An image, its tags, and when it was seen first.
pub struct Image {
    pub manifest: Manifest,
    tags: Vec<String>,
    seen: f64,
}

/// Every image of the repository: what its tags name, and what they named before while it exists. In order of digest.
pub async fn all(ecr: &Ecr, repository: &str) -> Result<Vec<Image>, Refusal> {
    let mut found: BTreeMap<String, (Manifest, Vec<String>)> = BTreeMap::new();
    for tag in ecr.manifests.tags(repository).await? {
        // A tag can go between the listing and the reading.
        if let Some(manifest) = ecr.manifests.read(repository, &tag).await? {
            found.entry(manifest.digest.clone()).or_insert_with(|| (manifest, Vec::new())).1.push(tag);
        }
    }
    for digest in seen(ecr, repository) {
        if !found.contains_key(&digest)
            && let Some(manifest) = ecr.manifests.read(repository, &digest).await?
        {
            found.insert(digest, (manifest, Vec::new()));
        }
    }
    let image =
        |(manifest, tags): (Manifest, _)| Image { seen: see(ecr, repository, &manifest.digest), manifest, tags };
    Ok(found.into_values().map(image).collect())
}

/// `DescribeImages`.
pub async fn describe(ecr: &Ecr, input: &Value) -> Answer {
    let repository = ecr.existing(input)?;
    let asked = input["imageIds"].as_array().filter(|ids| !ids.is_empty());
    if asked.is_some() && !(input["maxResults"].is_null() && input["nextToken"].is_null()) {
        return Err(invalid("imageIds cannot be used with maxResults or nextToken"));
    }
    let mut wanted = Vec::new();
    for id in asked.into_iter().flatten() {
        wanted.push(Id::read(id)?.resolve(ecr, repository).await?.map_err(|failure| failure.refusal(repository))?);
    }
    let images = all(ecr, repository).await?;
    if asked.is_none() {
        let (images, next) = page(filtered(images, input)?, input, 100)?;
        let mut details = Vec::new();
        for image in &images {
            details.push(detail(ecr, repository, image).await?);
        }
        return Ok(with_token(json!({ "imageDetails": details }), next));
    }
    // ECR describes an image once, by whatever names it was asked for.
    let mut details: Vec<Value> = Vec::new();
    for manifest in wanted {
        let image = if let Some(image) = images.iter().find(|image| image.manifest.digest == manifest.digest) {
            detail(ecr, repository, image).await?
        } else {
            let seen = see(ecr, repository, &manifest.digest);
            detail(ecr, repository, &Image { manifest, tags: Vec::new(), seen }).await?
        };
        if !details.contains(&image) {
            details.push(image);
        }
    }
    Ok(json!({ "imageDetails": details }))
}

/// `ListImages`: one entry for each tag, and one for each untagged image.
pub async fn list(ecr: &Ecr, input: &Value) -> Answer {
    let repository = ecr.existing(input)?;
    let mut ids = Vec::new();
    for image in filtered(all(ecr, repository).await?, input)? {
        let digest = &image.manifest.digest;
        if image.tags.is_empty() {
            ids.push(json!({ "imageDigest": digest }));
        }
        ids.extend(image.tags.iter().map(|tag| json!({ "imageDigest": digest, "imageTag": tag })));
    }
    let (ids, next) = page(ids, input, 100)?;
    Ok(with_token(json!({ "imageIds": ids }), next))
}

/// `BatchGetImage`. An image of a format that `acceptedMediaTypes` lacks is a failure here; ECR converts some.
pub async fn batch_get(ecr: &Ecr, input: &Value) -> Answer {
    let repository = ecr.existing(input)?;
    let ids = input["imageIds"].as_array().filter(|ids| (1..=100).contains(&ids.len()));
    let ids =
        ids.ok_or_else(|| invalid("Invalid parameter at 'imageIds' failed to satisfy constraint: 1 to 100 of them"))?;
    let accepted = input["acceptedMediaTypes"].as_array().filter(|types| !types.is_empty());
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for asked in ids {
        let id = Id::read(asked)?;
        let found = id.resolve(ecr, repository).await?.and_then(|manifest| {
            let accepts = accepted.is_none_or(|types| types.iter().any(|t| *t == manifest.media_type.as_str()));
            if accepts { Ok(manifest) } else { Err(Failure::new("ImageNotFound", "Requested image not found", &id)) }
        });
        match found {
            Err(failure) => failures.push(json!({
                "imageId": asked, "failureCode": failure.code, "failureReason": failure.reason,
            })),
            Ok(manifest) => {
                see(ecr, repository, &manifest.digest);
                let mut image_id = json!({ "imageDigest": manifest.digest });
                if let Some(tag) = &id.tag {
                    image_id["imageTag"] = tag.as_str().into();
                }
                images.push(json!({
                    "registryId": ACCOUNT, "repositoryName": repository, "imageId": image_id,
                    "imageManifest": manifest.text, "imageManifestMediaType": manifest.media_type,
                }));
            }
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

async fn detail(ecr: &Ecr, repository: &str, image: &Image) -> Answer {
    // "If the image is a manifest list, this will be the max size of all manifests in the list."
    let mut size = image.manifest.size();
    for child in image.manifest.children() {
        if let Some(child) = ecr.manifests.read(repository, &child).await? {
            size = size.max(child.size());
        }
    }
    let mut detail = json!({
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageDigest": image.manifest.digest,
        "imageSizeInBytes": size,
        "imagePushedAt": image.seen,
        "imageManifestMediaType": image.manifest.media_type,
    });
    if let Some(artifact) = image.manifest.artifact_type() {
        detail["artifactMediaType"] = artifact.into();
    }
    if !image.tags.is_empty() {
        detail["imageTags"] = json!(image.tags);
    }
    Ok(detail)
}

fn filtered(images: Vec<Image>, input: &Value) -> Result<Vec<Image>, Refusal> {
    let tagged = match text(&input["filter"], "tagStatus")? {
        None | Some("ANY") => return Ok(images),
        Some("TAGGED") => true,
        Some("UNTAGGED") => false,
        Some(other) => return Err(invalid(format!("Invalid parameter at 'filter.tagStatus': {other}"))),
    };
    Ok(images.into_iter().filter(|image| image.tags.is_empty() != tagged).collect())
}

fn seen(ecr: &Ecr, repository: &str) -> Vec<String> {
    ecr.repositories().get(repository).map(|r| r.seen.keys().cloned().collect()).unwrap_or_default()
}

/// When the digest was seen first, which may be now.
pub fn see(ecr: &Ecr, repository: &str, digest: &str) -> f64 {
    let mut repositories = ecr.repositories();
    let Some(repository) = repositories.get_mut(repository) else { return now() };
    *repository.seen.entry(digest.to_owned()).or_insert_with(now)
}

/// `ImageIdentifier`: a digest, a tag, or both.
pub struct Id {
    digest: Option<String>,
    pub tag: Option<String>,
}

impl Id {
    pub fn read(id: &Value) -> Result<Self, Refusal> {
        let (digest, tag) = (text(id, "imageDigest")?, text(id, "imageTag")?);
        Ok(Self { digest: digest.map(str::to_owned), tag: tag.map(str::to_owned) })
    }

    /// As ECR prints an identifier: `{imageDigest:'null', imageTag:'v1'}`.
    pub fn printed(&self) -> String {
        let or_null = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
        format!("{{imageDigest:'{}', imageTag:'{}'}}", or_null(&self.digest), or_null(&self.tag))
    }

    /// What the registry has under this name.
    pub async fn resolve(&self, ecr: &Ecr, repository: &str) -> Result<Result<Manifest, Failure>, Refusal> {
        let not_found = || Failure::new("ImageNotFound", "Requested image not found", self);
        if self.digest.as_deref().is_some_and(|digest| !is_digest(digest)) {
            let reason =
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            return Ok(Err(Failure::new("InvalidImageDigest", reason, self)));
        }
        if self.tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            let reason = "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'";
            return Ok(Err(Failure::new("InvalidImageTag", reason, self)));
        }
        let Some(reference) = self.tag.as_ref().or(self.digest.as_ref()) else {
            let reason = "Invalid request parameters: both tag and digest cannot be null";
            return Ok(Err(Failure::new("MissingDigestAndTag", reason, self)));
        };
        let Some(manifest) = ecr.manifests.read(repository, reference).await? else {
            return Ok(Err(not_found()));
        };
        if self.digest.as_ref().is_some_and(|digest| *digest != manifest.digest) {
            let reason = "Requested image tag does not match the requested image digest";
            return Ok(Err(Failure::new("ImageTagDoesNotMatchDigest", reason, self)));
        }
        Ok(Ok(manifest))
    }
}

/// Why one image of several cannot be had.
pub struct Failure {
    code: &'static str,
    reason: &'static str,
    id: String,
}

impl Failure {
    fn new(code: &'static str, reason: &'static str, id: &Id) -> Self {
        Self { code, reason, id: id.printed() }
    }

    /// The whole call's refusal, where the action has no list of failures. ECR's wording as users report it, for example in
    /// <https://github.com/hashicorp/terraform-provider-aws/issues/35268>.
    pub fn refusal(self, repository: &str) -> Refusal {
        match self.code {
            "ImageNotFound" | "ImageTagDoesNotMatchDigest" => Refusal::client(
                "ImageNotFoundException",
                format!(
                    "The image with imageId {} does not exist within the repository with name '{repository}' in the \
                     registry with id '{ACCOUNT}'",
                    self.id
                ),
            ),
            _ => invalid(self.reason),
        }
    }
}

/// A digest that the registry can hold; anything else must not reach a path.
pub fn is_digest(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:");
    hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`, the registry's grammar.
fn is_tag(tag: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().enumerate().all(|(i, b)| letter(b) || (i > 0 && matches!(b, b'.' | b'-')))
}

//! What tells where an image comes from: its signature, its SBOM and its provenance, as builds attach them.
//!
//! BuildKit puts attestations into the image's own list, so that a signature over the list covers them. Cosign keeps what it attaches
//! under tags made from the image's digest: signatures under `sha256-<digest>.sig`, attestations under `….att`, bare SBOMs under `….sbom`.
//! Of signatures the key decides; SBOM and provenance have to be there, and of what they say nothing is judged.
//!
//! Sources: <https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>,
//! <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>.

use aws_sdk_ecr::types::ImageIdentifier;
use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_core::{
    config::{Evidence, PublicKey, Required},
    image::{Digest, without_name},
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{Platform, Registry};
use crate::aws::{Call, done};

/// Signatures and attestations that are looked at: whoever may push may add as many as they like.
const MOST: usize = 20;
/// The most that is read of what a signature is over. It is some hundred bytes.
const LIMIT: usize = 64 * 1024;
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const SIGNED: &str = "cosign container image signature";

impl Registry {
    /// Why an image may not be deployed: what it lacks of what is required, in a sentence. `None`: nothing. `platforms` are
    /// those of the image.
    pub async fn lacks(
        &self,
        repository: &str,
        digest: &Digest,
        platforms: &[Platform],
        required: &Required,
    ) -> anyhow::Result<Call<Option<String>>> {
        let mut attested = None;
        for evidence in &required.evidence {
            let why = match evidence {
                Evidence::Signature => done!(self.unsigned(repository, digest, &required.keys).await?),
                Evidence::Sbom | Evidence::Provenance => {
                    let attested = match &mut attested {
                        Some(attested) => attested,
                        none => none.insert(done!(self.attested(repository, digest, platforms).await?)),
                    };
                    let is_there = attested.contains(evidence)
                        || *evidence == Evidence::Sbom
                            && done!(self.beside(repository, digest, "sbom", "the SBOM").await?).is_some();
                    (!is_there).then(|| format!("has no {}", evidence.name()))
                }
            };
            if let Some(why) = why {
                let word = evidence.word();
                return Ok(Call::Done(Some(format!(
                    "the image {repository}@{} {why}, which require = [\"{word}\"] asks for",
                    digest.short()
                ))));
            }
        }
        Ok(Call::Done(None))
    }

    /// Why an image does not count as signed.
    async fn unsigned(
        &self,
        repository: &str,
        digest: &Digest,
        keys: &[PublicKey],
    ) -> anyhow::Result<Call<Option<String>>> {
        let Some(manifest) = done!(self.beside(repository, digest, "sig", "the signature").await?) else {
            return Ok(Call::Done(Some("has no signature".to_owned())));
        };
        let name = format!("{}/{repository}", self.address);
        let mut best = NotSigned::Nothing;
        for layer in layers(&manifest).filter(|layer| layer["mediaType"] == SIMPLE_SIGNING) {
            let (Some(blob), Some(signature)) = (
                layer["digest"].as_str(),
                layer["annotations"][SIGNATURE].as_str().and_then(|it| STANDARD.decode(it).ok()),
            ) else {
                continue;
            };
            let payload = done!(self.blob(repository, blob, LIMIT, "what the signature is over").await?);
            match judge(&payload, &signature, keys, &name, digest) {
                Ok(()) => return Ok(Call::Done(None)),
                Err(why) => best = best.max(why),
            }
        }
        Ok(Call::Done(Some(best.to_string())))
    }

    /// The kinds of attestations that there are for every platform of an image, in its list or beside it.
    async fn attested(
        &self,
        repository: &str,
        digest: &Digest,
        platforms: &[Platform],
    ) -> anyhow::Result<Call<Vec<Evidence>>> {
        let list = done!(self.manifest(repository, digest, "the image").await?);
        let mut of_platforms = Vec::new();
        for platform in platforms.iter().take(MOST) {
            let mut found = Vec::new();
            let attestations = list["manifests"].as_array().into_iter().flatten().filter(|one| {
                one["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
                    && one["annotations"]["vnd.docker.reference.digest"] == platform.digest.as_str()
            });
            for attestation in attestations.take(MOST).filter_map(|one| Digest::parse(one["digest"].as_str()?)) {
                let manifest = done!(self.manifest(repository, &attestation, "an attestation").await?);
                found.extend(
                    layers(&manifest).filter_map(|layer| kind(&layer["annotations"]["in-toto.io/predicate-type"])),
                );
            }
            of_platforms.push(found);
        }
        let beside = done!(self.beside(repository, digest, "att", "the attestations").await?).unwrap_or_default();
        let beside: Vec<_> = layers(&beside).filter_map(|layer| kind(&layer["annotations"]["predicateType"])).collect();
        let everywhere =
            |one: &Evidence| !of_platforms.is_empty() && of_platforms.iter().all(|found| found.contains(one));
        Ok(Call::Done(Evidence::ALL.into_iter().filter(|one| everywhere(one) || beside.contains(one)).collect()))
    }

    /// The manifest that cosign keeps beside an image, under the tag made from its digest. `what` is looked for, for the error.
    async fn beside(
        &self,
        repository: &str,
        digest: &Digest,
        suffix: &str,
        what: &'static str,
    ) -> anyhow::Result<Call<Option<Value>>> {
        let tag = format!("{}.{suffix}", digest.as_str().replace(':', "-"));
        self.manifest_of(repository, ImageIdentifier::builder().image_tag(tag).build(), what).await
    }
}

/// Why a signature does not count; the last is nearest to one that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
enum NotSigned {
    #[error("has a signature that cannot be read")]
    Nothing,
    #[error("has no signature by a key of public_key")]
    AnotherKey,
    #[error("has a signature that is for another image")]
    AnotherImage,
}

/// Whether a signature by one of the keys is over this text, and the text names the image.
fn judge(payload: &[u8], signature: &[u8], keys: &[PublicKey], name: &str, digest: &Digest) -> Result<(), NotSigned> {
    let holds = |key: &PublicKey| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point()).verify(payload, signature).is_ok()
    };
    if !keys.iter().any(holds) {
        return Err(NotSigned::AnotherKey);
    }
    let payload: Value = serde_json::from_slice(payload).map_err(|_| NotSigned::AnotherImage)?;
    let critical = &payload["critical"];
    let named = critical["identity"]["docker-reference"].as_str().map(without_name);
    let is_it = critical["type"] == SIGNED
        && critical["image"]["docker-manifest-digest"] == digest.as_str()
        && named == Some(name);
    is_it.then_some(()).ok_or(NotSigned::AnotherImage)
}

/// What a predicate is, by its type: with SPDX and CycloneDX whatever their version is, as with SLSA.
/// Source: <https://github.com/in-toto/attestation/tree/main/spec/predicates>.
fn kind(predicate: &Value) -> Option<Evidence> {
    let predicate = predicate.as_str()?;
    let is =
        |begin: &str| predicate == begin || predicate.strip_prefix(begin).is_some_and(|rest| rest.starts_with('/'));
    if is("https://spdx.dev/Document") || is("https://cyclonedx.org/bom") {
        Some(Evidence::Sbom)
    } else if is("https://slsa.dev/provenance") {
        Some(Evidence::Provenance)
    } else {
        None
    }
}

fn layers(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest["layers"].as_array().into_iter().flatten().take(MOST)
}

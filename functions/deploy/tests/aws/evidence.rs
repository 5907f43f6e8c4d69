//! Where an image comes from: its signature, its SBOM and its provenance.

use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_core::{
    config::{Evidence, PublicKey, Required},
    image::Digest,
};
use longshore_deploy::aws::{
    Call,
    ecr::{Platform, Registry},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{
    done, refused,
    script::{Said, Script, refuses, says},
};

const ADDRESS: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

fn digest(digit: char) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest")
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).expect("a key")
}

fn required(evidence: &[Evidence], keys: &[&EcdsaKeyPair]) -> Required {
    let public = |key: &&EcdsaKeyPair| PublicKey::of_point(key.public_key().as_ref()).expect("a point");
    Required { evidence: evidence.to_vec(), keys: keys.iter().map(public).collect() }
}

async fn lacks(script: &Script, required: &Required) -> anyhow::Result<Call<Option<String>>> {
    let platforms = [Platform { os: "linux".into(), architecture: "amd64".into(), digest: digest('b') }];
    Registry::new(&script.sdk(), ADDRESS).lacks("team/web", &digest('a'), &platforms, required).await
}

fn image(manifest: &Value) -> Said {
    says(&json!({ "images": [{ "imageManifest": manifest.to_string() }], "failures": [] }))
}

fn absent() -> Said {
    let failure = json!({ "failureCode": "ImageNotFound", "failureReason": "Requested image not found" });
    says(&json!({ "images": [], "failures": [failure] }))
}

fn url() -> Said {
    says(&json!({ "downloadUrl": "https://bucket.example/key?signed=1" }))
}

/// What cosign signs.
fn payload(name: &str, digest: &Digest) -> Value {
    json!({
        "critical": {
            "identity": { "docker-reference": name }, "image": { "docker-manifest-digest": digest.as_str() },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
}

/// The answers for one signature.
fn signature(by: &EcdsaKeyPair, payload: &Value) -> [Said; 3] {
    let signature = by.sign(&SystemRandom::new(), payload.to_string().as_bytes()).expect("a signature");
    let layer = json!({
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": digest('e').as_str(),
        "annotations": { "dev.cosignproject.cosign/signature": STANDARD.encode(signature.as_ref()) },
    });
    [image(&json!({ "schemaVersion": 2, "layers": [layer] })), url(), says(payload)]
}

#[tokio::test]
async fn a_signature_by_one_of_the_keys_over_this_image_counts() {
    let (ours, older) = (key(), key());
    let required = required(&[Evidence::Signature], &[&older, &ours]);
    let script = Script::new(signature(&ours, &payload(&format!("{ADDRESS}/team/web"), &digest('a'))));
    assert_eq!(done(lacks(&script, &required).await), None);
    let asked = script.asked();
    let tag = json!([{ "imageTag": format!("sha256-{}.sig", "a".repeat(64)) }]);
    assert_eq!((asked[0].operation(), &asked[0].json()["imageIds"]), ("BatchGetImage", &tag));
    assert_eq!(
        (asked[1].operation(), &asked[1].json()["layerDigest"]),
        ("GetDownloadUrlForLayer", &json!(digest('e')))
    );
}

#[tokio::test]
async fn whose_signature_or_which_image_is_another_does_not_count() {
    let (ours, theirs) = (key(), key());
    let required = required(&[Evidence::Signature], &[&ours]);
    let name = format!("{ADDRESS}/team/web");
    let good = payload(&name, &digest('a'));
    let mut changed = signature(&ours, &good);
    changed[2] = says(&payload(&name, &digest('c')));
    for (answers, why) in [
        (signature(&theirs, &good), "has no signature by a key of public_key"),
        (changed, "has no signature by a key of public_key"),
        (signature(&ours, &payload(&name, &digest('c'))), "has a signature that is for another image"),
        (signature(&ours, &payload("r.example/web", &digest('a'))), "has a signature that is for another image"),
        (signature(&ours, &json!("sha256")), "has a signature that is for another image"),
    ] {
        let said = done(lacks(&Script::new(answers), &required).await);
        let whole = format!("the image team/web@sha256:aaaaaaaaaaaa {why}, which require = [\"signature\"] asks for");
        assert_eq!(said, Some(whole));
    }
    let said = done(lacks(&Script::new([absent()]), &required).await).expect("a reason");
    assert!(said.contains("has no signature, which"), "{said}");
    let other = json!({ "layers": [{ "mediaType": "application/octet-stream", "digest": digest('e').as_str() }] });
    let said = done(lacks(&Script::new([image(&other)]), &required).await).expect("a reason");
    assert!(said.contains("has a signature that cannot be read"), "{said}");
    let denied = Script::new([refuses(400, "AccessDeniedException", "not authorized")]);
    assert!(refused(lacks(&denied, &required).await).contains("not authorized"));
}

/// A list as BuildKit makes it: an image, and an attestation about the image with this digest.
fn list(about: &Digest) -> Said {
    image(&json!({ "manifests": [
        { "digest": digest('b').as_str(), "platform": { "os": "linux", "architecture": "amd64" } },
        { "digest": digest('d').as_str(), "platform": { "os": "unknown", "architecture": "unknown" }, "annotations": {
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about.as_str(),
        } },
    ] }))
}

fn attestation(key: &str, predicates: &[&str]) -> Said {
    let layer = |predicate: &&str| json!({ "digest": digest('f').as_str(), "annotations": { key: predicate } });
    image(&json!({ "layers": predicates.iter().map(layer).collect::<Vec<_>>() }))
}

#[tokio::test]
async fn attestations_count_in_the_list_or_beside_it() {
    let both = required(&[Evidence::Sbom, Evidence::Provenance], &[]);
    let (buildkit, cosign) = ("in-toto.io/predicate-type", "predicateType");
    let predicates = ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"];
    let script = Script::new([list(&digest('b')), attestation(buildkit, &predicates), absent()]);
    assert_eq!(done(lacks(&script, &both).await), None, "BuildKit's");
    script.asked();
    let plain = image(&json!({ "config": {}, "layers": [] }));
    let predicates = ["https://cyclonedx.org/bom", "https://slsa.dev/provenance/v0.2"];
    let script = Script::new([plain.clone(), attestation(cosign, &predicates)]);
    assert_eq!(done(lacks(&script, &both).await), None, "cosign's");
    script.asked();
    let script = Script::new([plain, absent(), image(&json!({ "layers": [] }))]);
    assert_eq!(done(lacks(&script, &required(&[Evidence::Sbom], &[])).await), None, "a bare SBOM");
    script.asked();
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let both = required(&[Evidence::Provenance, Evidence::Sbom], &[]);
    let only =
        ["https://slsa.dev/provenance/v1", "https://example.com/spdx.dev/Document", "https://spdx.dev/Documents"];
    let script = Script::new([list(&digest('b')), attestation("in-toto.io/predicate-type", &only), absent(), absent()]);
    let why = "the image team/web@sha256:aaaaaaaaaaaa has no SBOM, which require = [\"sbom\"] asks for";
    assert_eq!(done(lacks(&script, &both).await).as_deref(), Some(why));
    script.asked();
    let script = Script::new([list(&digest('c')), absent()]);
    let said = done(lacks(&script, &both).await).expect("a reason");
    assert!(said.contains("has no provenance"), "an attestation about another image: {said}");
}

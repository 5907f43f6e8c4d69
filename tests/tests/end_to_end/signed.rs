//! Where an image comes from: what a pipeline requires of it is looked for in the registry before anything is registered.

use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_core::{config::PublicKey, release::State};
use longshore_tests::{Local, Push, Works, config, release_of, with_config};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::json;

fn push(branch: &str, after: u8) -> Push<'_> {
    Push { repository: "acme/web", branch, before: 0, after, files: &["README.md"] }
}

#[test]
fn an_image_goes_in_once_it_is_signed_by_the_key_of_its_pipeline() {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).expect("a key");
    let public = PublicKey::of_point(key.public_key().as_ref()).map(String::from).expect("a point");
    let keys = format!(
        "branches = [\"*\"]\nimage = \"web\"\nrequire = [\"signature\"]\n\
         public_key = \"\"\"\n-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n\"\"\"\n\
         [[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]"
    );
    with_config(
        &config(&[("web", "github.com/acme/web", &keys)]),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            local.settled("web").await;
            local.version("web", "unsigned", Works::Well).await;
            let before = local.service_deployments().await;
            let unsigned = local.closed(&release_of(&local.send(&push("unsigned", 1).delivery()).await)).await;
            let reason = unsigned.reason.as_deref().expect("a reason");
            assert!(reason.contains("has no signature, which require = [\"signature\"] asks for"), "{reason}");
            assert_eq!((unsigned.state, local.service_deployments().await), (State::Failed, before));

            local.version("web", "signed", Works::Well).await;
            let digest = local.digest("signed").await;
            let name = format!("{}/web", local.stack.registry);
            let payload = json!({
                "critical": {
                    "identity": { "docker-reference": name }, "image": { "docker-manifest-digest": digest },
                    "type": "cosign container image signature",
                },
                "optional": null,
            });
            let payload = payload.to_string();
            let signature = key.sign(&random, payload.as_bytes()).expect("a signature");
            local.push_signature("web", &digest, &payload, &STANDARD.encode(signature.as_ref())).await;
            let signed = local.closed(&release_of(&local.send(&push("signed", 2).delivery()).await)).await;
            assert_eq!(signed.state, State::Live, "{:?}", signed.reason);
        },
    );
}

//! `require` and `public_key`.

use super::*;
use crate::config::{Evidence, PublicKey, Required};

/// A P-256 key as `openssl pkey -pubout` prints it.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy8Xb5+jdphtL4LiaioOwmVyfGgyr
LUF077Rdew1eM05WFfpzY/jmlXvah3W4JYJcJDm+/4gG+RniM9Osr005AA==
-----END PUBLIC KEY-----
";

fn with(keys: &str) -> String {
    GOOD.replace("image = \"team/web\"", &format!("image = \"team/web\"\n{keys}"))
}

fn read(keys: &str) -> Required {
    Config::read(&with(keys)).expect("a configuration").pipelines()[0].environments[0].plan.required.clone()
}

#[test]
fn what_an_image_has_to_bring_is_read_with_the_keys_that_count() {
    assert!(read("").is_nothing());
    assert_eq!(read("require = [\"sbom\", \"provenance\"]").evidence, [Evidence::Sbom, Evidence::Provenance]);
    let both = read(&format!("require = [\"signature\"]\npublic_key = \"\"\"\n{KEY}\n{KEY}\"\"\""));
    assert_eq!((both.evidence.as_slice(), both.keys.len()), (&[Evidence::Signature][..], 2));
    let written = serde_json::to_string(&both).expect("JSON");
    assert_eq!(serde_json::from_str::<Required>(&written).expect("what is written is read"), both);
    assert_eq!(both.keys[0].point().len(), 65);
}

#[test]
fn what_cannot_be_required_is_told_with_its_cure() {
    let said = |keys: &str| problems(&with(keys));
    let mut all = said("require = [\"signature\", \"sbom\", \"sbom\", \"virtue\"]");
    all += &said(&format!("public_key = \"\"\"\n{KEY}\"\"\""));
    all += &said("require = [\"signature\"]\npublic_key = \"ssh-ed25519 AAAA\"");
    all += &problems(&with("require = [\"sbom\"]").replace("image = \"team/web\"\n", ""));
    insta::assert_snapshot!(all);
}

#[test]
fn only_a_whole_p256_key_is_a_key() {
    assert!(PublicKey::read_all(KEY).is_some());
    assert_eq!(PublicKey::read_all(""), None);
    assert_eq!(PublicKey::read_all(&KEY.replace("MFkw", "MFkx")), None);
    assert_eq!(PublicKey::read_all(&KEY.replace("-----END", "-----EN")), None);
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(PublicKey::read_all(&format!("{KEY}{private}")), None, "a private key is refused, and said nothing of");
}

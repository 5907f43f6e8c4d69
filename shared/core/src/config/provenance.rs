//! `require`, `public_key`: what an image has to bring before it is deployed, and whose signature counts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::section::Section;
use crate::text;

/// What tells where an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A signature over its digest, by a key that the configuration names.
    Signature,
    /// A list of what is in it: SPDX or CycloneDX.
    Sbom,
    /// How it was built: SLSA's provenance.
    Provenance,
}

impl Evidence {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Signature, Self::Sbom, Self::Provenance];

    /// The word in longshore.toml.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Sbom => "sbom",
            Self::Provenance => "provenance",
        }
    }

    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Sbom => "SBOM",
            Self::Provenance => "provenance",
        }
    }
}

/// What is asked of an image; nothing where a pipeline does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Required {
    /// `require`: each once.
    pub evidence: Vec<Evidence>,
    /// `public_key`: a signature by any one of them counts. At least one where a signature is required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<PublicKey>,
}

impl Required {
    /// Whether nothing is.
    pub fn is_nothing(&self) -> bool {
        self.evidence.is_empty()
    }
}

/// An ECDSA key on the curve P-256, as `cosign generate-key-pair` makes it and AWS KMS calls it `ECC_NIST_P256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(Vec<u8>);

/// How the DER of such a key begins: the algorithm and the curve; its point follows.
/// Source: RFC 5480, sections 2.1.1 and 2.2.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// How long an uncompressed point is, and how it begins.
const POINT: usize = 65;
const UNCOMPRESSED: u8 = 4;

impl PublicKey {
    /// The key with this uncompressed point, 65 bytes of which the first is 4; `None` when it is none. Whether the point is on the curve is
    /// for whoever checks a signature.
    pub fn of_point(point: &[u8]) -> Option<Self> {
        (point.len() == POINT && point.first() == Some(&UNCOMPRESSED)).then(|| Self(point.to_vec()))
    }

    /// Reads the keys of a text, each a PEM block `PUBLIC KEY`; `None` when there is none, or one that is no such key.
    /// Source: RFC 7468, section 13.
    pub fn read_all(pem: &str) -> Option<Vec<Self>> {
        let mut keys = Vec::new();
        for block in pem.split("-----BEGIN PUBLIC KEY-----").skip(1) {
            let (body, _) = block.split_once("-----END PUBLIC KEY-----")?;
            keys.push(Self::of_der(&body.split_ascii_whitespace().collect::<String>())?);
        }
        let others = pem.matches("-----BEGIN ").count();
        (!keys.is_empty() && others == keys.len()).then_some(keys)
    }

    /// The point.
    pub fn point(&self) -> &[u8] {
        &self.0
    }

    fn of_der(base64: &str) -> Option<Self> {
        let der = STANDARD.decode(base64).ok()?;
        Self::of_point(der.strip_prefix(&P256[..])?)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::of_der(&text).ok_or("not the DER of a P-256 key in base 64")
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        STANDARD.encode([&P256[..], &key.0].concat())
    }
}

/// Reads both keys of a pipeline.
pub(super) fn required(section: &mut Section<'_, '_>, has_image: bool) -> Required {
    let mut evidence = Vec::new();
    for (word, span) in section.filled("require") {
        match Evidence::ALL.into_iter().find(|one| one.word() == word) {
            Some(one) if evidence.contains(&one) => {
                section.problem(span, format!("`require` names \"{word}\" twice"), None);
            }
            Some(one) => evidence.push(one),
            None => {
                let words = Evidence::ALL.map(|one| format!("\"{}\"", one.word()));
                let help = Some(format!("it takes {}", text::list(words, "and")));
                section.problem(span, format!("`require` cannot name \"{word}\""), help);
            }
        }
    }
    let keys = section.read(
        "public_key",
        PublicKey::read_all,
        "one or more PEM blocks PUBLIC KEY, each an ECDSA key on the curve P-256, as `cosign public-key` prints it",
    );
    let signed = evidence.contains(&Evidence::Signature);
    if signed && !section.has("public_key") && !section.misspelt("public_key") {
        let help = Some("add public_key: the PEM of the key whose signatures count".to_owned());
        section.problem(
            section.span_of("require"),
            "`require` asks for a signature, and there is no `public_key`",
            help,
        );
    }
    if !signed && section.has("public_key") {
        let help = Some("add require = [\"signature\"]: without it, no signature is looked at".to_owned());
        section.problem(section.span_of("public_key"), "`public_key`, and no signature is required", help);
    }
    if !evidence.is_empty() && !has_image {
        let help = Some("add image = \"<ECR repository>\", or leave `require` out".to_owned());
        section.problem(section.span_of("require"), "`require` in a pipeline without an image", help);
    }
    Required { evidence, keys: keys.unwrap_or_default() }
}

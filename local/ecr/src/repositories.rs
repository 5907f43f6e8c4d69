//! The repositories that the API knows: those created by `CreateRepository`.

use std::collections::BTreeMap;

use local_protocol::{ACCOUNT, Refusal, arn, now};
use serde_json::{Value, json};

use crate::input::invalid;

/// One repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// As the API shows it.
    pub shown: Value,
    /// The digests seen, with the time at which each was seen first.
    pub seen: BTreeMap<String, f64>,
}

impl Repository {
    /// From the input of `CreateRepository`; members that were not given have ECR's defaults.
    pub fn new(name: &str, registry: &str, input: &Value) -> Result<Self, Refusal> {
        let mutability = input["imageTagMutability"].as_str().unwrap_or("MUTABLE");
        if !matches!(mutability, "MUTABLE" | "IMMUTABLE" | "IMMUTABLE_WITH_EXCLUSION" | "MUTABLE_WITH_EXCLUSION") {
            return Err(invalid(format!(
                "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value \
                 set: [IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE, MUTABLE_WITH_EXCLUSION]', not '{mutability}'"
            )));
        }
        let mut shown = json!({
            "repositoryArn": arn("ecr", &format!("repository/{name}")),
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryUri": format!("{registry}/{name}"),
            "createdAt": now(),
            "imageTagMutability": mutability,
            "imageScanningConfiguration": { "scanOnPush": input["imageScanningConfiguration"]["scanOnPush"] == true },
            "encryptionConfiguration": { "encryptionType": "AES256" },
        });
        for kept in ["encryptionConfiguration", "imageTagMutabilityExclusionFilters"] {
            if !input[kept].is_null() {
                shown[kept] = input[kept].clone();
            }
        }
        Ok(Self { shown, seen: BTreeMap::new() })
    }
}

/// `RepositoryNotFoundException`.
pub fn not_found(name: &str) -> Refusal {
    Refusal::client(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"),
    )
}

/// `RepositoryAlreadyExistsException`.
pub fn already_exists(name: &str) -> Refusal {
    Refusal::client(
        "RepositoryAlreadyExistsException",
        format!("The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'"),
    )
}

/// `RepositoryNotEmptyException`.
pub fn not_empty(name: &str) -> Refusal {
    Refusal::client(
        "RepositoryNotEmptyException",
        format!(
            "The repository with name '{name}' in registry with id '{ACCOUNT}' cannot be deleted because it still contains \
             images"
        ),
    )
}

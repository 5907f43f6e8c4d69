//! The service: its actions on repositories, and which module answers the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use local_protocol::{Answer, Refusal, Service, now, router, unknown};
use serde_json::{Value, json};

use crate::{
    images,
    input::{page, repository_name},
    layers,
    manifests::Manifests,
    repositories::{Repository, already_exists, not_empty, not_found},
    scans::{self, Scan},
};

/// ECR's API over a registry.
#[derive(Debug)]
pub struct Ecr {
    pub(crate) manifests: Manifests,
    repositories: Mutex<BTreeMap<String, Repository>>,
    scans: Mutex<BTreeMap<String, Scan>>,
}

impl Ecr {
    /// `registry_address`: `127.0.0.1:PORT`, as [`crate::Registry::address`] gives it.
    pub fn new(registry_address: &str) -> Arc<Self> {
        Arc::new(Self {
            manifests: Manifests::new(registry_address),
            repositories: Mutex::default(),
            scans: Mutex::default(),
        })
    }

    /// Says what is found in the image with this digest (`sha256:…`), in whatever repository, from now on.
    pub fn scan(&self, digest: &str, scan: Scan) {
        self.scans.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.to_owned(), scan);
    }

    pub(crate) fn scan_of(&self, digest: &str) -> Scan {
        self.scans.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned().unwrap_or_default()
    }

    /// `POST /`, AWS JSON 1.1.
    pub fn router(self: &Arc<Self>) -> Router {
        router(Arc::clone(self))
    }

    /// Creates a repository without the API, with ECR's defaults; a repository that exists is left as it is.
    pub fn create(&self, name: &str) -> Result<(), Refusal> {
        match self.create_repository(&json!({ "repositoryName": name })) {
            Err(refusal) if refusal.code != "RepositoryAlreadyExistsException" => Err(refusal),
            _ => Ok(()),
        }
    }

    pub(crate) fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of an existing repository.
    pub(crate) fn existing<'a>(&self, input: &'a Value) -> Result<&'a str, Refusal> {
        let name = repository_name(input)?;
        if self.repositories().contains_key(name) { Ok(name) } else { Err(not_found(name)) }
    }

    fn create_repository(&self, input: &Value) -> Answer {
        let name = repository_name(input)?;
        let repository = Repository::new(name, self.manifests.address(), input)?;
        let mut repositories = self.repositories();
        if repositories.contains_key(name) {
            return Err(already_exists(name));
        }
        let shown = repository.shown.clone();
        repositories.insert(name.to_owned(), repository);
        Ok(json!({ "repository": shown }))
    }

    fn describe_repositories(&self, input: &Value) -> Answer {
        let repositories = self.repositories();
        let Some(names) = input["repositoryNames"].as_array() else {
            let all = repositories.values().map(|repository| repository.shown.clone()).collect();
            let (page, next) = page(all, input, 100)?;
            return Ok(with_token(json!({ "repositories": page }), next));
        };
        let mut found = Vec::new();
        for name in names.iter().filter_map(Value::as_str) {
            found.push(repositories.get(name).ok_or_else(|| not_found(name))?.shown.clone());
        }
        Ok(json!({ "repositories": found }))
    }

    async fn delete_repository(&self, input: &Value) -> Answer {
        let name = self.existing(input)?;
        let images = images::all(self, name).await?;
        if !images.is_empty() && input["force"] != true {
            return Err(not_empty(name));
        }
        for image in images {
            self.manifests.delete(name, &image.manifest.digest).await?;
        }
        let deleted = self.repositories().remove(name).ok_or_else(|| not_found(name))?;
        Ok(json!({ "repository": deleted.shown }))
    }

    /// A token for `docker login`, which the registry does not ask for.
    fn authorization_token(&self) -> Value {
        json!({ "authorizationData": [{
            "authorizationToken": STANDARD.encode("AWS:local"),
            "expiresAt": now() + 12.0 * 3600.0,
            "proxyEndpoint": format!("http://{}", self.manifests.address()),
        }] })
    }
}

impl Service for Ecr {
    const TARGET: &'static str = "AmazonEC2ContainerRegistry_V20150921";

    async fn call(&self, action: &str, input: Value) -> Answer {
        match action {
            "CreateRepository" => self.create_repository(&input),
            "DescribeRepositories" => self.describe_repositories(&input),
            "DeleteRepository" => self.delete_repository(&input).await,
            "DescribeImages" => images::describe(self, &input).await,
            "ListImages" => images::list(self, &input).await,
            "BatchGetImage" => images::batch_get(self, &input).await,
            "DescribeImageScanFindings" => scans::describe(self, &input).await,
            "GetDownloadUrlForLayer" => layers::download_url(self, &input).await,
            "GetAuthorizationToken" => Ok(self.authorization_token()),
            _ => Err(unknown(action)),
        }
    }
}

/// Adds `nextToken` where there is more.
pub(crate) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer
}

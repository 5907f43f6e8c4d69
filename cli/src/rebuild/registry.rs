//! What a tag names now, asked of its registry: ECR by its own API with the caller's credentials, every other as anybody may ask it.
//!
//! A base image is what a build reported, so that its host may be any: nothing is sent there but the name, redirections are not followed, and
//! a host of this machine is asked only for a local stack.
//!
//! Sources: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>,
//! <https://distribution.github.io/distribution/spec/auth/token/>.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use aws_sdk_ecr::types::ImageIdentifier;
use longshore_aws::outbound::{self, Unread};
use longshore_core::image::{Base, Digest};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, WWW_AUTHENTICATE},
    redirect::Policy,
};
use serde_json::Value;

use crate::account::Account;

/// Lists first: what a tag names is the list, where there is one.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The most that is read of an answer. Registries take manifests of 4 MiB.
const LIMIT: usize = 4 * 1024 * 1024;

/// Asks registries.
pub struct Registries<'a> {
    client: Client,
    /// Whose credentials ask ECR; none asks none.
    account: Option<&'a Account>,
    /// Whether registries of this machine are asked, without TLS.
    here: bool,
}

impl<'a> Registries<'a> {
    /// A client; no call is made.
    pub fn new(account: &'a Account) -> anyhow::Result<Self> {
        Self::with(Some(account), account.is_local())
    }

    fn with(account: Option<&'a Account>, here: bool) -> anyhow::Result<Self> {
        // Installed by whoever is first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(15))
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")));
        Ok(Self { client: client.build()?, account, here })
    }

    /// What the tag of a base image names now, where that is another image; `None`: the same, as a whole or as one of a list's.
    pub async fn newer(&self, base: &Base) -> anyhow::Result<Option<Digest>> {
        let tag = base.tag.as_deref().context("its Dockerfile names a digest, which changes with a commit alone")?;
        if base.is_local() {
            bail!("{base} is in no registry");
        }
        if let Some((account, region)) = ecr(&base.registry) {
            return self.newer_in_ecr(base, tag, account, region).await;
        }
        let url = self.url(&base.registry, &format!("/v2/{}/manifests/{tag}", base.repository))?;
        let head = self.client.head(url.clone()).header(ACCEPT, MANIFESTS.join(", "));
        let mut token = None;
        let answer = self.allowed(head, base, &mut token).await?;
        if digest_of(&answer)? == base.digest {
            return Ok(None);
        }
        // The build may have told the one of a list that it took.
        let get = self.client.get(url).header(ACCEPT, MANIFESTS.join(", "));
        let mut answer = self.allowed(get, base, &mut token).await?;
        let now = digest_of(&answer)?;
        let manifest = json(&mut answer).await?;
        Ok((!lists(&manifest, base)).then_some(now).filter(|now| *now != base.digest))
    }

    async fn newer_in_ecr(&self, base: &Base, tag: &str, id: &str, region: &str) -> anyhow::Result<Option<Digest>> {
        let client = self.account.context("it is in ECR, and no account is known")?.ecr(region);
        let request = client.batch_get_image().registry_id(id).repository_name(&base.repository);
        let request = request.image_ids(ImageIdentifier::builder().image_tag(tag).build());
        let request = request.set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()));
        let answer = request.send().await.map_err(|error| anyhow::anyhow!(longshore_aws::clients::told(&error)))?;
        let image = answer.images().first().with_context(|| format!("there is no {base} any more"))?;
        let now = image.image_id().and_then(|id| Digest::parse(id.image_digest()?)).context("ECR told no digest")?;
        let manifest = serde_json::from_str(image.image_manifest().unwrap_or("null")).unwrap_or_default();
        Ok((now != base.digest && !lists(&manifest, base)).then_some(now))
    }

    /// Sends a request, with a token that the registry gives anybody, where it wants one.
    async fn allowed(
        &self,
        request: RequestBuilder,
        base: &Base,
        token: &mut Option<String>,
    ) -> anyhow::Result<Response> {
        let with = |token: &Option<String>| {
            let request = request.try_clone().context("a request that cannot be sent twice")?;
            anyhow::Ok(match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
        };
        let host = &base.registry;
        let reached = || format!("{host} was not reached");
        let mut answer = with(token)?.send().await.map_err(reqwest::Error::without_url).with_context(reached)?;
        if answer.status() == StatusCode::UNAUTHORIZED && token.is_none() {
            let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|it| it.to_str().ok()).unwrap_or_default();
            let granter = Granter::read(challenge).with_context(|| format!("{host} asks for credentials"))?;
            *token = Some(self.token(&granter, base).await?);
            answer = with(token)?.send().await.map_err(reqwest::Error::without_url).with_context(reached)?;
        }
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => {
                bail!("{host} has no {}:{}", base.repository, base.tag.as_deref().unwrap_or_default())
            }
            StatusCode::TOO_MANY_REQUESTS => bail!("{host} was asked too often; try again later"),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                bail!("{host} does not show {} to anybody", base.repository)
            }
            other => bail!("{host} answered {}", other.as_u16()),
        }
    }

    async fn token(&self, granter: &Granter, base: &Base) -> anyhow::Result<String> {
        let mut url = Url::parse(&granter.realm).ok().context("the registry names no address for its tokens")?;
        let may_ask = if outbound::is_here(&url) { self.here } else { url.scheme() == "https" };
        if !may_ask {
            bail!("{} names an address for its tokens that is not asked", base.registry);
        }
        url.query_pairs_mut()
            .append_pair("scope", &format!("repository:{}:pull", base.repository))
            .extend_pairs(granter.service.as_ref().map(|service| ("service", service)));
        let answer = self.client.get(url).send().await.map_err(reqwest::Error::without_url);
        let mut answer = answer.context("the registry's tokens were not reached")?;
        let told = json(&mut answer).await?;
        let token = told["token"].as_str().or(told["access_token"].as_str());
        token.map(str::to_owned).with_context(|| format!("{} gives no token to anybody", base.registry))
    }

    fn url(&self, registry: &str, path: &str) -> anyhow::Result<Url> {
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        let mut url = Url::parse(&format!("https://{host}{path}"))?;
        if outbound::is_here(&url) {
            if !self.here {
                bail!("{registry} is a registry of the machine that built it");
            }
            url = Url::parse(&format!("http://{host}{path}"))?;
        }
        Ok(url)
    }
}

/// Who gives tokens for a registry.
#[derive(Debug, PartialEq, Eq)]
struct Granter {
    realm: String,
    service: Option<String>,
}

impl Granter {
    /// `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="…"`. Source: RFC 6750, section 3.
    fn read(challenge: &str) -> Option<Self> {
        let (scheme, rest) = challenge.split_once(' ')?;
        let value = |name: &str| {
            let (_, rest) = rest.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        scheme.eq_ignore_ascii_case("bearer").then_some(())?;
        Some(Self { realm: value("realm")?, service: value("service") })
    }
}

/// Account and region of ECR's registries: `<account>.dkr.ecr.<region>.amazonaws.com`.
fn ecr(registry: &str) -> Option<(&str, &str)> {
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (digits && !region.contains('.')).then_some((account, region))
}

fn digest_of(answer: &Response) -> anyhow::Result<Digest> {
    let told = answer.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
    told.and_then(Digest::parse).context("the registry tells no digest")
}

/// Whether a base is one of the images of a list.
fn lists(manifest: &Value, base: &Base) -> bool {
    manifest["manifests"].as_array().into_iter().flatten().any(|one| one["digest"] == base.digest.as_str())
}

async fn json(answer: &mut Response) -> anyhow::Result<Value> {
    let body = outbound::body(answer, LIMIT).await.map_err(|unread| match unread {
        Unread::TooLarge => anyhow!("the registry's answer is too large"),
        Unread::Broken(error) => anyhow!(error.without_url()).context("the answer broke off"),
    })?;
    serde_json::from_slice(&body).ok().context("the registry's answer is no JSON")
}

#[cfg(test)]
mod tests;

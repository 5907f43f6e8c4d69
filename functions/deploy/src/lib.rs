//! `deploy` owns deployments: it takes the image that a build reports into every environment of its release, in order, and follows
//! ECS to an honest verdict.

mod advance;
pub mod aws;
mod back;
mod before;
mod check;
mod finish;
mod image;
mod moving;
mod prepare;
mod settings;
mod why;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use longshore_aws::{
    events::Publisher,
    http::{Request, Response},
    ids, metrics,
    outbound::Lazy,
    secrets::SecretStore,
    serve::Function,
    store::Store,
    together::{each, from_anywhere},
};
use longshore_core::{
    event::Event,
    release::{Controller, Deployment, OpenFor, Release, ReleaseId},
};

use aws::{Accounts, Clients};
pub use settings::Settings;

/// For how long an event or a tick works: the function ends after 25 seconds. What is not done then is the next tick's.
const TIME: SignedDuration = SignedDuration::from_secs(15);

/// The function, with what it needs.
pub struct Deploy {
    settings: Settings,
    store: Store,
    secrets: Arc<SecretStore>,
    events: Publisher,
    accounts: Accounts,
    /// Asks the URLs of checks.
    client: Lazy,
}

impl Deploy {
    /// Builds the clients; no call is made.
    pub fn new(settings: Settings, sdk: &SdkConfig) -> Self {
        Self {
            store: Store::new(sdk, settings.common.table.clone()),
            secrets: Arc::new(SecretStore::new(sdk, settings.common.secret.clone())),
            events: Publisher::new(sdk),
            accounts: Accounts::new(sdk, &settings.registry),
            client: check::client(),
            settings,
        }
    }

    /// The clients of an environment's account and region.
    async fn clients(&self, deployment: &Deployment) -> Arc<Clients> {
        self.accounts.of(&deployment.plan.account).await
    }

    /// Takes one release a step further: a person asked, or one of its tasks ended.
    async fn advance_one(&self, id: &ReleaseId) -> anyhow::Result<()> {
        match self.store.release(id).await? {
            Some(release) => self.advance(release, ids::now() + TIME).await.map(drop),
            None => Ok(()),
        }
    }

    /// Takes every release that is being deployed a step further, and tells how many do not come further.
    async fn tick(&self) -> anyhow::Result<()> {
        metrics::stuck(self.advance_open(|_| true).await?);
        Ok(())
    }

    /// Takes every release that is being deployed, and that `concerns`, a step further; one that fails does not keep the others
    /// waiting, and one whose check lasts does not either. Begins anywhere among them, so that those that are not come to in time are come to
    /// on another tick. How many of them are stuck, or cannot be read.
    async fn advance_open(&self, concerns: impl Fn(&Release) -> bool) -> anyhow::Result<usize> {
        let deadline = ids::now() + TIME;
        let open = from_anywhere(self.store.open_releases(OpenFor::Deployment).await?);
        let (stuck, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = async |id: ReleaseId| {
            if ids::now() > deadline {
                left.fetch_add(1, Ordering::Relaxed);
            } else if self.is_stuck_after(&id, &concerns, deadline).await {
                stuck.fetch_add(1, Ordering::Relaxed);
            }
        };
        Box::pin(each(open, work)).await;
        let left = left.into_inner();
        if left > 0 {
            tracing::warn!(left, "no time left for the others: the next tick goes on");
        }
        Ok(stuck.into_inner())
    }

    /// Takes a release that `concerns` a step further; whether it is stuck then, or cannot be read.
    async fn is_stuck_after(&self, id: &ReleaseId, concerns: &impl Fn(&Release) -> bool, deadline: Timestamp) -> bool {
        let read = match self.store.release(id).await {
            Ok(Some(release)) if concerns(&release) => release,
            Ok(_) => return false,
            Err(error) => {
                tracing::error!(release = %id, %error, "it cannot be read");
                return true;
            }
        };
        let was_stuck = read.is_stuck(ids::now());
        match self.advance(read, deadline).await {
            Ok(release) => release.is_stuck(ids::now()),
            Err(error) => {
                tracing::error!(release = %id, "{error:#}");
                was_stuck
            }
        }
    }
}

impl Function for Deploy {
    async fn ready(&self) {
        self.store.ready().await;
    }

    async fn http(&self, request: Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/builds/image") => self.image(&request).await,
            ("GET", "/health") => Response::health(),
            _ => Response::not_found(),
        }
    }

    async fn event(&self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Tick => self.tick().await,
            Event::Service(arn) => self.advance_open(|release| uses(release, &arn)).await.map(drop),
            Event::CodeDeploy(id) => self.advance_open(|release| follows(release, &id)).await.map(drop),
            Event::Asked(id) | Event::Task(id) => self.advance_one(&id).await,
            Event::Build { .. } | Event::Command(_) | Event::Delivery(_) | Event::Release(_) | Event::Other(_) => {
                tracing::warn!(kind = event.word(), "an event that deploy has no rule for");
                Ok(())
            }
        }
    }
}

/// Whether a release goes to this service: `arn:aws:ecs:<region>:<account>:service/<cluster>/<service>`.
fn uses(release: &Release, arn: &str) -> bool {
    let name = arn.split_once(":service/").map_or(arn, |(_, name)| name);
    let (cluster, service) = name.split_once('/').unwrap_or(("", name));
    release.deployments.iter().any(|deployment| {
        (cluster.is_empty() || deployment.plan.cluster == cluster)
            && deployment.services.iter().any(|candidate| candidate.service == service)
    })
}

/// Whether a service of a release is deployed by this deployment of CodeDeploy; one that has not been found yet may be.
fn follows(release: &Release, id: &str) -> bool {
    let services = release.deployments.iter().flat_map(|deployment| &deployment.services);
    let mut ours = services.filter(|service| service.controller == Controller::CodeDeploy && service.verdict.is_none());
    ours.any(|service| service.deployment.as_deref().is_none_or(|known| known == id))
}

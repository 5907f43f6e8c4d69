//! The clients of each account and region that releases go to.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{Region, SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use longshore_core::config::Account;

use super::{
    balancers::Balancers, codedeploy::CodeDeploy, ecr::Registry, ecs::Services, logs::Logs, parameters::Parameters,
    schedules::Schedules,
};

/// The name of our sessions, as CloudTrail shows them in the other account.
const SESSION: &str = "longshore";

/// The clients of every account and region, made when they are asked for first and kept while the function lives.
#[derive(Debug)]
pub struct Accounts {
    sdk: SdkConfig,
    registry: Registry,
    made: tokio::sync::Mutex<HashMap<Account, Arc<Clients>>>,
}

/// The clients of one account and region.
#[derive(Debug)]
pub struct Clients {
    /// ECS.
    pub ecs: Services,
    /// SSM parameters.
    pub parameters: Parameters,
    /// The logs of containers.
    pub logs: Logs,
    /// Target groups.
    pub balancers: Balancers,
    /// CodeDeploy.
    pub codedeploy: CodeDeploy,
    /// What runs on a schedule.
    pub schedules: Schedules,
    role: Option<Arc<Role>>,
}

/// A role that is assumed, and why it last could not be.
#[derive(Debug)]
struct Role {
    provider: AssumeRoleProvider,
    refused: Mutex<Option<String>>,
}

/// The same, as the SDK takes it.
#[derive(Debug)]
struct Assumed(Arc<Role>);

impl Accounts {
    /// Longshore's own account: everything else is reached from it. `registry` is the address that images are pushed to, which are
    /// all in one registry, whatever account they are deployed to. No call is made.
    pub fn new(sdk: &SdkConfig, registry: &str) -> Self {
        Self { sdk: sdk.clone(), registry: Registry::new(sdk, registry), made: tokio::sync::Mutex::default() }
    }

    /// The registry of all images.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The clients of an account and region. No call is made: the role is assumed with the first call of any of the clients, for all
    /// of them, and again when its hour is nearly over (STS gives sessions of an hour).
    /// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
    pub async fn of(&self, account: &Account) -> Arc<Clients> {
        let mut made = self.made.lock().await;
        if let Some(clients) = made.get(account) {
            return clients.clone();
        }
        let mut sdk = self.sdk.to_builder();
        if let Some(region) = &account.region {
            sdk.set_region(Region::new(region.clone()));
        }
        let mut assumed = None;
        if let Some(arn) = &account.role_arn {
            // STS is asked in Longshore's own region: its sessions are good in all that are enabled by default.
            let mut builder = AssumeRoleProvider::builder(arn).configure(&self.sdk).session_name(SESSION);
            if let Some(id) = &account.external_id {
                builder = builder.external_id(id);
            }
            let role = Arc::new(Role { provider: builder.build().await, refused: Mutex::default() });
            // A provider of its own is a partition of its own in the SDK's cache of identities, which all clients share.
            sdk.set_credentials_provider(Some(SharedCredentialsProvider::new(Assumed(role.clone()))));
            assumed = Some(role);
        }
        let clients = Arc::new(Clients::new(&sdk.build(), assumed));
        made.insert(account.clone(), clients.clone());
        clients
    }
}

impl Clients {
    fn new(sdk: &SdkConfig, role: Option<Arc<Role>>) -> Self {
        Self {
            ecs: Services::new(sdk),
            parameters: Parameters::new(sdk),
            logs: Logs::new(sdk),
            balancers: Balancers::new(sdk),
            codedeploy: CodeDeploy::new(sdk),
            schedules: Schedules::new(sdk),
            role,
        }
    }

    /// Why the role could not be assumed when that was last tried; `None` where it could. A call that fails for want of credentials
    /// says no more than that it could not be made: this is the reason.
    pub fn role_refused(&self) -> Option<String> {
        self.role.as_ref()?.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Role {
    async fn credentials(&self) -> provider::Result {
        let credentials = self.provider.provide_credentials().await;
        let refused = credentials.as_ref().err().map(|error| {
            // The deepest cause is what STS said; what stands above it only repeats that it failed.
            let mut cause: &dyn Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            let told = longshore_core::text::shorten(&cause.to_string(), 300);
            tracing::warn!(reason = told, "the role could not be assumed");
            told
        });
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        credentials
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.0.credentials())
    }
}

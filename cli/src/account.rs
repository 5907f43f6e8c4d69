//! Which account a command reads: an AWS account, as the AWS CLI finds it, or a running local stack that stands in for one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use longshore_aws::{
    clients,
    events::Publisher,
    signed::{Service, Signed},
    store::Store,
};
use longshore_core::{config, release::ReleaseId};
use longshore_local::Whereabouts;

/// The options of every command that reads an account, to be flattened into its own.
// A group of this name is every command's own.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Account")]
pub struct Arguments {
    /// The local stack that runs in this directory (without one: .local/stack), not an AWS account.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".local/stack")]
    #[arg(conflicts_with_all = ["region", "profile"])]
    local: Option<PathBuf>,
    /// The table of the releases' records: the stack's output TableName. A local stack names its own.
    #[arg(long, value_name = "NAME", env = "LONGSHORE_TABLE")]
    table: Option<String>,
    /// The AWS region, if not that of the environment or the profile.
    #[arg(long)]
    region: Option<String>,
    /// The profile in AWS's configuration files, if not that of the environment.
    #[arg(long)]
    profile: Option<String>,
}

/// The id of a release, in whatever case, as an argument.
pub fn release(text: &str) -> Result<ReleaseId, &'static str> {
    ReleaseId::parse(&text.to_ascii_uppercase())
        .ok_or("a release's id has 26 characters, such as 01JD0000000000000000000000")
}

/// An account that can be read.
pub struct Account {
    sdk: SdkConfig,
    /// The local stack that it is.
    local: Option<Whereabouts>,
    /// Its directory.
    directory: Option<PathBuf>,
    table: String,
    /// The releases' records.
    pub store: Store,
}

impl Arguments {
    /// Finds out who calls, and where. An error is a sentence with the cure.
    pub async fn open(self) -> anyhow::Result<Account> {
        let directory = self.local.clone();
        let (sdk, local, table) = if let Some(directory) = self.local {
            let local = Whereabouts::read(&directory)?;
            (local_sdk(&local), Some(local.clone()), local.table)
        } else {
            let table = self.table.filter(|table| !table.is_empty()).context(
                "no table is named: add --table with the stack's output TableName, or set LONGSHORE_TABLE; \
                 or --local for a local stack",
            )?;
            (aws_sdk(self.region, self.profile).await?, None, table)
        };
        Ok(Account { store: Store::new(&sdk, table.clone()), sdk, local, directory, table })
    }

    /// Who calls, and which secret: that of the local stack, or that which is named. No table is needed. An error is a sentence with the cure.
    pub async fn secret(self, named: Option<String>) -> anyhow::Result<(SdkConfig, String)> {
        if let Some(directory) = self.local {
            let local = Whereabouts::read(&directory)?;
            let sdk = local_sdk(&local).to_builder().endpoint_url(&local.endpoints.default).build();
            let secret = local.secret.context("the local stack has no secret: its template declares none")?;
            return Ok((sdk, secret));
        }
        let secret = named.filter(|secret| !secret.is_empty()).context(
            "no secret is named: add --secret with the stack's output SecretArn, or set LONGSHORE_SECRET; \
             or --local for a local stack",
        )?;
        Ok((aws_sdk(self.region, self.profile).await?, secret))
    }
}

impl Account {
    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Whether it is a local stack's.
    pub fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// The directory of the local stack that it is.
    pub fn directory(&self) -> Option<&std::path::Path> {
        self.directory.as_deref()
    }

    /// What wakes the functions.
    pub fn events(&self) -> Publisher {
        Publisher::new(&match &self.local {
            Some(local) => self.sdk.to_builder().endpoint_url(&local.endpoints.default).build(),
            None => self.sdk.clone(),
        })
    }

    /// A client of STS, which knows who calls. A local stack has none: there nobody is known.
    pub fn sts(&self) -> Option<Signed> {
        (!self.is_local()).then(|| Signed::new(&self.sdk, Service::Sts))
    }

    /// A client of ECS in the account and region of an environment, whose role is assumed with the first call. The local stack plays
    /// every account and region.
    pub async fn ecs(&self, of: &config::Account) -> Signed {
        if let Some(local) = &self.local {
            return Signed::new(&self.sdk.to_builder().endpoint_url(&local.endpoints.ecs).build(), Service::Ecs);
        }
        Signed::new(&within(&self.sdk, of).await, Service::Ecs)
    }

    /// A client of ECR in a region.
    pub fn ecr(&self, region: &str) -> aws_sdk_ecr::Client {
        let config = aws_sdk_ecr::config::Builder::from(&self.sdk).region(Region::new(region.to_owned()));
        aws_sdk_ecr::Client::from_conf(config.build())
    }

    /// A client of CodeBuild.
    pub fn codebuild(&self) -> aws_sdk_codebuild::Client {
        let mut config = aws_sdk_codebuild::config::Builder::from(&self.sdk);
        if let Some(local) = &self.local {
            config = config.endpoint_url(&local.endpoints.codebuild);
        }
        aws_sdk_codebuild::Client::from_conf(config.build())
    }

    /// A client of CloudWatch Logs.
    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        let mut config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.sdk);
        if let Some(local) = &self.local {
            config = config.endpoint_url(&local.endpoints.logs);
        }
        aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
    }
}

/// An AWS account, as the AWS CLI finds it, or the local stack that runs in a directory; without a table.
pub async fn connect(
    local: Option<&Path>,
    region: Option<String>,
    profile: Option<String>,
) -> anyhow::Result<(SdkConfig, Option<Whereabouts>)> {
    match local {
        Some(directory) => {
            let local = Whereabouts::read(directory)?;
            Ok((local_sdk(&local), Some(local)))
        }
        None => Ok((aws_sdk(region, profile).await?, None)),
    }
}

/// The account and region of an environment, whose role is assumed with the first call.
pub async fn within(sdk: &SdkConfig, of: &config::Account) -> SdkConfig {
    let mut within = sdk.to_builder();
    if let Some(region) = &of.region {
        within.set_region(Region::new(region.clone()));
    }
    if let Some(arn) = &of.role_arn {
        let mut role = AssumeRoleProvider::builder(arn).configure(sdk).session_name("longshore");
        if let Some(id) = &of.external_id {
            role = role.external_id(id);
        }
        within.set_credentials_provider(Some(SharedCredentialsProvider::new(role.build().await)));
    }
    within.build()
}

/// Region and credentials as the AWS CLI finds them: options, environment, configuration files, containers and instances.
/// Profiles of IAM Identity Center are left out, whose support would bring a second SHA-1 and digest into the program.
async fn aws_sdk(region: Option<String>, profile: Option<String>) -> anyhow::Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(clients::https())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        bail!("no AWS region is named: add --region, set AWS_REGION, or give the profile one");
    }
    // Asked for here, since a call would only say that it could not be made.
    let provider = sdk.credentials_provider().context("no AWS credentials can be looked for")?;
    let credentials = provider.provide_credentials().await;
    credentials.map_err(anyhow::Error::new).context(
        "no AWS credentials were found (for a profile of IAM Identity Center: \
         `eval \"$(aws configure export-credentials --format env)\"` first)",
    )?;
    Ok(sdk)
}

/// Nothing of it comes from the environment: what is meant for AWS is not for the local stack, nor the other way round.
fn local_sdk(local: &Whereabouts) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "the local stack");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(clients::https())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .region(Region::new(local.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&local.endpoints.dynamodb)
        .build()
}

/// A person waits, and may press Ctrl-C.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_mins(1))
        .build()
}

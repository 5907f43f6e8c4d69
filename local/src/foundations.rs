//! What the stack stands on: ports, the control plane emulator, the registry, the container engine; and how each part is set up.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use local_ecr::Registry;
use local_ecs::engine::Engine;
use local_lambda::{moto::Moto, runtime::HostSettings};
use local_protocol::REGION;
use local_slack::Interactions;
use longshore_core::config::Config;
use tokio::net::TcpListener;

use crate::{Endpoints, Options, Unknown, Whereabouts, resources::ControlPlane};

/// What everything else stands on. Each part ends with its value, so that laying them can be broken off anywhere.
pub(crate) struct Foundations {
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    pub(crate) moto: Moto,
    pub(crate) registry: Registry,
    pub(crate) engine: Engine,
}

impl Foundations {
    pub(crate) async fn lay(options: &Options) -> anyhow::Result<Self> {
        let config = read_config(&options.config)?;
        std::fs::create_dir_all(&options.directory)
            .with_context(|| format!("{} could not be made", options.directory.display()))?;
        // Two would share repositories and images, and each hook has one stack to tell.
        ensure!(
            matches!(Whereabouts::read(&options.directory), Err(Unknown::NotRunning(_))),
            "a local stack runs in {} already: end it, or choose another directory",
            options.directory.display()
        );
        let ports = Ports::bind(options).await?;
        let moto = Moto::start(options.moto.clone()).await?;
        let registry = Registry::start(&options.directory.join("registry")).await?;
        let engine = engine(options, &ports, registry.address()).await?;
        Ok(Self { config, ports, moto, registry, engine })
    }
}

/// Where the stack listens.
pub(crate) struct Ports {
    pub(crate) front: TcpListener,
    pub(crate) inbox: TcpListener,
    pub(crate) builds: TcpListener,
    pub(crate) services: TcpListener,
    pub(crate) images: TcpListener,
    pub(crate) logs: TcpListener,
    pub(crate) balancing: TcpListener,
    pub(crate) table: TcpListener,
}

impl Ports {
    async fn bind(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            front: listen(options.port, "the HTTP front").await?,
            inbox: listen(options.inbox_port, "the inbox").await?,
            builds: listen(0, "CodeBuild").await?,
            services: listen(0, "ECS").await?,
            images: listen(0, "ECR").await?,
            logs: listen(0, "CloudWatch Logs").await?,
            balancing: listen(0, "Elastic Load Balancing").await?,
            table: listen(0, "DynamoDB").await?,
        })
    }

    /// Where the inbox sends what people press, type and submit, signed with a secret of this start's own.
    pub(crate) fn interactions(&self) -> Interactions {
        Interactions {
            url: format!("{}/slack/interactions", url_of(&self.front)),
            commands: format!("{}/slack/commands", url_of(&self.front)),
            signing_secret: hex_token(2),
            own: url_of(&self.inbox),
        }
    }

    /// Where everything is, the control plane emulator at `moto`.
    pub(crate) fn whereabouts(&self, moto: &str, made: ControlPlane, webhook_secret: &str) -> Whereabouts {
        Whereabouts {
            url: url_of(&self.front),
            inbox: url_of(&self.inbox),
            region: REGION.to_owned(),
            table: made.table,
            secret: made.secret,
            webhook_secret: webhook_secret.to_owned(),
            endpoints: Endpoints {
                default: moto.to_owned(),
                dynamodb: url_of(&self.table),
                codebuild: url_of(&self.builds),
                ecs: url_of(&self.services),
                ecr: url_of(&self.images),
                logs: url_of(&self.logs),
                balancing: url_of(&self.balancing),
            },
        }
    }
}

fn read_config(path: &Path) -> anyhow::Result<Config> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => bail!("{} cannot be read ({error}): write one, or name it with --config", path.display()),
    };
    Config::read(&text).map_err(|problems| anyhow::anyhow!(problems.lines(&path.display().to_string())))
}

async fn listen(port: u16, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("{what} cannot listen on port {port}: end what uses it, or choose another port"))
}

pub(crate) fn url_of(listener: &TcpListener) -> String {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    format!("http://{address}")
}

async fn engine(options: &Options, ports: &Ports, registry: &str) -> anyhow::Result<Engine> {
    let directory = options.directory.join("engine");
    std::fs::create_dir_all(&directory)?;
    // The containers of one stack are told from another's by its port.
    let label = format!("longshore-{}", ports.front.local_addr()?.port());
    let engine = Engine::detect(&directory, &[registry.to_owned()], &label).await?;
    // What carries our label was left behind by a stack that was killed while it had our port.
    engine.remove_all().await;
    Ok(engine)
}

pub(crate) fn build_settings(options: &Options, ports: &Ports, engine: &Engine) -> local_codebuild::Settings {
    let mut environment = engine.environment();
    environment.extend(shell_environment());
    local_codebuild::Settings {
        directory: options.directory.join("builds"),
        url: url_of(&ports.builds),
        environment,
        concurrent: 2,
    }
}

pub(crate) fn task_settings(options: &Options, ports: &Ports) -> local_ecs::Settings {
    local_ecs::Settings {
        directory: options.directory.join("tasks"),
        url: url_of(&ports.services),
        quick: options.timing.clone(),
    }
}

pub(crate) fn host_settings(options: &Options, endpoints: &Endpoints) -> anyhow::Result<HostSettings> {
    let config = options.config.to_str().context("the configuration's path is not UTF-8")?;
    let environment = [
        ("AWS_ENDPOINT_URL", endpoints.default.as_str()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_CODEBUILD", &endpoints.codebuild),
        ("AWS_ENDPOINT_URL_ECS", &endpoints.ecs),
        ("AWS_ENDPOINT_URL_ECR", &endpoints.ecr),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &endpoints.logs),
        ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", &endpoints.balancing),
        ("AWS_REGION", REGION),
        ("LONGSHORE_CONFIG", config),
    ];
    Ok(HostSettings {
        binaries: options.binaries.clone(),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        directory: options.directory.join("functions"),
        instances: options.instances,
    })
}

pub(crate) fn slack_api(options: &Options, inbox: &TcpListener) -> String {
    match options.slack_token {
        Some(_) => "https://slack.com/api".to_owned(),
        None => format!("{}/api", url_of(inbox)),
    }
}

/// What a build's shell gets from ours, besides the engine's settings: where programs are found, and where a proxy's certificates are.
fn shell_environment() -> BTreeMap<String, String> {
    const PASSED: [&str; 9] =
        ["PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"];
    PASSED.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}

/// Random hexadecimal digits, `words` times sixteen.
pub(crate) fn hex_token(words: usize) -> String {
    use std::hash::{BuildHasher, RandomState};
    let word = |_| format!("{:016x}", RandomState::new().hash_one(std::process::id()));
    (0..words).map(word).collect::<Vec<_>>().concat()
}

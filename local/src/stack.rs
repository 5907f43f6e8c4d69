//! Starting and ending the stack.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use axum::Router;
use local_codebuild::CodeBuild;
use local_ecr::{Ecr, Registry};
use local_ecs::{Ecs, Timing, engine::Engine};
use local_lambda::{
    gateway,
    moto::Moto,
    pump::{self, Pump},
    runtime::{Host, HostSettings},
    schedule::{self, Schedules},
    template,
};
use local_protocol::{Client, REGION};
use local_slack::Slack;
use longshore_core::{
    config::Config,
    release::{Release, ReleaseId},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::{placeholder, repository::Repository, resources};

/// Wraps a stand-in's router: how a test comes between a function and a service.
pub type Middleware = Box<dyn FnOnce(Router) -> Router + Send>;

/// How the stack is started.
pub struct Options {
    /// The text of the template.
    pub template: String,
    /// The configuration's file.
    pub config: PathBuf,
    /// Where the functions' binaries are.
    pub binaries: PathBuf,
    /// The program `longshore`, which the repositories' hooks call.
    pub program: PathBuf,
    /// Everything that the stack writes goes here.
    pub directory: PathBuf,
    /// Where `moto_server` is, if not on the `PATH`.
    pub moto: Option<PathBuf>,
    /// The port of the HTTP front; 0 lets the system choose.
    pub port: u16,
    /// The port of the inbox; 0 lets the system choose.
    pub inbox_port: u16,
    /// Between two ticks, where not as the template says.
    pub tick: Option<Duration>,
    /// Variables of every build, over those of the buildspec.
    pub variables: BTreeMap<String, String>,
    /// The port that the services' containers listen on.
    pub container_port: u16,
    /// The path that answers 200 when a container is healthy, asked by `wget` in the container; without one, only the load balancer
    /// looks at it.
    pub health_path: Option<String>,
    /// A real bot token: messages go to Slack, not to the inbox.
    pub slack_token: Option<String>,
    /// The pace of the ECS stand-in.
    pub timing: Timing,
    /// Comes between the functions and CodeBuild.
    pub codebuild: Option<Middleware>,
}

/// A running stack. [`Stack::shutdown`] ends everything that it started.
pub struct Stack {
    /// The HTTP front: what API Gateway is on AWS.
    pub url: String,
    /// The page where Slack's messages appear.
    pub inbox: String,
    /// A caller of the control plane emulator.
    pub aws: Client,
    /// A caller of the CodeBuild stand-in.
    pub codebuild_api: Client,
    /// A caller of the ECS stand-in.
    pub ecs_api: Client,
    /// The table.
    pub table: String,
    /// The webhook secret.
    pub secret: String,
    /// The configuration.
    pub config: Config,
    /// The functions.
    pub host: Arc<Host>,
    /// The ticks.
    pub schedules: Schedules,
    /// Slack.
    pub slack: Arc<Slack>,
    /// CodeBuild.
    pub codebuild: Arc<CodeBuild>,
    /// ECS.
    pub ecs: Arc<Ecs>,
    /// The container engine.
    pub engine: Engine,
    /// The registry's address, `127.0.0.1:PORT`.
    pub registry: String,
    /// The repositories that pipelines build from, by `host/owner/name`.
    pub repositories: BTreeMap<String, Repository>,
    logs: PathBuf,
    running: Running,
}

/// What the account is furnished with before the first push.
struct Furniture {
    images: Client,
    template: template::Stack,
    program: PathBuf,
    directory: PathBuf,
    variables: BTreeMap<String, String>,
    port: u16,
    health: Option<String>,
}

/// What was started is ended: someone asked for it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What everything else stands on. Each part ends with its value, so that laying them can be broken off anywhere.
struct Foundations {
    config: Config,
    ports: Ports,
    moto: Moto,
    registry: Registry,
    engine: Engine,
}

impl Foundations {
    async fn lay(options: &Options) -> anyhow::Result<Self> {
        let config = read_config(&options.config)?;
        std::fs::create_dir_all(&options.directory)
            .with_context(|| format!("{} could not be made", options.directory.display()))?;
        let ports = Ports::bind(options).await?;
        let moto = Moto::start(options.moto.clone()).await?;
        let registry = Registry::start(&options.directory.join("registry")).await?;
        let engine = engine(options, &ports, registry.address()).await?;
        Ok(Self { config, ports, moto, registry, engine })
    }
}

/// Where the stack listens.
struct Ports {
    front: TcpListener,
    inbox: TcpListener,
    builds: TcpListener,
    services: TcpListener,
    images: TcpListener,
}

impl Ports {
    async fn bind(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            front: listen(options.port, "the HTTP front").await?,
            inbox: listen(options.inbox_port, "the inbox").await?,
            builds: listen(0, "CodeBuild").await?,
            services: listen(0, "ECS").await?,
            images: listen(0, "ECR").await?,
        })
    }
}

/// What has to be ended.
struct Running {
    moto: Moto,
    registry: Registry,
    pump: Pump,
    tasks: Vec<JoinHandle<()>>,
}

impl Stack {
    /// Starts everything, unless `until` comes first: then the error is [`Interrupted`]. Another error is one sentence with the cure.
    /// What was started until then is ended.
    pub async fn start(options: Options, until: impl Future<Output = ()>) -> anyhow::Result<Self> {
        tokio::pin!(until);
        let foundations = tokio::select! {
            foundations = Foundations::lay(&options) => foundations?,
            () = &mut until => return Err(Interrupted.into()),
        };
        let Foundations { config, ports, moto, registry, engine } = foundations;
        let address = registry.address().to_owned();
        let url = url_of(&ports.front);
        let inputs = template::Inputs {
            stack: "longshore".to_owned(),
            parameters: BTreeMap::from([
                ("Registry".to_owned(), address.clone()),
                ("SlackApi".to_owned(), slack_api(&options, &ports.inbox)),
            ]),
            attributes: BTreeMap::from([("Api.ApiEndpoint".to_owned(), url.clone())]),
        };
        let template = template::Stack::parse(&options.template, &inputs).context("template.yaml")?;
        let aws = Client::new(moto.url());
        let secret = hex_token(2);
        let values = resources::secret(&secret, options.slack_token.as_deref());
        let table = resources::control_plane(&aws, &template, &values).await?;

        let (events, emitted) = mpsc::unbounded_channel();
        let slack = Slack::new(resources::slack(&config));
        let codebuild = CodeBuild::new(build_settings(&options, &ports, &engine), events.clone());
        let ecs = Ecs::new(task_settings(&options, &ports), engine.clone(), events);
        let host = Host::start(template.functions.clone(), host_settings(&options, &ports, moto.url())?).await?;
        let pump = Pump::start(&template.rules, host.clone(), moto.url()).await?;
        let schedules = schedule::schedule(template.schedules.clone(), host.clone(), options.tick);
        let furniture = Furniture {
            images: Client::new(url_of(&ports.images)),
            template: template.clone(),
            program: options.program,
            directory: options.directory.clone(),
            variables: options.variables,
            port: options.container_port,
            health: options.health_path,
        };
        let mut started = Self {
            url,
            inbox: url_of(&ports.inbox),
            codebuild_api: Client::new(url_of(&ports.builds)),
            ecs_api: Client::new(url_of(&ports.services)),
            aws,
            table,
            secret,
            config,
            logs: options.directory.join("functions"),
            repositories: BTreeMap::new(),
            registry: address.clone(),
            engine,
            running: Running {
                tasks: vec![tokio::spawn(pump::forward(emitted, moto.url().to_owned()))],
                moto,
                registry,
                pump,
            },
            host: host.clone(),
            schedules,
            slack: slack.clone(),
            codebuild: codebuild.clone(),
            ecs: ecs.clone(),
        };
        let wrap = options.codebuild.unwrap_or_else(|| Box::new(|router| router));
        for (listener, router) in [
            (ports.front, gateway::router(template.routes, host)),
            (ports.inbox, slack.router()),
            (ports.builds, wrap(codebuild.router())),
            (ports.services, ecs.router()),
            (ports.images, Ecr::new(&address).router()),
        ] {
            started.running.tasks.push(serve(listener, router));
        }
        let furnished = tokio::select! {
            furnished = started.furnish(&furniture) => furnished,
            () = until => Err(Interrupted.into()),
        };
        match furnished {
            Ok(()) => Ok(started),
            Err(error) => {
                started.shutdown().await;
                Err(error)
            }
        }
    }

    /// Makes what the pipelines name and would be there on AWS: repositories, projects, clusters and services.
    async fn furnish(&mut self, with: &Furniture) -> anyhow::Result<()> {
        let pipelines = self.config.pipelines().to_vec();
        let mut variables = with.variables.clone();
        if let Some(engine) = self.engine.environment().get("CONTAINER_ENGINE") {
            variables.entry("CONTAINER_ENGINE".to_owned()).or_insert_with(|| engine.clone());
        }
        for pipeline in &pipelines {
            if !self.repositories.contains_key(&pipeline.repository) {
                let made =
                    Repository::make(&with.directory, &pipeline.repository, &with.program, &self.url, &self.secret);
                self.repositories.insert(pipeline.repository.clone(), made.await?);
            }
            let source = &self.repositories[&pipeline.repository].path;
            let project = resources::project(&with.template, &pipeline.project, source, &variables);
            resources::create(&self.codebuild_api, "codebuild", "CodeBuild_20161006.CreateProject", &project).await?;
            if let Some(image) = &pipeline.image {
                let target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
                resources::create(&with.images, "ecr", target, &json!({ "repositoryName": image })).await?;
            }
        }
        if pipelines.iter().any(|pipeline| !pipeline.environments.is_empty()) {
            let image = placeholder::push(&self.engine, &with.directory, &self.registry, with.port).await?;
            for environment in pipelines.iter().flat_map(|pipeline| &pipeline.environments) {
                resources::services(&self.ecs_api, environment, &image, with.port, with.health.as_deref()).await?;
            }
        }
        Ok(())
    }

    /// Where the functions' logs are.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The record of a release, read from the table.
    pub async fn release(&self, id: &ReleaseId) -> anyhow::Result<Release> {
        let key = json!({ "pk": {"S": format!("release#{id}")}, "sk": {"S": "release"} });
        let input = json!({ "TableName": self.table, "Key": key, "ConsistentRead": true });
        let answer = self.aws.call("dynamodb", "DynamoDB_20120810.GetItem", &input).await?;
        let record = answer["Item"]["record"]["S"].as_str().context("there is no such release")?;
        Ok(serde_json::from_str(record)?)
    }

    /// Ends everything: functions, builds, containers, servers. Nothing stays behind.
    pub async fn shutdown(self) {
        let Running { moto, registry, pump, tasks } = self.running;
        self.schedules.stop().await;
        pump.stop().await;
        self.codebuild.shutdown().await;
        self.host.shutdown().await;
        self.ecs.shutdown().await;
        for task in tasks {
            task.abort();
        }
        registry.stop().await;
        moto.stop().await;
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

fn url_of(listener: &TcpListener) -> String {
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

fn build_settings(options: &Options, ports: &Ports, engine: &Engine) -> local_codebuild::Settings {
    let mut environment = engine.environment();
    environment.extend(shell_environment());
    local_codebuild::Settings {
        directory: options.directory.join("builds"),
        url: url_of(&ports.builds),
        environment,
        concurrent: 2,
    }
}

fn task_settings(options: &Options, ports: &Ports) -> local_ecs::Settings {
    local_ecs::Settings {
        directory: options.directory.join("tasks"),
        url: url_of(&ports.services),
        quick: options.timing.clone(),
    }
}

fn host_settings(options: &Options, ports: &Ports, moto: &str) -> anyhow::Result<HostSettings> {
    let config = options.config.to_str().context("the configuration's path is not UTF-8")?;
    let environment = [
        ("AWS_ENDPOINT_URL", moto.to_owned()),
        ("AWS_ENDPOINT_URL_CODEBUILD", url_of(&ports.builds)),
        ("AWS_ENDPOINT_URL_ECS", url_of(&ports.services)),
        ("AWS_ENDPOINT_URL_ECR", url_of(&ports.images)),
        ("AWS_REGION", REGION.to_owned()),
        ("LONGSHORE_CONFIG", config.to_owned()),
    ];
    Ok(HostSettings {
        binaries: options.binaries.clone(),
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        directory: options.directory.join("functions"),
        instances: 4,
    })
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a server of the local stack ended");
        }
    })
}

fn slack_api(options: &Options, inbox: &TcpListener) -> String {
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

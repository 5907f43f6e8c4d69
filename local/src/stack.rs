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
    /// The path that answers 200 when a container is healthy.
    pub health_path: String,
    /// A real bot token: messages go to Slack, not to the inbox.
    pub slack_token: Option<String>,
    /// The pace of the ECS stand-in.
    pub timing: Timing,
    /// Comes between the functions and CodeBuild.
    pub codebuild: Option<Middleware>,
}

/// The secret that the local webhooks are signed with.
const WEBHOOK_SECRET_LENGTH: usize = 2;

/// A running stack. [`Stack::shutdown`] ends everything that it started.
pub struct Stack {
    /// The HTTP front: what API Gateway is on AWS.
    pub url: String,
    /// The page where Slack's messages appear.
    pub inbox: String,
    /// The control plane emulator.
    pub aws: Client,
    /// The CodeBuild stand-in's address.
    pub codebuild_api: Client,
    /// The ECS stand-in's address.
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

/// What has to be ended.
struct Running {
    moto: Moto,
    registry: Registry,
    pump: Pump,
    tasks: Vec<JoinHandle<()>>,
}

impl Stack {
    /// Starts everything. An error is one sentence with the cure; what was started until then is ended.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let config = read_config(&options.config)?;
        std::fs::create_dir_all(&options.directory)
            .with_context(|| format!("{} could not be made", options.directory.display()))?;
        let front = listen(options.port, "the HTTP front").await?;
        let inbox = listen(options.inbox_port, "the inbox").await?;
        let [builds, services, images] =
            [listen(0, "CodeBuild").await?, listen(0, "ECS").await?, listen(0, "ECR").await?];
        let [url, inbox_url, codebuild_url, services_url, images_url] =
            [&front, &inbox, &builds, &services, &images].map(address);

        let moto = Moto::start(options.moto.clone()).await?;
        let registry = Registry::start(&options.directory.join("registry")).await?;
        let registry_address = registry.address().to_owned();
        let label = format!("longshore-{}", front.local_addr()?.port());
        let engine_directory = options.directory.join("engine");
        std::fs::create_dir_all(&engine_directory)?;
        let engine = Engine::detect(&engine_directory, std::slice::from_ref(&registry_address), &label).await?;

        let inputs = template::Inputs {
            stack: "longshore".to_owned(),
            parameters: BTreeMap::from([
                ("Registry".to_owned(), registry_address.clone()),
                ("SlackApi".to_owned(), slack_api(&options, &inbox_url)),
            ]),
            attributes: BTreeMap::from([("Api.ApiEndpoint".to_owned(), url.clone())]),
        };
        let template = template::Stack::parse(&options.template, &inputs).context("template.yaml")?;
        let aws = Client::new(moto.url());
        let secret = hex_token(WEBHOOK_SECRET_LENGTH);
        let table =
            resources::control_plane(&aws, &template, &resources::secret(&secret, options.slack_token.as_deref()))
                .await?;

        let (events, emitted) = mpsc::unbounded_channel();
        let mut tasks = vec![tokio::spawn(pump::forward(emitted, moto.url().to_owned()))];
        let slack = Slack::new(resources::slack(&config));
        let ecr = Ecr::new(&registry_address);
        let mut build_environment = engine.environment();
        build_environment.extend(shell_environment());
        let codebuild = CodeBuild::new(
            local_codebuild::Settings {
                directory: options.directory.join("builds"),
                url: codebuild_url.clone(),
                environment: build_environment,
                concurrent: 2,
            },
            events.clone(),
        );
        let ecs_settings = local_ecs::Settings {
            directory: options.directory.join("tasks"),
            url: services_url.clone(),
            quick: options.timing.clone(),
        };
        let ecs = Ecs::new(ecs_settings, engine.clone(), events);
        let wrap = options.codebuild.unwrap_or_else(|| Box::new(|router| router));
        for (listener, router) in [
            (builds, wrap(codebuild.router())),
            (services, ecs.router()),
            (images, ecr.router()),
            (inbox, slack.router()),
        ] {
            tasks.push(serve(listener, router));
        }

        let environment = [
            ("AWS_ENDPOINT_URL", moto.url()),
            ("AWS_ENDPOINT_URL_CODEBUILD", &codebuild_url),
            ("AWS_ENDPOINT_URL_ECS", &services_url),
            ("AWS_ENDPOINT_URL_ECR", &images_url),
            ("AWS_REGION", REGION),
            ("LONGSHORE_CONFIG", options.config.to_str().context("the configuration's path is not UTF-8")?),
        ];
        let host = Host::start(
            template.functions.clone(),
            HostSettings {
                binaries: options.binaries.clone(),
                environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                directory: options.directory.join("functions"),
                instances: 4,
            },
        )
        .await?;
        let pump = Pump::start(&template.rules, host.clone(), moto.url()).await?;
        let schedules = schedule::schedule(template.schedules.clone(), host.clone(), options.tick);
        tasks.push(serve(front, gateway::router(template.routes.clone(), host.clone())));

        let mut started = Self {
            url,
            inbox: inbox_url,
            codebuild_api: Client::new(codebuild_url),
            ecs_api: Client::new(&*services_url),
            aws,
            table,
            secret,
            config,
            host,
            schedules,
            slack,
            codebuild,
            ecs,
            engine,
            registry: registry_address,
            repositories: BTreeMap::new(),
            logs: options.directory.join("functions"),
            running: Running { moto, registry, pump, tasks },
        };
        let ecr = Client::new(images_url);
        let furnished = started
            .furnish(
                &ecr,
                &template,
                &options.program,
                &options.directory,
                &options.variables,
                (options.container_port, &options.health_path),
            )
            .await;
        match furnished {
            Ok(()) => Ok(started),
            Err(error) => {
                started.shutdown().await;
                Err(error)
            }
        }
    }

    /// Makes what the pipelines name and would be there on AWS: repositories, projects, clusters and services.
    async fn furnish(
        &mut self,
        ecr: &Client,
        template: &template::Stack,
        program: &Path,
        directory: &Path,
        variables: &BTreeMap<String, String>,
        (port, health): (u16, &str),
    ) -> anyhow::Result<()> {
        let pipelines = self.config.pipelines().to_vec();
        let mut variables = variables.clone();
        if let Some(engine) = self.engine.environment().get("CONTAINER_ENGINE") {
            variables.entry("CONTAINER_ENGINE".to_owned()).or_insert_with(|| engine.clone());
        }
        for pipeline in &pipelines {
            if !self.repositories.contains_key(&pipeline.repository) {
                let repository =
                    Repository::make(directory, &pipeline.repository, program, &self.url, &self.secret).await?;
                self.repositories.insert(pipeline.repository.clone(), repository);
            }
            let source = &self.repositories[&pipeline.repository].path;
            let project = resources::project(template, &pipeline.project, source, &variables);
            resources::create(&self.codebuild_api, "codebuild", "CodeBuild_20161006.CreateProject", &project).await?;
            if let Some(image) = &pipeline.image {
                let repository = json!({ "repositoryName": image });
                let target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
                resources::create(ecr, "ecr", target, &repository).await?;
            }
        }
        if pipelines.iter().any(|pipeline| !pipeline.environments.is_empty()) {
            let image = placeholder::push(&self.engine, directory, &self.registry, port).await?;
            for environment in pipelines.iter().flat_map(|pipeline| &pipeline.environments) {
                resources::services(&self.ecs_api, environment, &image, port, health).await?;
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

fn address(listener: &TcpListener) -> String {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    format!("http://{address}")
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a server of the local stack ended");
        }
    })
}

fn slack_api(options: &Options, inbox: &str) -> String {
    match options.slack_token {
        Some(_) => "https://slack.com/api".to_owned(),
        None => format!("{inbox}/api"),
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
    (0..words).map(|_| format!("{:016x}", RandomState::new().hash_one(std::process::id()))).collect()
}

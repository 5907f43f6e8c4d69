//! Starting and ending the stack.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use local_codebuild::CodeBuild;
use local_ecr::{Ecr, Registry};
use local_ecs::{Ecs, Timing, engine::Engine};
use local_lambda::{
    gateway,
    moto::Moto,
    pump::{self, Pump},
    runtime::Host,
    schedule::{self, Schedules},
    template,
};
use local_protocol::Client;
use local_slack::Slack;
use longshore_core::{
    config::Config,
    push::Source,
    release::{Release, ReleaseId},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::{
    foundations::{Foundations, build_settings, hex_token, host_settings, slack_api, task_settings, url_of},
    placeholder,
    repository::Repository,
    resources,
    table::Table,
    task_logs::TaskLogs,
    whereabouts::Announced,
};

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
    /// How many instances of one function may run at once; what comes when all are busy waits.
    pub instances: usize,
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

impl Options {
    /// As many instances of a function as a laptop carries with ease.
    pub const INSTANCES: usize = 4;
}

/// A running stack. [`Stack::shutdown`] ends everything that it started. While it runs, [`Whereabouts::read`](crate::Whereabouts::read) finds it by its directory.
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
    /// A caller of DynamoDB, in turn with the functions.
    pub dynamodb_api: Client,
    /// The table.
    pub table: String,
    /// What stands before DynamoDB.
    pub dynamodb: Arc<Table>,
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
    /// ECR.
    pub ecr: Arc<Ecr>,
    /// The container engine.
    pub engine: Engine,
    /// The registry's address, `127.0.0.1:PORT`.
    pub registry: String,
    /// The repositories that pipelines build from, by `host/owner/name`.
    pub repositories: BTreeMap<String, Repository>,
    logs: PathBuf,
    announced: Option<Announced>,
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
        let inputs = inputs(&address, slack_api(&options, &ports.inbox), &url);
        let template = template::Stack::parse(&options.template, &inputs).context("template.yaml")?;
        let aws = Client::new(moto.url());
        let secret = hex_token(2);
        let interactions = ports.interactions();
        let values = resources::secret(&secret, options.slack_token.as_deref(), &interactions.signing_secret);
        let made = resources::control_plane(&aws, &template, &values).await?;
        let whereabouts = ports.whereabouts(moto.url(), made, &secret);

        let (events, emitted) = mpsc::unbounded_channel();
        let slack = Slack::new(resources::slack(&config, interactions));
        let codebuild = CodeBuild::new(build_settings(&options, &ports, &engine), events.clone());
        let ecs = Ecs::new(task_settings(&options, &ports), engine.clone(), events);
        let ecr = Ecr::new(&address);
        let host_settings = host_settings(&options, &whereabouts.endpoints)?;
        let dynamodb = Table::new(moto.url());
        let host = Host::start(template.functions.clone(), host_settings).await?;
        let pump = Pump::start(&template.rules, host.clone(), moto.url()).await?;
        let schedules = schedule::schedule(template.schedules.clone(), host.clone(), options.tick);
        let furniture = Furniture {
            images: Client::new(&whereabouts.endpoints.ecr),
            template: template.clone(),
            program: options.program,
            directory: options.directory.clone(),
            variables: options.variables,
            port: options.container_port,
            health: options.health_path,
        };
        let mut started = Self {
            url,
            inbox: whereabouts.inbox.clone(),
            codebuild_api: Client::new(&whereabouts.endpoints.codebuild),
            ecs_api: Client::new(&whereabouts.endpoints.ecs),
            dynamodb_api: Client::new(&whereabouts.endpoints.dynamodb),
            aws,
            table: whereabouts.table.clone(),
            dynamodb: dynamodb.clone(),
            secret,
            config,
            logs: options.directory.join("functions"),
            repositories: BTreeMap::new(),
            registry: address.clone(),
            engine,
            announced: None,
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
            ecr: ecr.clone(),
        };
        let wrap = options.codebuild.unwrap_or_else(|| Box::new(|router| router));
        for (listener, router) in [
            (ports.front, gateway::router(template.routes, host)),
            (ports.inbox, slack.router()),
            (ports.builds, wrap(codebuild.router())),
            (ports.services, ecs.router()),
            (ports.images, ecr.router()),
            (ports.logs, codebuild.logs_router(TaskLogs(ecs.clone()))),
            (ports.balancing, ecs.balancing_router()),
            (ports.table, dynamodb.router()),
        ] {
            started.running.tasks.push(serve(listener, router));
        }
        let furnished = tokio::select! {
            furnished = started.furnish(&furniture) => furnished,
            () = until => Err(Interrupted.into()),
        };
        let announced = furnished.and_then(|()| {
            let announced = whereabouts.announce(&furniture.directory);
            announced.with_context(|| format!("{} cannot be written to", furniture.directory.display()))
        });
        match announced {
            Ok(announced) => {
                started.announced = Some(announced);
                Ok(started)
            }
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
                let name = &pipeline.repository;
                // A host that nobody named: GitHub has most servers of one's own.
                let source = self.config.source_of(name).unwrap_or(Source::GitHub);
                let (directory, program) = (&with.directory, &with.program);
                let made = Repository::make(directory, name, source, program, &self.url, &self.secret);
                self.repositories.insert(name.clone(), made.await?);
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
        let answer = self.dynamodb_api.call("dynamodb", "DynamoDB_20120810.GetItem", &input).await?;
        let record = answer["Item"]["record"]["S"].as_str().context("there is no such release")?;
        Ok(serde_json::from_str(record)?)
    }

    /// Ends everything: functions, builds, containers, servers. Nothing stays behind.
    pub async fn shutdown(self) {
        drop(self.announced);
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

/// What the template's parameters and attributes are here.
fn inputs(registry: &str, slack: String, url: &str) -> template::Inputs {
    template::Inputs {
        stack: "longshore".to_owned(),
        parameters: BTreeMap::from([("Registry".to_owned(), registry.to_owned()), ("SlackApi".to_owned(), slack)]),
        attributes: BTreeMap::from([("Api.ApiEndpoint".to_owned(), url.to_owned())]),
    }
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a server of the local stack ended");
        }
    })
}

//! A table, a workspace, and the function between them.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use local_lambda::{
    moto::Moto,
    template::{Inputs, Stack},
};
use local_protocol::Client;
use local_slack::{Channel, Message, Slack, User};
use longshore_aws::{clients::https, serve::Function, store::Store};
use longshore_core::{
    config::Config,
    event::Event,
    image::Digest,
    push::Reference,
    release::{
        Commit, Controller, DeploymentFact, Fact, Image, Origin, Release, ReleaseId, ServiceFact, Verdict, Where,
    },
    report::{Progress, Status},
};
use longshore_notify::{Notify, Settings};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../../template.yaml");
pub const DEPLOYS: &str = "C0DEPLOYS1";
pub const PRODUCTION: &str = "C0PRODUCT1";
pub const HERE: Where = Where { deployment: 0, service: 0 };

/// What Slack was asked, and what is done to its answers.
#[derive(Default)]
struct Between {
    asked: Vec<String>,
    /// So many calls of this method are performed, and their answers lost.
    lose: Option<(&'static str, usize)>,
}

pub struct World {
    pub slack: Arc<Slack>,
    pub aws: Client,
    pub sdk: SdkConfig,
    pub store: Store,
    notify: Notify,
    table: String,
    moto: Moto,
    between: Arc<Mutex<Between>>,
    pub inbox: String,
    config: Config,
}

/// The configuration: keys of `[slack]`, of the pipeline, and of its one environment.
pub fn config(slack: &str, pipeline: &str, environment: &str) -> String {
    format!(
        "[slack]\nchannel = \"#deploys\"\n{slack}\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n\
         branches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n{pipeline}\n[[pipeline.environment]]\n\
         name = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\n{environment}\n"
    )
}

/// Keeps the one who builds it short.
pub fn bot() -> Value {
    json!({ "callback_key": "k", "slack_bot_token": "xoxb-local" })
}

impl World {
    /// With a bot token.
    pub async fn start(config: &str) -> Self {
        Self::with(config, |_| bot(), None).await
    }

    /// `secret` gets where Slack is.
    pub async fn with(config: &str, secret: impl FnOnce(&str) -> Value, topic: Option<&str>) -> Self {
        let moto = Moto::start(None).await.expect("moto");
        let aws = Client::new(moto.url());
        let attributes = [("Api.ApiEndpoint".to_owned(), "http://127.0.0.1:1".to_owned())].into();
        let inputs = Inputs { stack: "longshore".into(), attributes, ..Inputs::default() };
        let template = Stack::parse(TEMPLATE, &inputs);
        let tables = template.expect("the template").tables;
        let table = tables[0]["TableName"].as_str().expect("a name").to_owned();
        aws.call("dynamodb", "DynamoDB_20120810.CreateTable", &tables[0]).await.expect("a table");

        let mut settings = local_slack::Settings::default();
        settings.users.push(User::new("U0AUTHOR", "ada", "ada@example.com"));
        settings.groups.push(local_slack::Group {
            id: "S0MANAGERS".into(),
            handle: "release-managers".into(),
            users: Vec::new(),
        });
        settings.channels.push(Channel::new(PRODUCTION, "production"));
        settings.channels.push(Channel { member: false, ..Channel::new("C0STRANGE1", "strange") });
        let slack = Slack::new(settings);
        let between = Arc::new(Mutex::new(Between::default()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let inbox = format!("http://{}", listener.local_addr().expect("an address"));
        let router = slack.router().layer(from_fn_with_state(Arc::clone(&between), come_between));
        tokio::spawn(async move { axum::serve(listener, router).await });

        let secret = json!({ "Name": "longshore", "SecretString": secret(&inbox).to_string() });
        aws.call("secretsmanager", "secretsmanager.CreateSecret", &secret).await.expect("a secret");
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(moto.url())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .identity_cache(IdentityCache::lazy().build())
            .http_client(https())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .build();
        let variable = |name: &str| match name {
            "LONGSHORE_SLACK_API" => Some(format!("{inbox}/api")),
            "LONGSHORE_CONFIG" => Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../longshore.toml").to_owned()),
            "LONGSHORE_TABLE" => Some(table.clone()),
            "LONGSHORE_SECRET" => Some("longshore".to_owned()),
            "LONGSHORE_TOPIC" => topic.map(str::to_owned),
            _ => None,
        };
        let notify = Notify::new(Settings::read(&variable).expect("settings"), &sdk);
        let store = Store::new(&sdk, table.clone());
        let config = Config::read(config).expect("a configuration");
        Self { slack, aws, sdk, store, notify, table, moto, between, inbox, config }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.moto.stop().await;
    }

    /// A release with this number, recorded and told of.
    pub async fn accept(&self, number: u64, change: impl FnOnce(&mut Release)) -> Release {
        let release = self.record(number, change).await;
        self.notice(&release.id).await;
        release
    }

    /// A release with this number, recorded.
    pub async fn record(&self, number: u64, change: impl FnOnce(&mut Release)) -> Release {
        let origin = Origin {
            delivery: "github/d-1".into(),
            repository: "github.com/acme/web".into(),
            reference: Reference::branch("main").expect("a branch"),
            commit: Commit { author: "Ada".into(), message: "Say hello".into(), ..Commit::bare(&commit(number)) },
            brought: Vec::new(),
        };
        let id = ReleaseId::parse(&format!("01JD00000000000000000000{number:02}")).expect("an id");
        let pipeline = &self.config.pipelines()[0];
        let channel = self.config.slack.as_ref().map(|slack| slack.channel.as_str());
        let mut release = Release::new(id, number, pipeline, origin, Vec::new(), channel, Timestamp::now());
        change(&mut release);
        self.store.ask(&release, None).await.expect("a release");
        release
    }

    /// Something happens, and `notify` hears of it.
    pub async fn happens(&self, id: &ReleaseId, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            let saved = self.store.apply(id, None, fact.clone(), Timestamp::now()).await.expect("a table");
            assert!(saved.expect("the release").expect("no refusal").changed, "{fact:?}");
            self.notice(id).await;
        }
    }

    /// `Release Changed`.
    pub async fn notice(&self, id: &ReleaseId) {
        self.notify.event(Event::Release(id.clone())).await.expect("no error");
    }

    pub async fn tick(&self) {
        self.notify.event(Event::Tick).await.expect("no error");
    }

    pub async fn release(&self, id: &ReleaseId) -> Release {
        self.store.release(id).await.expect("a table").expect("the release")
    }

    /// The messages in a channel itself that are there.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        let there = |message: &Message| message.is_top_level() && message.channel == channel && !message.deleted;
        self.slack.messages().into_iter().filter(there).collect()
    }

    /// The one message in a channel, and the texts of its thread.
    pub fn message(&self, channel: &str) -> (Message, Vec<String>) {
        let messages = self.messages(channel);
        let [message] = messages.as_slice() else { panic!("{} messages in {channel}", messages.len()) };
        let all = self.slack.messages().into_iter();
        let thread = all.filter(|reply| reply.channel == channel && reply.thread_ts.as_ref() == Some(&message.ts));
        (message.clone(), thread.map(|reply| reply.text).collect())
    }

    /// The calls of Slack since the last look.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.between.lock().expect("what was asked").asked)
    }

    /// So many calls of this method are performed, and their answers lost.
    pub fn lose(&self, method: &'static str, calls: usize) {
        self.between.lock().expect("what is lost").lose = Some((method, calls));
    }

    /// The item of a release's messages.
    pub async fn item(&self, id: &ReleaseId) -> Value {
        let key = json!({ "pk": {"S": format!("release#{id}")}, "sk": {"S": "message"} });
        let input = json!({ "TableName": self.table, "Key": key, "ConsistentRead": true });
        let answer = self.aws.call("dynamodb", "DynamoDB_20120810.GetItem", &input).await;
        answer.expect("an item")["Item"].take()
    }

    /// Writes the item of a release's messages.
    pub async fn put(&self, item: &Value) {
        let input = json!({ "TableName": self.table, "Item": item });
        self.aws.call("dynamodb", "DynamoDB_20120810.PutItem", &input).await.expect("a table");
    }

    /// Every pause is over: how a test makes time pass.
    pub async fn wait_is_over(&self, id: &ReleaseId) {
        let mut item = self.item(id).await;
        item["not_before"] = json!({ "N": "0" });
        let mut places: Value = serde_json::from_str(item["places"]["S"].as_str().expect("places")).expect("JSON");
        for place in places.as_array_mut().expect("places") {
            place.as_object_mut().expect("a place").remove("not_before");
        }
        item["places"] = json!({ "S": places.to_string() });
        self.put(&item).await;
    }

    /// Whether nothing more will be told of a release.
    pub async fn is_final(&self, id: &ReleaseId) -> bool {
        self.item(id).await["open_for"].is_null()
    }
}

async fn come_between(State(between): State<Arc<Mutex<Between>>>, request: Request, next: Next) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let is_lost = {
        let mut between = between.lock().expect("what was asked");
        between.asked.push(method.clone());
        let left = between.lose.as_mut().filter(|(lost, left)| *lost == method && *left > 0);
        left.map(|(_, left)| *left -= 1).is_some()
    };
    let answer = next.run(request).await;
    if is_lost { StatusCode::BAD_GATEWAY.into_response() } else { answer }
}

pub fn commit(number: u64) -> String {
    format!("{number:040x}")
}

/// From the start of the build to the image.
pub fn built() -> Vec<Fact> {
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let stage = |phase: &str, status| Fact::Progress(Progress { phase: phase.into(), status, message: None });
    vec![
        Fact::BuildStarted { id: "web-build:1".into(), page: None },
        stage("build", Status::Started),
        stage("build", Status::Succeeded),
        stage("e2e tests", Status::Started),
        stage("e2e tests", Status::Succeeded),
        Fact::ImageReported(Image::new("r.example/web", digest)),
        Fact::BuildEnded { outcome: longshore_core::release::Outcome::Succeeded, reason: None, tail: Vec::new() },
    ]
}

/// From the admission to a verdict.
pub fn deployed(verdict: Verdict) -> Vec<Fact> {
    let arn = |revision: u8| format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/web:{revision}");
    let mut facts = vec![
        Fact::Deployment(0, DeploymentFact::Admitted),
        HERE.fact(ServiceFact::Based {
            task_definition: arn(7),
            astray: false,
            before: None,
            controller: Controller::Ecs,
            idle: false,
        }),
        Fact::Deployment(0, DeploymentFact::Cleared),
        HERE.fact(ServiceFact::Registered(arn(8))),
        HERE.fact(ServiceFact::Updated),
        HERE.fact(ServiceFact::Concluded { verdict, reason: None, why: None }),
    ];
    if verdict == Verdict::Live {
        facts.push(Fact::Deployment(0, DeploymentFact::Finished));
    }
    facts
}

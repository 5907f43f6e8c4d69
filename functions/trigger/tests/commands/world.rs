//! A workspace with people in it who type commands, the function behind them, and moto for what the function asks of AWS.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::Router;
use jiff::Timestamp;
use local_lambda::moto::Moto;
use local_slack::{Interactions, Message, Reply, Slack, User};
use longshore_aws::{serve::Function, store::Store};
use longshore_core::{
    config::Config,
    event::Event,
    image::Digest,
    push::Reference,
    release::{Commit, Fact, Image, Origin, Release, ReleaseId, State as ReleaseState, Verdict},
    slack::command::Key,
};
use longshore_trigger::{Settings, Trigger};
use serde_json::{Value, json};

use crate::front::{Between, Front, TABLE, call, hand_over, table};

pub const APPROVER: &str = "U0APPROVER";
pub const OUTSIDER: &str = "U0DEVELOPER";
pub const CHANNEL: &str = "C0DEPLOYS1";
pub const SECRET: &str = "a signing secret";

/// The world of one test. moto ends with it.
pub struct World {
    pub slack: Arc<Slack>,
    pub store: Store,
    /// The function's request URL.
    pub url: String,
    front: Arc<Front>,
    _moto: Moto,
}

/// `web` goes to staging, and to production where Grace approves; `docs` goes nowhere.
fn config() -> Config {
    let text = "[slack]\nchannel = \"#deploys\"\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n\
        branches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\nenvironment = [\n\
        { name = \"staging\", cluster = \"staging\", services = [\"web\"] },\n\
        { name = \"production\", cluster = \"production\", services = [\"web\"], approval = { by = [\"U0APPROVER\"] } },\n]\n\
        [[pipeline]]\nname = \"docs\"\nrepository = \"github.com/acme/web\"\nbranches = [\"docs\"]\nproject = \"docs-build\"\n";
    Config::read(text).expect("a configuration")
}

impl World {
    pub async fn start() -> Self {
        let moto = Moto::start(None).await.expect("moto");
        let bind = async || tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let (listener, own) = (bind().await, bind().await);
        let url_of =
            |listener: &tokio::net::TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
        let (url, inbox) = (url_of(&listener), url_of(&own));
        let mut settings = local_slack::Settings {
            interactions: Some(Interactions {
                url: format!("{url}/slack/interactions"),
                commands: format!("{url}/slack/commands"),
                signing_secret: SECRET.into(),
                own: url.clone(),
            }),
            ..local_slack::Settings::default()
        };
        settings.users.push(User::new(APPROVER, "grace", "grace@example.com"));
        let slack = Slack::new(settings);
        let router = slack.router();
        tokio::spawn(async move { axum::serve(own, router).await });
        let (trigger, between) = (OnceLock::new(), Mutex::default());
        let front = Arc::new(Front { moto: moto.url().to_owned(), inbox, trigger, between });
        let router = Router::new().fallback(hand_over).with_state(Arc::clone(&front));
        tokio::spawn(async move { axum::serve(listener, router).await });

        let secret = json!({ "callback_key": "k", "slack_bot_token": "xoxb-local", "slack_signing_secret": SECRET });
        let secret = json!({ "Name": "longshore", "SecretString": secret.to_string() });
        call(moto.url(), "secretsmanager.CreateSecret", &secret).await;
        call(moto.url(), "DynamoDB_20120810.CreateTable", &table()).await;
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url(&url)
            .retry_config(RetryConfig::disabled())
            .http_client(longshore_aws::clients::https())
            .build();
        let variables = |name: &str| match name {
            "LONGSHORE_SLACK_API" => Some(format!("{url}/api")),
            "LONGSHORE_CONFIG" => Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../longshore.toml").to_owned()),
            "LONGSHORE_TABLE" => Some(TABLE.to_owned()),
            "LONGSHORE_SECRET" => Some("longshore".to_owned()),
            "LONGSHORE_GITHUB_API" => None,
            _ => Some(format!("https://{}.example", name.to_ascii_lowercase().replace('_', "-"))),
        };
        let settings = Settings { config: config(), ..Settings::read(&variables).expect("settings") };
        assert!(front.trigger.set(Trigger::new(settings, &sdk)).is_ok());
        Self { slack, store: Store::new(&sdk, TABLE.to_owned()), url, front, _moto: moto }
    }

    /// Somebody types a command; what the function answers at once.
    pub async fn types(&self, user: &str, text: &str) -> String {
        let reply = self.reply(user, text).await;
        let body: Value = serde_json::from_str(&reply.body).expect("JSON");
        assert_eq!(body["response_type"], "ephemeral");
        shown(&body)
    }

    /// The answer to a command, which Slack took.
    pub async fn reply(&self, user: &str, text: &str) -> Reply {
        let reply = self.slack.command(user, CHANNEL, "/deploy", text).await.expect("an answer");
        assert_eq!((reply.status, &reply.trouble), (200, &None), "{}", reply.body);
        reply
    }

    /// A command, and what it wakes; what Slack shows of it besides the first answer.
    pub async fn does(&self, user: &str, text: &str) -> Vec<String> {
        let taken = self.types(user, text).await;
        assert!(taken.contains("Taken: "), "{taken}");
        let before = self.seen().len();
        assert_eq!(self.deliver().await, 1);
        self.seen().split_off(before)
    }

    /// Delivers the commands that were published; how many there were.
    pub async fn deliver(&self) -> usize {
        let events: Vec<_> =
            self.between().events.iter().filter(|(kind, _)| kind == "Command Asked").cloned().collect();
        self.between().events.clear();
        for (_, detail) in &events {
            let key = Key::parse(detail["command"].as_str().expect("a key")).expect("a key");
            self.happens(Event::Command(key)).await.expect("an event that is seen to");
        }
        events.len()
    }

    /// An event comes to the function.
    pub async fn happens(&self, event: Event) -> anyhow::Result<()> {
        self.front.trigger.get().expect("the function").event(event).await
    }

    /// The minute is over.
    pub async fn tick(&self) {
        self.happens(Event::Tick).await.expect("a tick");
    }

    /// What the app said, in order: to all, or `U…: ` before it.
    pub fn seen(&self) -> Vec<String> {
        let told = |message: &Message| {
            let to = message.only_for.as_ref().map(|user| format!("{user}: ")).unwrap_or_default();
            let blocks = json!({ "blocks": message.blocks });
            format!("{to}{}", shown(&blocks))
        };
        let messages = self.slack.messages();
        messages.iter().filter(|message| message.by_app && !message.deleted).map(told).collect()
    }

    /// The last message of the app's: its `ts`.
    pub fn last(&self) -> String {
        self.slack.messages().pop().expect("a message").ts
    }

    /// Events of a type that were published and not delivered here.
    pub fn published(&self, kind: &str) -> usize {
        self.between().events.iter().filter(|(published, _)| published == kind).count()
    }

    /// Slack takes no answers any more, or does again.
    pub fn mute(&self, mute: bool) {
        self.between().mute = mute;
    }

    /// The next call to AWS whose body has this text fails.
    pub fn fails(&self, text: &'static str) {
        self.between().fails = Some(text);
    }

    /// Number `number` of `web`, live in both environments.
    pub async fn live(&self, number: u64) -> Release {
        let mut release = release(number);
        release.state = ReleaseState::Live;
        release.ended = Some(Timestamp::now());
        for deployment in &mut release.deployments {
            deployment.verdict = Some(Verdict::Live);
            deployment.admitted = Some(Timestamp::now());
            deployment.services[0].task_definition = Some(format!("arn:aws:ecs:x:1:task-definition/web:{number}"));
        }
        self.put(&release).await;
        for environment in ["staging", "production"] {
            self.store.live(&release, environment, Timestamp::now()).await.expect("the table");
        }
        release
    }

    /// A record.
    pub async fn put(&self, release: &Release) {
        self.store.ask(release, None).await.expect("the table");
    }

    /// The newest releases' numbers.
    pub async fn numbers(&self) -> Vec<u64> {
        let newest = self.store.newest_releases("web", None, 20).await.expect("the table");
        newest.into_iter().map(|listed| listed.number).collect()
    }

    /// The record of a number.
    pub async fn record(&self, number: u64) -> Release {
        let newest = self.store.newest_releases("web", None, 20).await.expect("the table");
        let id = newest.into_iter().find(|listed| listed.number == number).expect("a release").id;
        self.store.release(&id).await.expect("the table").expect("a record")
    }

    /// How many commands are not over.
    pub async fn left(&self) -> usize {
        self.store.open_errands().await.expect("the table").len()
    }

    fn between(&self) -> MutexGuard<'_, Between> {
        self.front.between.lock().expect("what is between")
    }
}

/// The texts of a message's blocks, and its buttons.
fn shown(body: &Value) -> String {
    let mut lines = Vec::new();
    for block in body["blocks"].as_array().expect("blocks") {
        let elements = block["elements"].as_array().cloned().unwrap_or_else(|| vec![block["text"].clone()]);
        lines.extend(elements.iter().map(|element| match element["type"].as_str() {
            Some("button") => format!("[{}]", element["action_id"].as_str().unwrap_or_default()),
            _ => element["text"].as_str().unwrap_or_default().to_owned(),
        }));
    }
    lines.join("\n")
}

/// Number `number` of `web`, whose image is there.
pub fn release(number: u64) -> Release {
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit {
            author: "Ada".into(),
            message: format!("Change {number}"),
            ..Commit::bare(&format!("{number:02}").repeat(20))
        },
        brought: Vec::new(),
    };
    let id = ReleaseId::parse(&format!("01JD00000000000000000000{number:02}")).expect("an id");
    let config = config();
    let mut release =
        Release::new(id, number, &config.pipelines()[0], origin, Vec::new(), Some("#deploys"), Timestamp::now());
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let image = Image::new("r.example/web", digest);
    for fact in [Fact::BuildStarted { id: "web-build:1".into(), page: None }, Fact::ImageReported(image)] {
        assert_eq!(release.apply(fact.clone(), Timestamp::now()), Ok(true), "{fact:?}");
    }
    // Its build is over, so that nobody asks CodeBuild.
    release.build.outcome = Some(longshore_core::release::Outcome::Succeeded);
    release
}

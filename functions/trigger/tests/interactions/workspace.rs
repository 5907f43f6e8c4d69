//! A workspace with a release's message in it, and the function behind its buttons.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use jiff::{SignedDuration, Timestamp};
use local_slack::{Fault, Group, Interactions, Slack, User};
use longshore_aws::{http::Request, serve::Function};
use longshore_core::{
    config::Config,
    image::Digest,
    message,
    push::Reference,
    release::{Commit, DeploymentFact, Fact, Image, Obstacle, Origin, Release, ReleaseId},
};
use longshore_trigger::{Settings, Trigger};
use serde_json::{Value, json};

use crate::aws::Aws;

pub const AUTHOR: &str = "U0AUTHOR";
pub const APPROVER: &str = "U0APPROVER";
pub const OUTSIDER: &str = "U0DEVELOPER";
pub const SECRET: &str = "a signing secret";

/// The stand-in for Slack, the function, and what it asks of AWS.
pub struct Workspace {
    pub slack: Arc<Slack>,
    pub aws: Aws,
    /// The function's request URL.
    pub url: String,
    /// Slack's own.
    pub inbox: String,
    answers: Arc<Mutex<Vec<(u16, String)>>>,
}

struct Front {
    trigger: Trigger,
    answers: Arc<Mutex<Vec<(u16, String)>>>,
}

/// What the secret holds.
pub fn secret(signing: &Value) -> Value {
    json!({ "callback_key": "k", "slack_bot_token": "xoxb-local", "slack_signing_secret": signing })
}

/// The configuration, with an approval for production.
pub fn approval(keys: &str) -> Config {
    config(&format!(", approval = {{ {keys} }}"))
}

/// The configuration, with these keys for production.
pub fn config(keys: &str) -> Config {
    let text = format!(
        "[slack]\nchannel = \"#deploys\"\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\n\
         project = \"web-build\"\nimage = \"web\"\n\
         environment = [{{ name = \"production\", cluster = \"production\", services = [\"web\"]{keys} }}]\n"
    );
    Config::read(&text).expect("a configuration")
}

impl Workspace {
    /// Slack's API is where Slack is.
    pub async fn start(config: Config) -> Self {
        Self::with(config, None).await
    }

    /// Slack's API is elsewhere.
    pub async fn with(config: Config, api: Option<String>) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let front = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let inbox = format!("http://{}", listener.local_addr().expect("an address"));
        let url = format!("http://{}/slack/interactions", front.local_addr().expect("an address"));
        let mut settings = local_slack::Settings {
            interactions: Some(Interactions {
                commands: url.replace("/interactions", "/commands"),
                url: url.clone(),
                signing_secret: SECRET.into(),
                own: inbox.clone(),
            }),
            ..local_slack::Settings::default()
        };
        settings.users.push(User::new(AUTHOR, "ada", "Ada@example.com"));
        settings.users.push(User::new(APPROVER, "grace", "grace@example.com"));
        let users = vec![APPROVER.to_owned()];
        settings.groups.push(Group { id: "S0MANAGERS".into(), handle: "release-managers".into(), users });
        settings.groups.push(Group { id: "S0EMPTY".into(), handle: "nobody".into(), users: Vec::new() });
        let slack = Slack::new(settings);
        let router = slack.router();
        tokio::spawn(async move { axum::serve(listener, router).await });

        let aws = Aws::start(secret(&json!(SECRET))).await;
        aws.put(item(&release(&config)));
        let api = api.unwrap_or_else(|| format!("{inbox}/api"));
        let variables = |name: &str| match name {
            "LONGSHORE_SLACK_API" => Some(api.clone()),
            "LONGSHORE_CONFIG" => Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../longshore.toml").to_owned()),
            _ => Some(format!("the {name}")),
        };
        let settings = Settings { config, ..Settings::read(&variables).expect("settings") };
        let trigger = Trigger::new(settings, &aws.config());
        let answers = Arc::default();
        let state = Arc::new(Front { trigger, answers: Arc::clone(&answers) });
        let router = Router::new().fallback(hand_over).with_state(state);
        tokio::spawn(async move { axum::serve(front, router).await });
        Self { slack, aws, url, inbox, answers }
    }

    /// The release's message, posted as `notify` would post it while an approval is waited for; its `ts`.
    pub async fn asked(&self) -> String {
        self.change(&Fact::Deployment(0, DeploymentFact::Held(Obstacle::Approval { expires: later() })));
        self.post().await
    }

    /// The release's message as it is now; its `ts`.
    pub async fn post(&self) -> String {
        let view = message::view(&self.release(), &message::Known::default());
        let body = json!({ "channel": "C0DEPLOYS1", "text": view.text, "attachments": view.attachments }).to_string();
        let request =
            local_protocol::http().post(format!("{}/api/chat.postMessage", self.inbox)).bearer_auth("xoxb-local");
        let request = request.header("content-type", "application/json; charset=utf-8").body(body);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        answer["ts"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Somebody presses a button of the message; the status that the function answers.
    pub async fn press(&self, user: &str, ts: &str, action: &str) -> u16 {
        self.slack.press(user, ts, action).await.expect("an answer")
    }

    /// Somebody submits the modal that they have open, with a reason; what the function answers.
    pub async fn submit(&self, user: &str, reason: &str) -> Value {
        let view = self.slack.modal(user).expect("a modal");
        let id = view["id"].as_str().expect("an id");
        self.slack.submit(user, id, &[("reason", "reason", reason)]).await.expect("an answer")
    }

    /// The record.
    pub fn release(&self) -> Release {
        serde_json::from_str(&self.aws.record()).expect("a record")
    }

    /// Something happens to the release.
    pub fn change(&self, fact: &Fact) {
        let mut release = self.release();
        assert_eq!(release.apply(fact.clone(), Timestamp::now()), Ok(true), "{fact:?}");
        release.version += 1;
        self.aws.put(item(&release));
    }

    /// Whom Slack told what privately, in order.
    pub fn told(&self) -> Vec<String> {
        let told = |message: local_slack::Message| Some(format!("{}: {}", message.only_for?, message.text));
        self.slack.messages().into_iter().filter_map(told).collect()
    }

    /// What the function answered: statuses and bodies.
    pub fn answers(&self) -> Vec<(u16, String)> {
        self.answers.lock().expect("the answers").clone()
    }

    /// Slack's API answers no question.
    pub fn silence(&self, silent: bool) {
        self.slack.fail_with(silent.then_some(Fault::ServerError));
    }
}

pub fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// Number 7 of `web`, built, whose commit Ada wrote.
fn release(config: &Config) -> Release {
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit {
            author: "Ada".into(),
            email: Some("ada@example.com".into()),
            ..Commit::bare("0123456789012345678901234567890123456789")
        },
        brought: Vec::new(),
    };
    let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    let pipeline = &config.pipelines()[0];
    let mut release = Release::new(id, 7, pipeline, origin, Vec::new(), Some("#deploys"), Timestamp::now());
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let image = Image::new("r.example/web", digest);
    for fact in [Fact::BuildStarted { id: "web-build:1".into(), page: None }, Fact::ImageReported(image)] {
        assert_eq!(release.apply(fact.clone(), Timestamp::now()), Ok(true), "{fact:?}");
    }
    release
}

fn item(release: &Release) -> Value {
    json!({
        "pk": {"S": format!("release#{}", release.id)}, "sk": {"S": "release"},
        "version": {"N": release.version.to_string()}, "record": {"S": serde_json::to_string(release).expect("JSON")},
    })
}

async fn hand_over(State(front): State<Arc<Front>>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = headers.iter().filter_map(header).collect();
    let request = Request { method: "POST".into(), path: uri.path().to_owned(), headers, body: body.to_vec() };
    let response = serde_json::to_value(front.trigger.http(request).await).expect("JSON");
    let body = response["body"].as_str().expect("a body").to_owned();
    let status = u16::try_from(response["statusCode"].as_u64().expect("a status")).expect("a status");
    front.answers.lock().expect("the answers").push((status, body.clone()));
    (StatusCode::from_u16(status).expect("a status"), body)
}

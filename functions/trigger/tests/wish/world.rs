//! What the function asks of others when somebody asks for a release: a table, a secret and a bus in moto, and a list in the place of CodeBuild
//! and of GitHub.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode, Uri},
};
use local_lambda::moto::Moto;
use longshore_aws::{deeds::Undone, serve::Function, store::Store};
use longshore_core::{
    config::Config,
    event::Event,
    release::{Person, Release, ReleaseId},
};
use longshore_trigger::{
    Settings, Trigger,
    wish::{What, Wish},
};
use serde_json::{Value, json};

const TABLE: &str = "releases";
const SECRET: &str = "longshore";

/// What is in the place of CodeBuild and GitHub.
#[derive(Default)]
struct Others {
    /// What GitHub answers, by the path after the repository; what is not there is 422, as GitHub has it.
    github: HashMap<String, Value>,
    /// GitHub does not answer.
    silent: bool,
    /// What GitHub was asked, in order.
    asked: Vec<String>,
    /// The StartBuild requests, in order.
    started: Vec<Value>,
    /// Builds, by the token that they were started with.
    builds: HashMap<String, Value>,
    /// Whether StartBuild fails.
    broken: bool,
}

/// The world of one test. moto ends with it.
pub struct World {
    pub trigger: Trigger,
    pub store: Store,
    others: Arc<Mutex<Others>>,
    _moto: Moto,
}

struct Front {
    moto: String,
    others: Arc<Mutex<Others>>,
}

/// A pipeline of github.com that builds `main`, `release/*` and tags `v*`, and goes to two environments.
fn config() -> Config {
    let text = "[slack]\nchannel = \"#deploys\"\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n\
        branches = [\"main\", \"release/*\", \"pr/*\"]\ntags = [\"v*\"]\nproject = \"web-build\"\nimage = \"web\"\nenvironment = [\n\
        { name = \"staging\", cluster = \"staging\", services = [\"web\"] },\n\
        { name = \"production\", cluster = \"production\", services = [\"web\"] },\n]\n";
    Config::read(text).expect("a configuration")
}

impl World {
    /// With a token for GitHub, or without.
    pub async fn start(token: bool) -> Self {
        let moto = Moto::start(None).await.expect("moto");
        let others = Arc::default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let front = Arc::new(Front { moto: moto.url().to_owned(), others: Arc::clone(&others) });
        let router = Router::new().fallback(answer).with_state(front);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut secret = json!({ "callback_key": "k" });
        if token {
            secret["github_token"] = "t0ken".into();
        }
        let secret = json!({ "Name": SECRET, "SecretString": secret.to_string() });
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
            "LONGSHORE_CONFIG" => Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../longshore.toml").to_owned()),
            "LONGSHORE_TABLE" => Some(TABLE.to_owned()),
            "LONGSHORE_SECRET" => Some(SECRET.to_owned()),
            "LONGSHORE_GITHUB_API" => Some(format!("{url}/github")),
            _ => Some(format!("https://{}.example", name.to_ascii_lowercase().replace('_', "-"))),
        };
        let settings = Settings { config: config(), ..Settings::read(&variables).expect("settings") };
        let store = Store::new(&sdk, TABLE.to_owned());
        Self { trigger: Trigger::new(settings, &sdk), store, others, _moto: moto }
    }

    /// Somebody asks; the sentence that they get where it is refused.
    pub async fn ask(&self, wish: Wish) -> Result<Release, String> {
        match self.trigger.build_by_name(wish).await {
            Ok(release) => Ok(release),
            Err(Undone::Refused(why)) => Err(why),
            Err(Undone::Store(error)) => panic!("{error}"),
        }
    }

    /// The record.
    pub async fn record(&self, id: &ReleaseId) -> Release {
        self.store.release(id).await.expect("the table").expect("a record")
    }

    /// An event of the release's build comes.
    pub async fn event(&self, id: &ReleaseId) {
        let event = Event::Build { id: "web-build:1".to_owned(), release: Some(id.clone()) };
        self.trigger.event(event).await.expect("an event");
    }

    /// CodeBuild knows which commit a release's build is of.
    pub fn resolve(&self, id: &ReleaseId, commit: &str) {
        let mut others = self.others();
        others.builds.get_mut(id.as_str()).expect("a build")["resolvedSourceVersion"] = commit.into();
    }

    /// What GitHub knows of `commits/<named>`: this commit, with a message.
    pub fn commit(&self, named: &str, id: &str, message: &str) {
        let told = json!({
            "sha": id, "html_url": format!("https://github.com/acme/web/commit/{id}"),
            "commit": {
                "message": format!("{message}\n\nAnd why."), "author": { "name": "Ada", "email": "ada@example.com" },
                "committer": { "date": "2026-11-21T09:00:00Z" },
            },
        });
        self.others().github.insert(format!("commits/{named}"), told);
    }

    /// GitHub answers nothing any more.
    pub fn silence(&self) {
        self.others().silent = true;
    }

    /// StartBuild fails, or does again what it should.
    pub fn break_codebuild(&self, broken: bool) {
        self.others().broken = broken;
    }

    /// What GitHub was asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.others().asked.clone()
    }

    /// What was to be built, in order: each request's `sourceVersion`.
    pub fn versions(&self) -> Vec<String> {
        let text = |input: &Value| input["sourceVersion"].as_str().unwrap_or_default().to_owned();
        self.others().started.iter().map(text).collect()
    }

    /// A variable of the last build that was to be started.
    pub fn variable(&self, name: &str) -> Option<String> {
        let others = self.others();
        let variables = others.started.last().expect("a build")["environmentVariablesOverride"].as_array()?;
        let found = variables.iter().find(|variable| variable["name"] == name)?;
        Some(found["value"].as_str().expect("a text").to_owned())
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().expect("the others")
    }
}

/// A wish of Ada's.
pub fn wish(what: What) -> Wish {
    let person = Person { name: "ada".into(), reason: None, at: longshore_aws::ids::now() };
    Wish {
        id: longshore_aws::ids::release_id(),
        pipeline: "web".into(),
        what,
        environment: None,
        person,
        once_more: false,
    }
}

/// A wish for what has this name.
pub fn named(name: &str) -> Wish {
    wish(What::Named(name.to_owned()))
}

/// The table, as `template.yaml` has it.
fn table() -> Value {
    let key = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    let attribute =
        |name: &str| json!({ "AttributeName": name, "AttributeType": if name == "number" { "N" } else { "S" } });
    let attributes = ["pk", "sk", "open_for", "pipeline", "number"].map(attribute);
    json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
        "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": [
            { "IndexName": "open", "KeySchema": key("open_for", "pk"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "pipeline", "KeySchema": key("pipeline", "number"),
              "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["commit", "digest"] } },
        ],
    })
}

async fn call(moto: &str, target: &str, input: &Value) {
    let service = if target.starts_with("Dynamo") { "dynamodb" } else { "secretsmanager" };
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20261121/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = local_protocol::http().post(moto).header("x-amz-target", target).header("authorization", scope);
    let answer = request.body(input.to_string()).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{target}: {}", answer.text().await.unwrap_or_default());
}

async fn answer(State(front): State<Arc<Front>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    if let Some(path) = uri.path().strip_prefix("/github/repos/acme/web/") {
        let (silent, told) = {
            let mut others = front.others.lock().expect("the others");
            others.asked.push(path.to_owned());
            (others.silent, others.github.get(path).cloned())
        };
        if silent {
            return std::future::pending().await;
        }
        let status = if told.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return reply(status, told.unwrap_or_default().to_string().into());
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if let Some(action) = target.strip_prefix("CodeBuild_20161006.") {
        let input = serde_json::from_slice(&body).expect("JSON");
        let (status, output) = codebuild(&mut front.others.lock().expect("the others"), action, &input);
        return reply(status, output.to_string().into());
    }
    let mut request = local_protocol::http().post(format!("{}{uri}", front.moto)).body(body.to_vec());
    for name in ["x-amz-target", "authorization", "content-type", "x-amz-date"] {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("an answer of moto");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    reply(status, answer.bytes().await.expect("a body").to_vec())
}

/// CodeBuild, as far as one token is one build, and the same token with other parameters is an error.
fn codebuild(others: &mut Others, action: &str, input: &Value) -> (StatusCode, Value) {
    match action {
        "StartBuild" => {
            others.started.push(input.clone());
            if others.broken {
                return (StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "InternalFailure" }));
            }
            let token = input["idempotencyToken"].as_str().expect("a token").to_owned();
            let number = others.builds.len() + 1;
            let build = others.builds.entry(token).or_insert_with(|| {
                let id = format!("web-build:{number}");
                json!({ "id": id, "arn": format!("arn:aws:codebuild:eu-central-1:123456789012:build/{id}"), "input": input })
            });
            if build["input"] != *input {
                let told = json!({ "__type": "InvalidInputException", "message": "parameter mismatch" });
                return (StatusCode::BAD_REQUEST, told);
            }
            (StatusCode::OK, json!({ "build": build }))
        }
        "BatchGetBuilds" => {
            let ids = input["ids"].as_array().expect("ids");
            let builds: Vec<_> = others.builds.values().filter(|build| ids.contains(&build["id"])).collect();
            (StatusCode::OK, json!({ "builds": builds }))
        }
        "ListBuildsForProject" => (StatusCode::OK, json!({ "ids": [] })),
        // No test expects it: whoever gets it asked for what was not foreseen.
        _ => (StatusCode::IM_A_TEAPOT, json!({})),
    }
}

fn reply(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body)).expect("a response")
}

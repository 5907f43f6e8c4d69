//! The end of a failed build's log, from the event to the record: the function as it is, and AWS played by one release, one build and one log.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use jiff::Timestamp;
use longshore_aws::{serve::Function, settings::Common};
use longshore_core::{
    config::Config,
    event::Event,
    push::Reference,
    release::{Commit, Fact, Origin, Outcome, Release, ReleaseId, State as Stands},
};
use longshore_trigger::{Settings, Trigger};
use serde_json::{Value, json};

/// What CloudWatch Logs does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// It has these lines, and pages of them.
    Lines(&'static [&'static str]),
    /// It may not be read.
    Denied,
    /// It does not answer.
    Silent,
}

struct Aws {
    item: Option<Value>,
    status: &'static str,
    log: Log,
    asked: Vec<Value>,
}

struct World {
    aws: Arc<Mutex<Aws>>,
    trigger: Trigger,
    release: ReleaseId,
}

fn config() -> Config {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n";
    Config::read(text).expect("a configuration")
}

fn building() -> Release {
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit::bare(&"1".repeat(40)),
        brought: Vec::new(),
    };
    let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    let mut release = Release::new(id, 7, &config().pipelines()[0], origin, Vec::new(), None, Timestamp::now());
    let page = Some("https://logs.example/1".to_owned());
    for fact in
        [Fact::BuildStarted { id: "web-build:1".into(), page }, Fact::BuildLogged("https://logs.example/1".into())]
    {
        assert_eq!(release.apply(fact, Timestamp::now()), Ok(true));
    }
    release
}

impl World {
    async fn start(status: &'static str, log: Log) -> Self {
        let release = building();
        let item = json!({
            "pk": {"S": format!("release#{}", release.id)}, "sk": {"S": "release"},
            "version": {"N": release.version.to_string()}, "record": {"S": serde_json::to_string(&release).expect("JSON")},
        });
        let aws = Arc::new(Mutex::new(Aws { item: Some(item), status, log, asked: Vec::new() }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&aws));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url(&url)
            .retry_config(RetryConfig::disabled())
            .http_client(longshore_aws::clients::https())
            .build();
        let settings = Settings {
            common: Common { table: "table".into(), secret: "secret".into() },
            config: config(),
            url: "https://longshore.example".into(),
            registry: "registry.example".into(),
            github_api: None,
            slack_api: "http://127.0.0.1:1".into(),
        };
        Self { aws, trigger: Trigger::new(settings, &sdk), release: release.id }
    }

    /// The record, after the event that its build ended.
    async fn ended(&self) -> Release {
        let event = Event::Build { id: "web-build:1".into(), release: Some(self.release.clone()) };
        self.trigger.event(event).await.expect("it is taken");
        self.record()
    }

    fn record(&self) -> Release {
        let aws = self.aws.lock().expect("AWS");
        let text = aws.item.as_ref().expect("a record")["record"]["S"].as_str().expect("a text").to_owned();
        serde_json::from_str(&text).expect("a release")
    }

    fn asked(&self) -> Vec<Value> {
        self.aws.lock().expect("AWS").asked.clone()
    }
}

async fn answer(State(aws): State<Arc<Mutex<Aws>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let action = target.rsplit('.').next().unwrap_or_default();
    let input: Value = serde_json::from_slice(&body).expect("JSON");
    let log = aws.lock().expect("AWS").log;
    if action == "GetLogEvents" && log == Log::Silent {
        return std::future::pending().await;
    }
    let mut aws = aws.lock().expect("AWS");
    let output = match action {
        "GetItem" => {
            let found = aws.item.clone().filter(|item| item["pk"] == input["Key"]["pk"]);
            found.map_or(json!({}), |item| json!({"Item": item}))
        }
        "PutItem" => {
            aws.item = Some(input["Item"].clone());
            json!({})
        }
        "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
        "BatchGetBuilds" => {
            let logs = json!({
                "groupName": "/aws/codebuild/web-build", "streamName": "1", "deepLink": "https://logs.example/1",
            });
            let phase =
                json!({"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "exit status 1"}]});
            json!({"builds": [{"id": "web-build:1", "buildStatus": aws.status, "logs": logs, "phases": [phase]}]})
        }
        "GetLogEvents" => {
            // There is one page, and what comes before it is empty.
            let first = input["nextToken"].is_null();
            aws.asked.push(input);
            match log {
                Log::Lines(lines) => {
                    let events: Vec<_> =
                        lines.iter().filter(|_| first).map(|line| json!({"message": line, "timestamp": 1})).collect();
                    json!({"events": events, "nextBackwardToken": "b/1", "nextForwardToken": "f/1"})
                }
                Log::Denied | Log::Silent => {
                    let refused = json!({"__type": "AccessDeniedException", "message": "not authorized"});
                    return (StatusCode::BAD_REQUEST, refused.to_string());
                }
            }
        }
        other => panic!("no test expects {other}"),
    };
    (StatusCode::OK, output.to_string())
}

const LINES: &[&str] = &[
    "\u{1b}[31mnot ok 2\u{1b}[0m - the tide is high\n",
    "\n",
    "+ curl -H 'Authorization: Bearer ls1.01JD0000000000000000000000.build.1800000000.00ff00ff'\r\n",
];

#[tokio::test]
async fn a_failed_builds_last_lines_are_in_its_record() {
    let world = World::start("FAILED", Log::Lines(LINES)).await;
    let release = world.ended().await;
    assert_eq!((release.state, release.build.outcome), (Stands::Failed, Some(Outcome::Failed)));
    assert_eq!(release.reason.as_deref(), Some("BUILD failed: exit status 1"));
    let tail = ["not ok 2 - the tide is high", "+ curl -H 'Authorization: Bearer ls1.***'"];
    assert_eq!(release.build.tail, tail);
    let asked = json!({
        "logGroupName": "/aws/codebuild/web-build", "logStreamName": "1", "limit": 40, "startFromHead": false,
    });
    assert_eq!(world.asked()[0], asked);
    assert_eq!(world.trigger.log_lines(&release, 1).await.expect("lines"), tail[1..]);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_keeps_no_build_from_ending() {
    for log in [Log::Denied, Log::Silent] {
        let world = World::start("FAILED", log).await;
        let release = world.ended().await;
        assert_eq!((release.state, release.build.tail.len()), (Stands::Failed, 0), "{log:?}");
    }
}

#[tokio::test]
async fn who_asks_for_a_log_that_may_not_be_read_hears_why() {
    let world = World::start("FAILED", Log::Denied).await;
    let error = world.trigger.log_lines(&world.record(), 9).await.expect_err("it may not");
    assert!(format!("{error:#}").contains("the build's log could not be read: AccessDeniedException"), "{error:#}");
    let mut queued = world.record();
    queued.build.id = None;
    assert!(world.trigger.log_lines(&queued, 9).await.expect("nothing to read").is_empty());
}

#[tokio::test]
async fn a_build_that_ended_well_is_not_asked_for_its_log() {
    let world = World::start("SUCCEEDED", Log::Denied).await;
    let release = world.ended().await;
    assert_eq!((release.state, release.build.tail.len()), (Stands::Built, 0));
    assert_eq!(world.asked(), Vec::<Value>::new());
}

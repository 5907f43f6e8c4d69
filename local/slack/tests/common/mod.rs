//! A workspace on a port of its own, and a caller.
#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;

use std::sync::Arc;

pub use app::{App, SECRET};
use local_slack::{Channel, Group, Interactions, Settings, Slack, User};
use serde_json::{Value, json};

pub const TOKEN: &str = "xoxb-local";
pub const DEPLOYS: &str = "C0DEPLOYS1";

pub struct Workspace {
    pub slack: Arc<Slack>,
    pub url: String,
    pub http: reqwest::Client,
}

impl Workspace {
    pub async fn start() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::interacting(settings, None).await
    }

    /// A workspace whose clicks go to this address, signed with this secret.
    pub async fn interacting(mut settings: Settings, app: Option<(&str, &str)>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        settings.interactions = app.map(|(app, signing_secret)| Interactions {
            url: app.into(),
            commands: app.replace("/slack/interactions", "/slack/commands"),
            signing_secret: signing_secret.into(),
            own: url.clone(),
        });
        let slack = Slack::new(settings);
        let router = slack.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { slack, url, http: local_protocol::http() }
    }

    /// A workspace with an app that listens.
    pub async fn with_app() -> (Self, App) {
        let app = App::default();
        let url = app.start().await;
        (Self::interacting(settings(), Some((&url, SECRET))).await, app)
    }

    pub fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/api/{method}", self.url))
    }

    /// Calls with JSON.
    pub async fn call(&self, method: &str, arguments: Value) -> Value {
        let request = self.request(method).bearer_auth(TOKEN).header("content-type", "application/json; charset=utf-8");
        let answer = request.body(arguments.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Calls with a form, the token among its fields.
    pub async fn form(&self, method: &str, arguments: &[(&str, &str)]) -> Value {
        let fields = [&[("token", TOKEN)], arguments].concat();
        self.request(method).form(&fields).send().await.unwrap().json().await.unwrap()
    }

    /// Posts to #deploys and gives the message's `ts`.
    pub async fn post(&self, arguments: Value) -> String {
        let mut arguments = arguments;
        arguments["channel"] = DEPLOYS.into();
        let answer = self.call("chat.postMessage", arguments).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["ts"].as_str().unwrap().to_owned()
    }

    pub async fn error(&self, method: &str, arguments: Value) -> String {
        let answer = self.call(method, arguments).await;
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    pub async fn page(&self, path: &str) -> String {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap().text().await.unwrap()
    }
}

pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.users.push(User::new("U0GRACE", "grace", "grace@example.com"));
    settings.channels.extend([
        Channel { member: false, ..Channel::new("C0FOREIGN1", "foreign") },
        Channel { member: false, private: true, ..Channel::new("C0SECRET01", "secret") },
        Channel { archived: true, ..Channel::new("C0OLD00001", "old") },
    ]);
    settings.groups.push(Group {
        id: "S0MANAGERS".into(),
        handle: "managers".into(),
        users: vec!["U0DEVELOPER".into()],
    });
    settings
}

/// Says something at a `response_url`; the answer's status.
pub async fn respond(url: &str, body: &Value) -> u16 {
    local_protocol::http().post(url).body(body.to_string()).send().await.unwrap().status().as_u16()
}

/// What the page sends when something is done in it; status and body.
pub async fn click(workspace: &Workspace, route: &str, body: &Value) -> (u16, Value) {
    let request = workspace.http.post(format!("{}{route}", workspace.url)).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

pub fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

//! Commands, modals and questions in the page, with a small app that answers: no stack is needed for them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use local_protocol::http;
use local_slack::{Interactions, Settings, Slack};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{chrome::Chrome, webdriver::Key};

/// The app: a command opens a modal, the modal wants a reason of two words.
struct App {
    slack: String,
}

impl App {
    async fn call(&self, method: &str, arguments: &Value) {
        let request = http().post(format!("{}/api/{method}", self.slack)).bearer_auth("xoxb-local");
        let request = request.header("content-type", "application/json; charset=utf-8").body(arguments.to_string());
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["ok"], true, "{method}: {answer}");
    }
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

async fn command(State(app): State<Arc<App>>, body: String) -> Response {
    let field = |name: &str| {
        let fields = body.split('&').filter_map(|pair| pair.split_once('='));
        fields.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    if field("text").as_deref() != Some("reject") {
        return Json(json!({ "text": "There is `/deploy reject`. <https://example.com|More>" })).into_response();
    }
    let element = json!({ "type": "plain_text_input", "action_id": "text", "multiline": true });
    let reason = json!({ "type": "input", "block_id": "reason", "label": plain("Reason"), "element": element });
    let view = json!({
        "type": "modal", "title": plain("Reject web #7"), "submit": plain("Reject"), "blocks": [reason],
    });
    let trigger = field("trigger_id").expect("a trigger");
    app.call("views.open", &json!({ "trigger_id": trigger, "view": view })).await;
    StatusCode::OK.into_response()
}

async fn interaction(State(app): State<Arc<App>>, body: String) -> Response {
    if body.contains("block_actions") {
        app.call("chat.postMessage", &json!({ "channel": "C0DEPLOYS1", "text": "it went back" })).await;
        return StatusCode::OK.into_response();
    }
    // In a form, a space is a plus sign.
    if body.contains("too+risky") {
        app.call("chat.postMessage", &json!({ "channel": "C0DEPLOYS1", "text": "it was rejected" })).await;
        return StatusCode::OK.into_response();
    }
    Json(json!({ "response_action": "errors", "errors": { "reason": "Two words at least" } })).into_response()
}

/// A workspace with the app; its address.
async fn start() -> String {
    let (inbox, front) = (listen().await, listen().await);
    let (url, app) = (address(&inbox), address(&front));
    let slack = Slack::new(Settings {
        interactions: Some(Interactions {
            url: format!("{app}/slack/interactions"),
            commands: format!("{app}/slack/commands"),
            signing_secret: "a signing secret".into(),
            own: url.clone(),
        }),
        ..Settings::default()
    });
    let router = Router::new().route("/slack/commands", post(command)).route("/slack/interactions", post(interaction));
    let router = router.with_state(Arc::new(App { slack: url.clone() }));
    tokio::spawn(async move { axum::serve(inbox, slack.router()).await });
    tokio::spawn(async move { axum::serve(front, router).await });
    url
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

fn address(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("an address"))
}

const OPEN: &str = "dialog.modal[open]";
const FOCUS: &str =
    "return document.querySelector('dialog[open]').contains(document.activeElement) && document.activeElement.tagName;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_modals_and_questions_are_used_by_hand() {
    let url = start().await;
    let Some(chrome) = Chrome::open(&url).await else { return };

    // A question that is answered privately.
    chrome.click("label[for=command]").await;
    chrome.keys("/deploy help").await;
    chrome.key(Key::Enter).await;
    chrome.says("article.ephemeral", "There is /deploy reject. More").await;
    assert_eq!(chrome.ask("return document.activeElement.id;").await, "command", "the next one can be typed at once");
    chrome.keys("no command").await;
    chrome.key(Key::Enter).await;
    chrome.says("#state", "a command is a word that begins with /").await;

    // A modal: what has the focus, what is wrong with an answer, and the end.
    chrome.ask("document.getElementById('command').value = '';").await;
    chrome.keys("/deploy reject").await;
    chrome.key(Key::Enter).await;
    chrome.says(OPEN, "Reject web #7").await;
    assert_eq!(chrome.ask(FOCUS).await, "TEXTAREA");
    chrome.click("dialog[open] [type=submit]").await;
    chrome.says(&format!("{OPEN} .error"), "Please fill this in").await;
    chrome.keys("risky").await;
    chrome.click("dialog[open] [type=submit]").await;
    chrome.says(&format!("{OPEN} .error"), "Two words at least").await;
    assert_eq!(chrome.ask(FOCUS).await, "TEXTAREA", "what is wrong has the focus");
    assert_eq!(chrome.ask("return document.activeElement.value;").await, "risky", "what was written is still there");
    chrome.picture("5-modal", OPEN, ".error").await;
    chrome.is_in_order("a modal with an error").await;
    chrome.ask("document.activeElement.value = '';").await;
    chrome.keys("too risky").await;
    chrome.click("dialog[open] [type=submit]").await;
    chrome.gone(OPEN).await;
    chrome.says("article.message", "it was rejected").await;

    // Escape closes.
    chrome.click("#command").await;
    chrome.keys("/deploy reject").await;
    chrome.key(Key::Enter).await;
    chrome.says(OPEN, "Reject web #7").await;
    chrome.key(Key::Escape).await;
    chrome.gone(OPEN).await;
    chrome.is_in_order("at the end").await;
    chrome.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_asks_first() {
    let url = start().await;
    let confirm = json!({
        "title": plain("Roll back web?"), "text": plain("web #7 goes back to web #6"), "confirm": plain("Roll back"),
        "deny": plain("Keep"),
    });
    let button = json!({ "type": "button", "action_id": "back", "text": plain("Roll back"), "confirm": confirm });
    let message =
        json!({ "channel": "C0DEPLOYS1", "text": "web", "blocks": [{ "type": "actions", "elements": [button] }] });
    App { slack: url.clone() }.call("chat.postMessage", &message).await;
    let Some(chrome) = Chrome::open(&url).await else { return };
    for refuse in [Some("[data-deny]"), None] {
        chrome.click("#list button[data-action=back]").await;
        chrome.says("dialog.confirm[open]", "web #7 goes back to web #6").await;
        assert_eq!(chrome.ask(FOCUS).await, "BUTTON");
        match refuse {
            Some(button) => chrome.click(&format!("dialog[open] {button}")).await,
            None => chrome.key(Key::Escape).await,
        }
        chrome.gone("dialog[open]").await;
    }
    // What has the focus keeps it while other messages come and go.
    chrome.ask("document.querySelector('#list button[data-action=back]').focus();").await;
    App { slack: url.clone() }
        .call("chat.postMessage", &json!({ "channel": "C0DEPLOYS1", "text": "in between" }))
        .await;
    chrome.says("article.message", "in between").await;
    assert_eq!(chrome.ask("return document.activeElement.dataset.action;").await, "back");
    chrome.key(Key::Enter).await;
    chrome.says("dialog.confirm[open]", "web #7 goes back to web #6").await;
    chrome.picture("6-question", "dialog[open]", "p").await;
    chrome.click("dialog[open] [data-confirm]").await;
    chrome.says("article.message", "it went back").await;
    assert_eq!(chrome.count("article.message").await, 3, "the two refusals did nothing");
    chrome.is_in_order("a question").await;
    chrome.quit().await;
}

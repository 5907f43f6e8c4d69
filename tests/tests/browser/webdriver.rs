//! What the tests need of WebDriver: a session, scripts, clicks, keys, screenshots and the console.
//!
//! Source: <https://www.w3.org/TR/webdriver2/>; the console's log is chromedriver's own command. The crates for it would have changed the
//! programs under test (`serde_json`'s order of members), or brought second versions of half of what they are made of.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use local_protocol::http;
use serde_json::{Value, json};

/// The member of an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session of a browser.
pub struct Session {
    url: String,
}

/// Why a command was not done: what the driver says.
#[derive(Debug)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that is no letter.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Enter,
    Escape,
}

impl Key {
    /// Source: <https://www.w3.org/TR/webdriver2/#keyboard-actions>.
    fn code(self) -> &'static str {
        match self {
            Self::Enter => "\u{e007}",
            Self::Escape => "\u{e00c}",
        }
    }
}

/// A line of the console.
#[derive(Debug)]
pub struct Entry {
    pub level: String,
    pub message: String,
}

impl Session {
    /// Asks a driver for a session with these capabilities.
    pub async fn start(driver: &str, capabilities: &Value) -> Result<Self, Failed> {
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let made = sent(http().post(format!("{driver}/session")).body(body.to_string())).await?;
        let id = made["sessionId"].as_str().ok_or_else(|| Failed(format!("no session: {made}")))?;
        Ok(Self { url: format!("{driver}/session/{id}") })
    }

    /// Opens a page.
    pub async fn goto(&self, url: &str) -> Result<(), Failed> {
        self.post("url", &json!({ "url": url })).await.map(drop)
    }

    /// Runs a script as a function's body; what it returns.
    pub async fn execute(&self, script: &str) -> Result<Value, Failed> {
        self.post("execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Clicks the first element of a CSS selector, where a person would hit it.
    pub async fn click(&self, selector: &str) -> Result<(), Failed> {
        let found = self.post("element", &json!({ "using": "css selector", "value": selector })).await?;
        self.post(&format!("element/{}/click", reference(&found)?), &json!({})).await.map(drop)
    }

    /// Types a text into the element that has the focus.
    pub async fn keys(&self, text: &str) -> Result<(), Failed> {
        let focused = sent(http().get(format!("{}/element/active", self.url))).await?;
        self.post(&format!("element/{}/value", reference(&focused)?), &json!({ "text": text })).await.map(drop)
    }

    /// Presses a key, wherever the focus is.
    pub async fn key(&self, key: Key) -> Result<(), Failed> {
        let press = |kind: &str| json!({ "type": kind, "value": key.code() });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": [press("keyDown"), press("keyUp")] });
        self.post("actions", &json!({ "actions": [keyboard] })).await.map(drop)
    }

    /// What is seen now, as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>, Failed> {
        let picture = sent(http().get(format!("{}/screenshot", self.url))).await?;
        let picture = picture.as_str().ok_or_else(|| Failed("no picture".to_owned()))?;
        STANDARD.decode(picture).map_err(|error| Failed(error.to_string()))
    }

    /// What the console has since the last look.
    pub async fn console(&self) -> Result<Vec<Entry>, Failed> {
        let log = self.post("se/log", &json!({ "type": "browser" })).await?;
        let entries = log.as_array().ok_or_else(|| Failed(format!("no log: {log}")))?;
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        Ok(entries.iter().map(|entry| Entry { level: text(entry, "level"), message: text(entry, "message") }).collect())
    }

    /// The window's size, in pixels.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Failed> {
        self.post("window/rect", &json!({ "x": 0, "y": 0, "width": width, "height": height })).await.map(drop)
    }

    /// Ends the session, and the browser with it.
    pub async fn quit(&self) -> Result<(), Failed> {
        sent(http().delete(&self.url)).await.map(drop)
    }

    async fn post(&self, command: &str, body: &Value) -> Result<Value, Failed> {
        sent(http().post(format!("{}/{command}", self.url)).body(body.to_string())).await
    }
}

fn reference(element: &Value) -> Result<&str, Failed> {
    element[ELEMENT].as_str().ok_or_else(|| Failed(format!("no element: {element}")))
}

async fn sent(request: reqwest::RequestBuilder) -> Result<Value, Failed> {
    let answer = request.header("content-type", "application/json").send().await;
    let answer = answer.map_err(|error| Failed(error.to_string()))?;
    let is_done = answer.status().is_success();
    let text = answer.text().await.map_err(|error| Failed(error.to_string()))?;
    let mut body: Value = serde_json::from_str(&text).map_err(|error| Failed(error.to_string()))?;
    let value = body["value"].take();
    if is_done { Ok(value) } else { Err(Failed(format!("{}: {}", value["error"], value["message"]))) }
}

//! The inbox page, its live updates, and the messages as JSON.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    Message, Slack, dialog,
    draw::{Directory, STYLE, draw},
    settings::Channel,
    views::Modal,
};

/// How long a page waits for a change before it asks again.
const WAIT: Duration = Duration::from_secs(25);

/// The page needs nothing from elsewhere, and a script that slipped into the markup would not run: ours is a file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's routes.
pub fn routes() -> Router<Arc<Slack>> {
    Router::new()
        .route("/", get(page))
        .route("/changes", get(changes))
        .route("/inbox.js", get(script))
        .route("/messages.json", get(messages))
}

#[derive(Debug, Deserialize)]
struct Asked {
    channel: Option<String>,
    after: Option<u64>,
}

async fn page(State(slack): State<Arc<Slack>>, Query(asked): Query<Asked>) -> impl IntoResponse {
    let view = View::new(&slack, asked.channel.as_deref());
    let policy = HeaderValue::from_static(POLICY);
    ([(HeaderName::from_static("content-security-policy"), policy)], view.page(&slack.settings.team))
}

/// Waits until something is newer than `after`, and gives the parts of the page that change.
async fn changes(State(slack): State<Arc<Slack>>, Query(asked): Query<Asked>) -> Markup {
    let mut changes = slack.changes.subscribe();
    let _ = timeout(WAIT, changes.wait_for(|version| Some(*version) > asked.after)).await;
    let view = View::new(&slack, asked.channel.as_deref());
    html! { (view.channels()) (view.list()) (view.modals()) }
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("inbox.js"))
}

async fn messages(State(slack): State<Arc<Slack>>) -> Json<Vec<Message>> {
    Json(slack.messages())
}

/// What the page shows at one moment.
struct View {
    version: u64,
    channels: Vec<Channel>,
    /// The chosen channel's id.
    channel: String,
    messages: Vec<Message>,
    /// The modal that each user sees.
    modals: Vec<Modal>,
    directory: Directory,
    /// Who can press and type: id and name.
    people: Vec<(String, String)>,
}

impl View {
    /// The channel asked for, or else the one with the newest message, or else the first.
    fn new(slack: &Slack, asked: Option<&str>) -> Self {
        let version = *slack.changes.borrow();
        let directory = slack.directory();
        let state = slack.state();
        let channels = state.channels.clone();
        let messages: Vec<_> = state.messages.iter().filter(|message| !message.deleted).cloned().collect();
        let modals = slack.settings.users.iter().filter_map(|user| state.top(&user.id).cloned()).collect();
        drop(state);
        let known = |id: &&str| channels.iter().any(|channel| channel.id == *id);
        let newest = messages.last().map(|message| message.channel.as_str());
        let first = channels.first().map(|channel| channel.id.as_str());
        let channel = asked.filter(known).or(newest).or(first).unwrap_or_default().to_owned();
        let users = slack.settings.users.iter().filter(|_| directory.pressable);
        let people = users.map(|user| (user.id.clone(), user.name.clone())).collect();
        Self { version, channels, channel, messages, modals, directory, people }
    }

    fn page(&self, team: &str) -> Markup {
        let name = self.directory.channels.get(&self.channel).map(String::as_str).unwrap_or_default();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { (sign(name)) " – inbox" }
                    style { (PreEscaped(STYLE)) (PreEscaped(include_str!("inbox.css"))) }
                }
                body {
                    nav { h1 { (team) } h2 { "Channels" } (self.channels()) }
                    main {
                        header { (sign(name)) small { span #state role="status" {} (self.presser()) } }
                        (self.list())
                        (self.composer())
                    }
                    (self.modals())
                    script src="/inbox.js" {}
                }
            }
        }
    }

    fn channels(&self) -> Markup {
        html! {
            div #channels {
                @for channel in &self.channels {
                    @let count = self.messages.iter().filter(|message| message.channel == channel.id).count();
                    a href=(format!("/?channel={}", channel.id)) aria-current=[(channel.id == self.channel).then_some("page")] {
                        span { (sign(&channel.name)) }
                        @if count > 0 { span.count { (count) } }
                    }
                }
            }
        }
    }

    /// Where a slash command is typed.
    fn composer(&self) -> Markup {
        html! {
            @if !self.people.is_empty() {
                form #composer {
                    label for="command" { "Slash command" }
                    input #command type="text" placeholder="/deploy help" autocomplete="off" spellcheck="false" maxlength="4000";
                    button type="submit" { "Send" }
                }
            }
        }
    }

    fn modals(&self) -> Markup {
        html! { div #modals { @for modal in &self.modals { (dialog::modal(modal, &self.directory)) } } }
    }

    /// The choice of who acts.
    fn presser(&self) -> Markup {
        html! {
            @if !self.people.is_empty() {
                label {
                    " act as "
                    select #as {
                        @for (id, name) in &self.people { option value=(id) { (name) } }
                    }
                }
            }
        }
    }

    fn list(&self) -> Markup {
        let here = || self.messages.iter().filter(|message| message.channel == self.channel);
        html! {
            div #list data-channel=(self.channel) data-version=(self.version) role="log" {
                @if here().next().is_none() { p.empty { "No messages yet. They appear here as they are posted." } }
                @for message in here().filter(|message| message.is_top_level()) {
                    (draw(message, &self.directory))
                    (self.thread(message))
                }
            }
        }
    }

    fn thread(&self, root: &Message) -> Markup {
        let reply = |m: &&Message| m.channel == root.channel && m.thread_ts.as_deref() == Some(&root.ts);
        let replies: Vec<_> = self.messages.iter().filter(reply).collect();
        html! {
            @if !replies.is_empty() {
                section.thread id=(format!("{}-{}-thread", root.channel, root.ts)) {
                    div.count { (replies.len()) @if replies.len() == 1 { " reply" } @else { " replies" } }
                    @for reply in replies { (draw(reply, &self.directory)) }
                }
            }
        }
    }
}

/// `#deploys`, or `@ada` for direct messages.
fn sign(name: &str) -> String {
    if name.starts_with('@') { name.to_owned() } else { format!("#{name}") }
}

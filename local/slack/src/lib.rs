//! A stand-in for Slack's Web API, strict about what Slack is strict about, and an inbox page that shows each message as Slack
//! would draw it.
//!
//! Behaviour follows <https://docs.slack.dev/apis/web-api>, the reference of each method below
//! <https://docs.slack.dev/reference/methods>, and <https://docs.slack.dev/reference/block-kit>. It was never compared with Slack
//! itself. Where the documentation is silent, the stand-in is the stricter: an unknown `thread_ts` is an error, as is a reply
//! to a reply. Of the blocks it knows those that it can draw: section, header, context, divider, actions, image, markdown, and
//! input in modals; of the elements buttons, static selects, overflow menus, images and text inputs. Every other type is refused
//! as `invalid_blocks`. Scopes are not played: the token may call every method.
//!
//! People press buttons of messages ([`Slack::press`]), type slash commands ([`Slack::command`]), and submit or close modals
//! ([`Slack::submit`], [`Slack::close`]): in tests by these methods, in the page by hand. The app is sent what Slack would send, signed.
//! Selects and menus of messages, buttons within modals, shortcuts, the App Home and events are not played.

mod answer;
mod api;
mod blocks;
mod chat;
mod clicks;
mod command;
mod conversations;
mod date;
mod dialog;
mod draw;
mod elements;
mod emoji;
mod fault;
mod inbox;
mod incoming;
mod message;
mod modal;
mod mrkdwn;
mod people;
mod post;
mod press;
mod request;
mod respond;
mod send;
mod settings;
mod state;
mod views;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::sync::watch;

pub use draw::{Directory, STYLE, draw};
pub use emoji::emoji;
pub use fault::Fault;
pub use incoming::INCOMING;
pub use message::{Message, Reaction, Version};
pub use modal::NotSubmitted;
pub use mrkdwn::mrkdwn;
pub use press::NotPressed;
pub use send::{Reply, Sent};
pub use settings::{Channel, Group, Interactions, RateLimit, Settings, User};
use state::State;

/// The app's id.
pub(crate) const APP: &str = "A0LONGSHORE";
/// The bot's id.
pub(crate) const BOT: &str = "B0LONGSHORE";
/// The bot's user id.
pub(crate) const BOT_USER: &str = "U0LONGSHORE";
/// The workspace's id.
pub(crate) const TEAM: &str = "T0LOCAL001";

/// The workspace.
#[derive(Debug)]
pub struct Slack {
    settings: Settings,
    state: Mutex<State>,
    /// Counts the changes of messages and views.
    changes: watch::Sender<u64>,
}

impl Slack {
    /// An empty workspace.
    pub fn new(settings: Settings) -> Arc<Self> {
        let state = Mutex::new(State::new(&settings));
        Arc::new(Self { settings, state, changes: watch::Sender::new(0) })
    }

    /// `POST /api/{method}`, the inbox page at `GET /`, its live updates and what is done in it, `GET /messages.json`, and what is said at
    /// a `response_url`.
    pub fn router(self: &Arc<Self>) -> Router {
        api::routes()
            .merge(inbox::routes())
            .merge(clicks::routes())
            .merge(incoming::routes())
            .merge(respond::routes())
            .with_state(Arc::clone(self))
    }

    /// Every message in order of posting, those deleted and those for one user included.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// Every call meets this fault, until another is set or it is cleared with `None`.
    pub fn fail_with(&self, fault: Option<Fault>) {
        self.state().fault = fault.map(|fault| (fault, None));
    }

    /// The next `calls` calls meet this fault.
    pub fn fail_next(&self, calls: u32, fault: Fault) {
        self.state().fault = (calls > 0).then_some((fault, Some(calls)));
    }

    /// Posts as a person, which `chat.update` and `chat.delete` then refuse to touch. Gives the message's `ts`.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> String {
        let mut state = self.state();
        let ts = state.ts();
        state.messages.push(Message {
            user: user.into(),
            by_app: false,
            text: text.into(),
            ..post::blank(channel, &ts)
        });
        drop(state);
        self.touch();
        ts
    }

    /// Waits for the next change after this call.
    pub async fn changed(&self) {
        let _ = self.changes.subscribe().changed().await;
    }

    /// Waits until the messages satisfy a condition, and gives what it made of them. Looks at once, and after each change.
    pub async fn until<T>(&self, mut condition: impl FnMut(&[Message]) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(found) = condition(&self.messages()) {
                return found;
            }
            let _ = changes.changed().await;
        }
    }

    /// What the renderer needs to know of the workspace.
    pub fn directory(&self) -> Directory {
        let pressable = self.settings.interactions.is_some();
        let mut directory = Directory { app_name: self.settings.app_name.clone(), pressable, ..Directory::default() };
        let users = self.settings.users.iter();
        directory.users.extend(users.map(|user| (user.id.clone(), user.name.clone())));
        directory.users.insert(BOT_USER.into(), self.settings.app_name.clone());
        let groups = self.settings.groups.iter();
        directory.groups.extend(groups.map(|group| (group.id.clone(), group.handle.clone())));
        let state = self.state();
        directory.channels.extend(state.channels.iter().map(|channel| (channel.id.clone(), channel.name.clone())));
        directory
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that something changed.
    fn touch(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}

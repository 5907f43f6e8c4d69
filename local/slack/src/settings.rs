//! The workspace that the stand-in plays: who may call, which channels and people there are.

use std::time::Duration;

/// What the stand-in knows from the start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one token that is accepted.
    pub bot_token: String,
    /// The app's display name.
    pub app_name: String,
    /// The workspace's name.
    pub team: String,
    /// The channels.
    pub channels: Vec<Channel>,
    /// The people.
    pub users: Vec<User>,
    /// The user groups.
    pub groups: Vec<Group>,
    /// Off unless set. Slack allows about one message a second per channel, with short bursts.
    /// Source: <https://docs.slack.dev/apis/web-api/rate-limits>.
    pub rate_limit: Option<RateLimit>,
    /// For how long after posting a message can be edited; without end unless set.
    pub edit_window: Option<Duration>,
    /// Where clicks go; without, buttons are only drawn.
    pub interactions: Option<Interactions>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot_token: "xoxb-local".into(),
            app_name: "Longshore".into(),
            team: "Local".into(),
            channels: vec![Channel::new("C0DEPLOYS1", "deploys"), Channel::new("C0GENERAL1", "general")],
            users: vec![User::new("U0DEVELOPER", "developer", "developer@example.com")],
            groups: Vec::new(),
            rate_limit: None,
            edit_window: None,
            interactions: None,
        }
    }
}

/// Where the stand-in sends what people press, type and submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interactions {
    /// The app's request URL, for example `http://127.0.0.1:8080/slack/interactions`.
    pub url: String,
    /// Where slash commands go, for example `http://127.0.0.1:8080/slack/commands`.
    pub commands: String,
    /// The app's signing secret.
    pub signing_secret: String,
    /// Where the stand-in itself answers, without a slash at its end: `response_url`s begin with it.
    pub own: String,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// `C…`.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Whether only members see it: a bot that is none is told that it does not exist.
    pub private: bool,
    /// Whether the bot is a member. It must be, to post: the scope `chat:write.public` is not played.
    pub member: bool,
    /// Whether it is closed to new messages.
    pub archived: bool,
}

impl Channel {
    /// A public channel that the bot is a member of.
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.into(), name: name.into(), private: false, member: true, archived: false }
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `U…`.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The address of `users.lookupByEmail`.
    pub email: String,
}

impl User {
    /// A person.
    pub fn new(id: &str, name: &str, email: &str) -> Self {
        Self { id: id.into(), name: name.into(), email: email.into() }
    }
}

/// A user group, mentioned as `<!subteam^S…>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `S…`.
    pub id: String,
    /// Without `@`.
    pub handle: String,
    /// The ids of its members.
    pub users: Vec<String>,
}

/// A bucket per channel: `burst` messages at once, then one each `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages at once.
    pub burst: u32,
    /// The time in which one more is allowed.
    pub interval: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { burst: 5, interval: Duration::from_secs(1) }
    }
}

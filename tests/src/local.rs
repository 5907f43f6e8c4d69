//! A running stack as a test sees it: what it waits for, and what it sends.

use std::path::{Path, PathBuf};

use local_slack::Message;
use longshore_core::release::{Release, ReleaseId};
use longshore_local::{Repository, Stack, hook};

use crate::{eventually, within};

/// The stack of a test.
pub struct Local {
    /// The stack itself.
    pub stack: Stack,
    /// The test's own directory, which goes with it.
    pub directory: PathBuf,
}

impl Local {
    pub(crate) fn new(stack: Stack, directory: &Path) -> Self {
        Self { stack, directory: directory.to_owned() }
    }

    /// The repository of the one pipeline.
    ///
    /// # Panics
    ///
    /// When the configuration has no pipeline.
    pub fn repository(&self) -> &Repository {
        self.stack.repositories.values().next().expect("a repository")
    }

    /// The record of a release once it ended.
    pub async fn ended(&self, id: &ReleaseId) -> Release {
        let look = async || self.stack.release(id).await.ok().filter(|release| release.state.is_end());
        eventually("the release ends", look).await
    }

    /// The record of a release once its build ended too, when nothing more will be heard of it.
    pub async fn closed(&self, id: &ReleaseId) -> Release {
        let look = async || self.stack.release(id).await.ok().filter(Release::is_closed);
        eventually("the release is closed", look).await
    }

    /// Waits until the release's one message says `words`, and its thread has `replies` replies at least; the message.
    pub async fn message(&self, id: &ReleaseId, words: &str, replies: usize) -> Message {
        let found = self.stack.slack.until(|messages| {
            let message = messages.iter().find(|message| is_of(message, id) && message.text.contains(words))?;
            let count = messages.iter().filter(|reply| reply.thread_ts.as_deref() == Some(&message.ts)).count();
            (count >= replies).then(|| message.clone())
        });
        within(&format!("a message of {id} says {words:?} and has {replies} replies"), found).await
    }

    /// The messages in the channel itself.
    pub fn messages(&self) -> Vec<Message> {
        self.stack.slack.messages().into_iter().filter(Message::is_top_level).collect()
    }

    /// The texts of a message's thread, in order.
    pub fn thread(&self, message: &Message) -> Vec<String> {
        let messages = self.stack.slack.messages().into_iter();
        messages.filter(|reply| reply.thread_ts.as_ref() == Some(&message.ts)).map(|reply| reply.text).collect()
    }

    /// A delivery of a push of `after` to main, as GitHub would send it, under this id.
    ///
    /// # Panics
    ///
    /// When the commit is not in the repository.
    pub fn delivery(&self, id: &str, after: &str) -> hook::Delivery {
        let payload = hook::payload(&self.hook(), &self.repository().path, &"0".repeat(40), after, "refs/heads/main");
        let body = payload.expect("a payload").to_string();
        hook::Delivery { id: id.to_owned(), event: "push".to_owned(), body }
    }

    /// Sends a delivery, signed; the status and the body of the answer.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn send(&self, delivery: &hook::Delivery) -> (u16, String) {
        hook::send(&self.hook(), delivery).await.expect("an answer")
    }

    /// What a webhook needs to know.
    pub fn hook(&self) -> hook::Settings {
        hook::Settings {
            url: format!("{}/webhooks/github", self.stack.url),
            repository: self.repository().name.clone(),
            secret: self.stack.secret.clone(),
        }
    }

    /// Ticks a function once, and waits until it and everything that it caused is done.
    ///
    /// # Panics
    ///
    /// When there is no such function.
    pub async fn tick(&self, function: &str) {
        self.stack.schedules.tick_once(function).await.expect("a schedule");
        within("the functions are idle", self.stack.host.idle()).await;
    }
}

/// Whether this is the release's own message: its footer names it.
fn is_of(message: &Message, id: &ReleaseId) -> bool {
    message.is_top_level() && message.attachments.iter().any(|attachment| attachment.to_string().contains(id.as_str()))
}

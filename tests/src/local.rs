//! A running stack as a test sees it: what it waits for, and what it sends.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use local_slack::Message;
use longshore_core::{
    push::Source,
    release::{Release, ReleaseId},
    webhook::{self, Headers},
};
use longshore_local::{Repository, Stack, Whereabouts, hook};
use serde_json::{Value, json};

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

    /// Waits until the release's one message has `words` among what it shows below its headline.
    pub async fn shown(&self, id: &ReleaseId, words: &str) -> Message {
        let found = self.stack.slack.until(|messages| {
            let shows = |message: &&Message| is_of(message, id) && blocks(message).contains(words);
            messages.iter().find(shows).cloned()
        });
        within(&format!("a message of {id} shows {words:?}"), found).await
    }

    /// Waits until a service of the cluster `production` has one deployment, and that is completed.
    pub async fn settled(&self, service: &str) {
        let wanted = json!({ "cluster": "production", "services": [service] });
        let look = async || {
            let deployments = self.ecs("DescribeServices", &wanted).await["services"][0]["deployments"].clone();
            let only = deployments.as_array().is_some_and(|list| list.len() == 1);
            (only && deployments[0]["rolloutState"] == "COMPLETED").then_some(())
        };
        eventually(&format!("{service} is settled"), look).await;
    }

    /// Somebody presses a button of a message in the inbox.
    ///
    /// # Panics
    ///
    /// When Longshore does not take it.
    pub async fn press(&self, user: &str, message: &Message, action: &str) {
        assert_eq!(self.stack.slack.press(user, &message.ts, action).await, Ok(200), "{user} presses {action}");
    }

    /// Waits until Slack told somebody something privately that has these words.
    pub async fn told(&self, user: &str, words: &str) {
        let told = self.stack.slack.until(|messages| {
            let private =
                |message: &&Message| message.only_for.as_deref() == Some(user) && message.text.contains(words);
            messages.iter().find(private).map(drop)
        });
        within(&format!("{user} is told {words:?}"), told).await;
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

    /// Sends deliveries, all at once; their answers, in the deliveries' order.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn send_at_once(&self, deliveries: Vec<hook::Delivery>) -> Vec<(u16, String)> {
        let send = |delivery: hook::Delivery| {
            let settings = self.hook();
            tokio::spawn(async move { hook::send(&settings, &delivery).await.expect("an answer") })
        };
        let under_way: Vec<_> = deliveries.into_iter().map(send).collect();
        let mut answers = Vec::new();
        for answer in under_way {
            answers.push(answer.await.expect("an answer"));
        }
        answers
    }

    /// Gives every pipeline's project a buildspec of its own with these commands, and no source.
    pub async fn script(&self, commands: &[&str]) {
        let spec = json!({ "version": 0.2, "phases": { "build": { "commands": commands } } }).to_string();
        let source = json!({ "type": "NO_SOURCE", "buildspec": format!("{spec}\n") });
        for pipeline in self.stack.config.pipelines() {
            self.codebuild("UpdateProject", &json!({ "name": pipeline.project, "source": source })).await;
        }
    }

    /// The records of all releases once none of them will be heard of again.
    pub async fn all_closed(&self) -> Vec<Release> {
        let look = async || Some(self.records().await).filter(|records| records.iter().all(Release::is_closed));
        eventually("all releases are closed", look).await
    }

    /// As [`Local::all_closed`], with ticks of `trigger` meanwhile.
    pub async fn all_closed_by_ticks(&self) -> Vec<Release> {
        let look = async || {
            self.tick("Trigger").await;
            Some(self.records().await).filter(|records| records.iter().all(Release::is_closed))
        };
        eventually("ticks close all releases", look).await
    }

    /// Changes the secret in Secrets Manager.
    ///
    /// # Panics
    ///
    /// When the stack has no secret, or Secrets Manager refuses.
    pub async fn change_secret(&self, change: impl FnOnce(&mut Value)) {
        let whereabouts = Whereabouts::read(&self.directory.join("stack")).expect("a running stack");
        let id = whereabouts.secret.expect("a secret");
        let call = async |action: &str, input: Value| {
            let answer = self.stack.aws.call("secretsmanager", &format!("secretsmanager.{action}"), &input).await;
            answer.expect("an answer of Secrets Manager")
        };
        // By its label, as the functions read it: without one moto gives the version that was put last as current.
        let read = call("GetSecretValue", json!({ "SecretId": id, "VersionStage": "AWSCURRENT" })).await;
        let mut value = serde_json::from_str(read["SecretString"].as_str().expect("a text")).expect("JSON");
        change(&mut value);
        call("PutSecretValue", json!({ "SecretId": id, "SecretString": value.to_string() })).await;
    }

    /// Posts a body as a source would, signed with a secret; the status and the body of the answer.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn post(&self, source: Source, event: &str, id: &str, body: &str, secret: &str) -> (u16, String) {
        let headers = webhook::sign(source, event, id, "application/json", body.as_bytes(), secret, Timestamp::now());
        self.request(source, &headers, body).await
    }

    /// Posts a body to the route of a source with these headers; the status and the body of the answer.
    ///
    /// # Panics
    ///
    /// When nobody answers.
    pub async fn request(&self, source: Source, headers: &Headers, body: &str) -> (u16, String) {
        let request = local_protocol::http().post(format!("{}/webhooks/{}", self.stack.url, source.word()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.body(body.to_owned()).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
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

/// What the message's blocks say, line by line.
fn blocks(message: &Message) -> String {
    let blocks = message.attachments.iter().filter_map(|attachment| attachment["blocks"].as_array()).flatten();
    let texts = blocks.filter_map(|block| block["text"]["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// Whether this is the release's own message: its footer names it.
fn is_of(message: &Message, id: &ReleaseId) -> bool {
    message.is_top_level() && message.attachments.iter().any(|attachment| attachment.to_string().contains(id.as_str()))
}

//! Slack: the token, its scopes, the channels and the groups.

use std::collections::BTreeSet;

use longshore_core::config::{Approver, Config};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    World,
    finding::{Code, Finding},
    secret::{groups, unread},
};
use crate::init::{
    SCOPES,
    hooks::{client, json_of, unreached},
};

const SUBJECT: &str = "slack";
/// Where Slack's API is unless the stack says otherwise.
const API: &str = "https://slack.com/api";
/// How many pages of channels are read, of 1000 each.
const PAGES: usize = 20;

/// Slack's methods, with a token.
struct Slack {
    client: Client,
    api: String,
    token: SecretString,
}

/// What a method said no with, or what happened on the way.
type Answer<T> = Result<T, String>;

/// Looks at Slack, where there is a bot.
pub async fn look(world: &World) -> Vec<Finding> {
    let Some(secrets) = &world.secret else {
        // Whether there is a bot is not known; without a channel there is nothing for it to do.
        return if channels(&world.config).is_empty() { Vec::new() } else { vec![unread(SUBJECT)] };
    };
    let Some(token) = secrets.slack_bot_token.clone() else { return Vec::new() };
    let api = world.stack.as_ref().and_then(|stack| stack.parameter("SlackApi")).unwrap_or(API).trim_end_matches('/');
    let Ok(client) = client() else { return Vec::new() };
    let slack = Slack { client, api: api.to_owned(), token };
    let granted = match slack.scopes().await {
        Ok(granted) => granted,
        Err(why)
            if ["invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed"]
                .contains(&why.as_str()) =>
        {
            return vec![Finding::wrong(
                Code::SlackToken,
                SUBJECT,
                format!("refuses the `slack_bot_token` of the secret: {why}"),
                "install the app in the workspace again, and put its bot token (xoxb-…) into the secret",
            )];
        }
        Err(why) => {
            return vec![Finding::unlooked(SUBJECT, format!("cannot be asked: {why}"), "look again in a moment")];
        }
    };
    let mut findings = scopes(&world.config, &granted);
    let channels = channels(&world.config);
    match slack.channels(&channels).await {
        Ok(found) => findings
            .extend(channels.iter().filter_map(|name| channel(name, found.iter().find(|one| is(name, one)), &granted))),
        Err(why) => findings.push(Finding::unlooked(
            SUBJECT,
            format!("does not list its channels: {why}"),
            "add the scope channels:read to the app, and groups:read for private channels",
        )),
    }
    let named = groups(&world.config);
    if !named.is_empty() && granted.contains("usergroups:read") {
        match slack.call("usergroups.list", &[]).await {
            Ok(answer) => findings.extend(named.iter().filter_map(|group| self::group(group, &answer.1))),
            Err(why) => findings.push(Finding::unlooked(
                SUBJECT,
                format!("does not list its groups: {why}"),
                "look again in a moment",
            )),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine(
            SUBJECT,
            format!(
                "takes the token, with the scopes that are needed; the bot is in {}",
                channels.into_iter().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    findings
}

/// All channels of longshore.toml.
fn channels(config: &Config) -> BTreeSet<String> {
    let pipelines = config.pipelines();
    let of_pipelines = pipelines.iter().filter_map(|pipeline| pipeline.channel.clone());
    let of_environments =
        pipelines.iter().flat_map(|pipeline| &pipeline.environments).filter_map(|one| one.plan.channel.clone());
    // That of [slack] is of use where a pipeline has none.
    let common = config.slack.iter().filter(|_| pipelines.iter().any(|pipeline| pipeline.channel.is_none()));
    of_pipelines.chain(of_environments).chain(common.map(|slack| slack.channel.clone())).collect()
}

fn scopes(config: &Config, granted: &BTreeSet<String>) -> Vec<Finding> {
    let groups = !groups(config).is_empty();
    let approvals = || {
        config
            .pipelines()
            .iter()
            .flat_map(|pipeline| &pipeline.environments)
            .filter_map(|one| one.plan.approval.as_ref())
    };
    let not_author = approvals().any(|approval| approval.not_author);
    let missing = SCOPES.iter().filter(|(scope, _)| !granted.contains(*scope));
    missing
        .map(|(scope, what)| {
            let wrong = match *scope {
                "chat:write" => true,
                "usergroups:read" => groups,
                "users:read" | "users:read.email" => not_author,
                _ => false,
            };
            let message = format!("did not grant the scope {scope}, which is for {what}");
            let cure = format!("add {scope} under OAuth & Permissions (or take slack-app.json of `longshore init`), and install the app again");
            if wrong {
                Finding::wrong(Code::SlackScope, SUBJECT, message, cure)
            } else {
                Finding::advice(Code::SlackScope, SUBJECT, message, cure)
            }
        })
        .collect()
}

/// Whether this is the channel of that name or id.
fn is(name: &str, channel: &Value) -> bool {
    name.strip_prefix('#').map_or_else(|| channel["id"] == name, |name| channel["name"] == name)
}

fn channel(name: &str, found: Option<&Value>, granted: &BTreeSet<String>) -> Option<Finding> {
    let subject = format!("channel {name}");
    let Some(found) = found else {
        return Some(Finding::wrong(
            Code::SlackChannel,
            subject,
            "is not there, or is private and the bot is not in it: no message appears",
            "make it, or write another into longshore.toml; and invite the bot: /invite @<its name>",
        ));
    };
    if found["is_archived"] == true {
        return Some(Finding::wrong(
            Code::SlackChannel,
            subject,
            "is archived: no message appears",
            "unarchive it, or write another into longshore.toml",
        ));
    }
    let may_post_anyway = granted.contains("chat:write.public") && found["is_private"] != true;
    (found["is_member"] != true && !may_post_anyway).then(|| {
        Finding::wrong(
            Code::SlackChannel,
            subject,
            "does not have the bot in it: no message appears",
            "invite it: /invite @<its name>",
        )
    })
}

fn group(group: &Approver, answer: &Value) -> Option<Finding> {
    let mut there = answer["usergroups"].as_array().into_iter().flatten();
    let (name, known) = match group {
        Approver::Group(handle) => (format!("@{handle}"), there.any(|one| one["handle"] == handle.as_str())),
        Approver::GroupId(id) => (id.clone(), there.any(|one| one["id"] == id.as_str())),
        Approver::User(_) | Approver::Caller(_) => return None,
    };
    (!known).then(|| {
        Finding::wrong(
            Code::SlackGroup,
            format!("group {name}"),
            "is not in the workspace: nobody is in it, and nobody of it may approve or do anything",
            "make the user group, or write another into longshore.toml",
        )
    })
}

impl Slack {
    /// What the token was granted. Source: <https://docs.slack.dev/reference/methods/auth.test>, header `x-oauth-scopes`.
    async fn scopes(&self) -> Answer<BTreeSet<String>> {
        let (scopes, _) = self.call("auth.test", &[]).await?;
        Ok(scopes.split(',').map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect())
    }

    /// Those of these channels that the bot can see.
    async fn channels(&self, wanted: &BTreeSet<String>) -> Answer<Vec<Value>> {
        let mut found = Vec::new();
        for id in wanted.iter().filter(|name| !name.starts_with('#')) {
            match self.call("conversations.info", &[("channel", id)]).await {
                Ok((_, answer)) => found.push(answer["channel"].clone()),
                Err(why) if why == "channel_not_found" => {}
                Err(why) => return Err(why),
            }
        }
        let named: Vec<&String> = wanted.iter().filter(|name| name.starts_with('#')).collect();
        for types in ["public_channel", "private_channel"] {
            let mut cursor = String::new();
            for _ in 0..PAGES {
                if named.iter().all(|name| found.iter().any(|one| is(name, one))) {
                    return Ok(found);
                }
                let query = [("types", types), ("limit", "1000"), ("cursor", cursor.as_str())];
                let answer = match self.call("conversations.list", &query).await {
                    Ok((_, answer)) => answer,
                    // Those that it may see are enough where all are among them.
                    Err(why) if why == "missing_scope" && types == "private_channel" => return Ok(found),
                    Err(why) => return Err(why),
                };
                let listed = answer["channels"].as_array().into_iter().flatten();
                found.extend(listed.filter(|one| named.iter().any(|name| is(name, one))).cloned());
                answer["response_metadata"]["next_cursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
                if cursor.is_empty() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The scopes that came with the answer, and the answer; or Slack's word for what is wrong.
    async fn call(&self, method: &str, query: &[(&str, &str)]) -> Answer<(String, Value)> {
        let request =
            self.client.post(format!("{}/{method}", self.api)).bearer_auth(self.token.expose_secret()).form(query);
        let answer = request.send().await.map_err(|error| unreached(&error).to_owned())?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let scopes =
            answer.headers().get("x-oauth-scopes").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let answer = json_of(answer).await.map_err(str::to_owned)?;
        if answer["ok"] == true {
            Ok((scopes, answer))
        } else {
            Err(answer["error"].as_str().unwrap_or("no reason").to_owned())
        }
    }
}

#[cfg(test)]
mod tests;

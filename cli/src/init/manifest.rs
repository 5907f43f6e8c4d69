//! The Slack app, as a manifest.
//!
//! Its members and their limits: <https://docs.slack.dev/reference/app-manifest>.

use serde_json::{Value, json};

/// The scopes of the bot, each with what asks for it. `longshore doctor` looks whether they were granted.
pub const SCOPES: [(&str, &str); 9] = [
    ("chat:write", "the messages"),
    ("channels:read", "finding a public channel by its name"),
    ("channels:history", "finding a message again whose answer was lost, in a public channel"),
    ("groups:read", "finding a private channel by its name"),
    ("groups:history", "finding a message again whose answer was lost, in a private channel"),
    ("users:read", "who pressed a button, by name"),
    ("users:read.email", "whether they wrote the commit, and the author's name in Slack"),
    ("usergroups:read", "approvals and `allow` that name groups"),
    ("commands", "the slash command"),
];

/// The longest name of an app.
const NAME: usize = 35;

/// `--slack-name`
pub fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it is empty".to_owned()),
        length if length > NAME => Err(format!("it has {length} characters, and Slack takes {NAME}")),
        _ => Ok(text.to_owned()),
    }
}

/// `--slash-command`: lower case without spaces, as Slack takes it, at most 32 characters.
/// Source: <https://docs.slack.dev/interactivity/implementing-slash-commands>.
pub fn command(text: &str) -> Result<String, &'static str> {
    const WANTED: &str = "it has to be / and 1 to 31 lower-case letters, digits, - and _";
    let name = text.strip_prefix('/').ok_or(WANTED)?;
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    if (1..32).contains(&name.len()) && plain { Ok(text.to_owned()) } else { Err(WANTED) }
}

/// The manifest. Without a URL there are no buttons and no command: Slack takes neither without its address.
pub fn manifest(name: &str, command: &str, url: Option<&str>) -> anyhow::Result<String> {
    let scopes: Vec<&str> =
        SCOPES.iter().map(|(scope, _)| *scope).filter(|scope| url.is_some() || *scope != "commands").collect();
    let mut manifest = json!({
        "display_information": {
            "name": name,
            "description": "Keeps one message for each release, and takes what people decide.",
        },
        "features": { "bot_user": { "display_name": name, "always_online": true } },
        "oauth_config": { "scopes": { "bot": scopes } },
        "settings": {
            "interactivity": { "is_enabled": url.is_some() },
            "org_deploy_enabled": false,
            "socket_mode_enabled": false,
            "token_rotation_enabled": false,
        },
    });
    if let Some(url) = url {
        manifest["features"]["slash_commands"] = Value::from(vec![json!({
            "command": command,
            "url": format!("{url}/slack/commands"),
            "description": "Say how deployments stand, and do something about them",
            "usage_hint": "help | status | PIPELINE [BRANCH] [to ENV] | rollback PIPELINE ENV",
            "should_escape": false,
        })]);
        manifest["settings"]["interactivity"]["request_url"] = format!("{url}/slack/interactions").into();
    }
    Ok(serde_json::to_string_pretty(&manifest)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_commands_are_as_slack_takes_them() {
        assert_eq!(name(" Longshore "), Ok("Longshore".to_owned()));
        assert!(name("").is_err() && name(&"x".repeat(36)).is_err());
        for (text, good) in [("/deploy", true), ("deploy", false), ("/", false), ("/Deploy", false), ("/a b", false)] {
            assert_eq!(command(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn an_app_without_a_url_posts_and_takes_nothing() {
        let manifest = manifest("Longshore", "/deploy", None).expect("a manifest");
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["settings"]["interactivity"], json!({ "is_enabled": false }));
        assert_eq!(manifest["features"]["slash_commands"], Value::Null);
        let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().expect("scopes");
        assert!(scopes.contains(&json!("chat:write")) && !scopes.contains(&json!("commands")));
    }

    #[test]
    fn the_app_takes_buttons_and_the_command() {
        let manifest = manifest("Longshore", "/deploy", Some("https://x.example")).expect("a manifest");
        insta::assert_snapshot!(manifest);
    }
}

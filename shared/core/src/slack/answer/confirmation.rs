//! The question before what changes production, with what would change.

use serde_json::json;

use super::{Answer, Page, status::numbered};
use crate::{
    environment::{Environment, Live},
    message::{
        markup::{clip, code, date, escape, link},
        revision,
    },
    release::{Deployment, Release, Verdict},
    slack::{
        command::Wanted,
        confirm::{CONFIRM, DISMISS, Proposal},
    },
    text::list,
};

/// An environment that would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name.
    pub environment: String,
    /// Its record.
    pub record: Environment,
    /// The release that is live, where its record is there still.
    pub live: Option<Release>,
    /// The release that would be; `None`: one that is still to be built.
    pub to: Option<Release>,
}

/// Asks whether something is to be done; `None` where the answer would not fit in a button.
pub fn confirmation(changes: &[Change], proposal: &Proposal) -> Option<Answer> {
    let value = proposal.value()?;
    let mut page = Page::default();
    let name = escape(&proposal.pipeline);
    let environments = list(changes.iter().map(|change| escape(&change.environment)), "and");
    let (title, verb) = match &proposal.wanted {
        Wanted::RollBack { .. } => (format!("Take {environments} of {name} back?"), "Roll back"),
        Wanted::Start { what, .. } => {
            let what = what.as_deref().map_or("its own branch".to_owned(), code);
            (format!("Build {what} of {name}, and release it to {environments}?"), "Start")
        }
        Wanted::Promote { .. } => (format!("Take a release of {name} to {environments}?"), "Promote"),
        Wanted::Decide { .. } | Wanted::Cancel { .. } | Wanted::Lock { .. } | Wanted::Unlock { .. } => {
            (format!("Do that to {name}?"), "Do it")
        }
    };
    page.line(&format!("*{title}*"));
    let goes_back = matches!(proposal.wanted, Wanted::RollBack { .. });
    for change in changes {
        told(&mut page, change, goes_back);
    }
    let mut blocks = page.blocks();
    let button = |text: &str, action: &str, style: Option<&str>, value: &str| {
        let mut button = json!({
            "type": "button", "action_id": action, "value": value,
            "text": { "type": "plain_text", "text": text, "emoji": false },
        });
        if let Some(style) = style {
            button["style"] = style.into();
        }
        button
    };
    let style = if goes_back { "danger" } else { "primary" };
    let elements =
        [button(&format!("Confirm: {verb}"), CONFIRM, Some(style), &value), button("Cancel", DISMISS, None, "-")];
    blocks.push(json!({ "type": "actions", "elements": elements }));
    Some(Answer::new(&title, blocks))
}

fn told(page: &mut Page, change: &Change, goes_back: bool) {
    let Change { environment, record, live, to } = change;
    page.line(&format!("*{}*", escape(environment)));
    let current = record.live.first();
    match current {
        Some(known) => {
            let message = live.as_ref().map(|release| format!(" {}", described(release))).unwrap_or_default();
            page.line(&format!("   now {}{message}, live since {}", numbered(known, live.as_ref()), date(known.at)));
        }
        None => page.line("   now nothing that is known is live"),
    }
    let Some(to) = to else {
        page.line("   then the release that is built, once it is admitted");
        return;
    };
    let of = to.asked.as_ref().map(|asked| format!(" (of #{})", asked.number)).unwrap_or_default();
    let commit = link(to.commit.url.as_deref(), to.commit.short());
    page.line(&format!("   then *#{}*{of} {commit} {}", to.number, described(to)));
    let undone: Vec<String> = undone(record, to).map(|live| format!("#{}", live.number)).collect();
    if !undone.is_empty() {
        page.line(&format!("   undone: {}", list(undone, "and")));
    }
    let deployed = to.deployment_to(environment).ok().map(|(_, deployment)| deployment);
    let now = live.as_ref().and_then(|release| Some(release.deployment_to(environment).ok()?.1));
    for line in deployed.into_iter().flat_map(|then| ways(now, then)) {
        page.line(&format!("   {line}"));
    }
    let newer = record.newest.filter(|newest| current.is_none_or(|live| *newest > live.number) && *newest != to.number);
    if let Some(newer) = newer {
        page.line(&format!("   #{newer} came after what is live: where it is still on its way, it is superseded"));
    }
    if goes_back {
        page.line("   :lock: and is locked, until somebody unlocks it or takes a release there by name");
    }
}

/// `Say hello by Ada`
fn described(release: &Release) -> String {
    let (message, author) = (clip(&release.commit.message, 80), clip(&release.commit.author, 60));
    if author.is_empty() { message } else { format!("{message} by {author}") }
}

/// What was live after the release that it goes back to.
fn undone<'a>(record: &'a Environment, to: &Release) -> impl Iterator<Item = &'a Live> {
    let to = to.asked.as_ref().map_or(to.number, |asked| asked.number);
    record.live.iter().filter(move |live| live.of.is_none() && live.number > to)
}

/// Each service with the revision that it runs with what is live, and the one that it gets.
fn ways(now: Option<&Deployment>, then: &Deployment) -> Vec<String> {
    let was_live = then.verdict == Some(Verdict::Live);
    let of = |name: &str| {
        let service = now?.services.iter().find(|service| service.service == name)?;
        service.task_definition.as_deref().map(revision)
    };
    let way = |service: &crate::release::ServiceDeployment| {
        let gets = service
            .task_definition
            .as_deref()
            .filter(|_| was_live)
            .map_or("a new revision".to_owned(), |arn| code(revision(arn)));
        let was = of(&service.service).map_or("?".to_owned(), code);
        format!("service {}: {was} → {gets}", escape(&service.service))
    };
    then.services.iter().map(way).collect()
}

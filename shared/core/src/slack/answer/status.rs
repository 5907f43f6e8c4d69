//! What is live where, what is on its way, and what it waits for.

use jiff::Timestamp;

use super::{Answer, Page, releases::commit};
use crate::{
    environment::{Environment, Live},
    message::{
        deployment::{obstacle, paused},
        headline,
        markup::{clip, code, date, escape, link},
    },
    release::{Deployment, Lock, Release},
};

/// A pipeline as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its name.
    pub pipeline: String,
    /// Its environments, in order.
    pub places: Vec<Place>,
    /// Its releases that have not ended, the newest first.
    pub open: Vec<Release>,
}

/// An environment as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its record.
    pub record: Environment,
    /// The release that is live, where its record is there still.
    pub live: Option<Release>,
}

/// The status of some pipelines.
pub fn status(standings: &[Standing], now: Timestamp) -> Answer {
    let mut page = Page::default();
    for standing in standings {
        page.line(&format!("*{}*", escape(&standing.pipeline)));
        if standing.places.is_empty() {
            page.line("   deploys nowhere");
        }
        for place in &standing.places {
            page.line(&format!("   {}: {}", escape(&place.name), live(place)));
            if let Some(lock) = place.record.lock.as_ref().filter(|lock| lock.holds(now)) {
                page.line(&format!("      {}", locked(lock)));
            }
        }
        for release in &standing.open {
            on_its_way(&mut page, release);
        }
        page.close();
    }
    if standings.is_empty() {
        page.line("There is no pipeline.");
    }
    Answer::new("What is live, and what is on its way", page.blocks())
}

fn live(place: &Place) -> String {
    match place.record.live.first() {
        None => "nothing is live".to_owned(),
        Some(live) => {
            let message = place.live.as_ref().map(|release| format!(" {}", clip(&release.commit.message, 80)));
            format!(
                "{} is live since {}{}",
                numbered(live, place.live.as_ref()),
                date(live.at),
                message.unwrap_or_default()
            )
        }
    }
}

/// `#15 (of #12) 1205f22`, the commit linked.
pub(super) fn numbered(live: &Live, release: Option<&Release>) -> String {
    let of = live.of.map(|of| format!(" (of #{of})")).unwrap_or_default();
    let url = release.and_then(|release| release.commit.url.as_deref());
    let commit: String = live.commit.chars().take(7).collect();
    format!("*#{}*{of} {}", live.number, link(url, &commit))
}

fn locked(lock: &Lock) -> String {
    let until = lock.until.map(|until| format!(" until {}", date(until))).unwrap_or_default();
    let why = lock.reason.as_ref().map(|why| format!(": {}", clip(why, 200))).unwrap_or_default();
    format!(":lock: locked by {} since {}{until}{why}", clip(&lock.by, 100), date(lock.since))
}

fn on_its_way(page: &mut Page, release: &Release) {
    let (icon, _, words) = headline(release);
    let commit = commit(release);
    let author = clip(&release.commit.author, 60);
    let by = if author.is_empty() { author } else { format!(" by {author}") };
    let branch = code(&release.reference.name);
    page.line(&format!("   {icon} *#{}* {words} · {branch}{commit}{by}", release.number));
    for line in release.deployments.iter().filter(|one| one.verdict.is_none()).filter_map(waits) {
        page.line(&format!("      {line}"));
    }
}

/// What a release waits for before an environment, or in it.
fn waits(deployment: &Deployment) -> Option<String> {
    let name = escape(&deployment.environment);
    if let Some(held) = &deployment.held {
        return Some(format!("{name}: {}", obstacle(held)));
    }
    let service = paused(deployment)?;
    let stage = service.pause.as_ref().map(|pause| code(&pause.stage)).unwrap_or_default();
    Some(format!("{name}: {} waits at {stage} for somebody to continue, or to go back", escape(&service.service)))
}

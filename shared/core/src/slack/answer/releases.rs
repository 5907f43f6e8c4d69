//! The newest releases of a pipeline.

use super::{Answer, Page};
use crate::{
    message::{
        headline,
        markup::{clip, code, date, escape, link},
    },
    release::{Deed, Release},
};

/// A line for each of some releases of a pipeline, the newest first.
pub fn releases(pipeline: &str, releases: &[Release]) -> Answer {
    let mut page = Page::default();
    let name = escape(pipeline);
    if releases.is_empty() {
        return Answer::of(&format!("There is no release of {name} yet."));
    }
    page.line(&format!("*{name}*, the newest releases"));
    for release in releases {
        page.line(&line(release));
    }
    Answer::new(&format!("The newest releases of {name}"), page.blocks())
}

/// `:white_check_mark: #7 live · main at 0123456 Say hello · Ada, today at 12:00`
pub(super) fn line(release: &Release) -> String {
    let (icon, _, words) = headline(release);
    let commit = commit(release);
    let asked = release.asked.as_ref().map(|asked| {
        let what = match asked.deed {
            Deed::Rollback => "back to",
            Deed::Deploy => "by name:",
            Deed::Retry => "once more:",
        };
        format!("{what} #{} · ", asked.number)
    });
    let (branch, message) = (code(&release.reference.name), clip(&release.commit.message, 80));
    let author = clip(&release.commit.author, 60);
    let by = if author.is_empty() { author } else { format!("{author}, ") };
    let asked = asked.unwrap_or_default();
    format!("{icon} *#{}* {words} · {asked}{branch}{commit} {message} · {by}{}", release.number, date(release.accepted))
}

/// ` at 0123456`, linked; nothing while the head of its branch is not known.
pub(super) fn commit(release: &Release) -> String {
    let commit = &release.commit;
    if commit.id.is_empty() { String::new() } else { format!(" at {}", link(commit.url.as_deref(), commit.short())) }
}

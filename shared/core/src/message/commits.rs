//! What came with a release: the commits since the one that was live last, and the page that compares the two.

use super::{
    Known, Since,
    markup::{clip, link, newest},
    pages::Pages,
};
use crate::release::{Brought, Deed, Release};

/// How many characters the list has at most.
const LIST: usize = 2500;

/// What was live last, where this release comes after it: not where it goes back.
fn since<'k>(release: &Release, known: &'k Known) -> Option<&'k Since> {
    let back = release.asked.as_ref().is_some_and(|asked| asked.deed == Deed::Rollback);
    known.since.as_ref().filter(|_| !back)
}

/// The link to what came since then: `3 commits since #6`.
pub(super) fn range(release: &Release, known: &Known) -> Option<String> {
    let since = since(release, known)?;
    let words = match (since.commits.len(), since.more) {
        (0, _) => format!("changes since #{}", since.number),
        (1, false) => format!("1 commit since #{}", since.number),
        (count, more) => format!("{count}{} commits since #{}", if more { "+" } else { "" }, since.number),
    };
    Some(link(page(release, since).as_deref(), &words))
}

/// The page that compares; none for a commit with itself.
fn page(release: &Release, since: &Since) -> Option<String> {
    let to = &release.commit.id;
    let compare = || Pages::of(release)?.compare(&since.commit, to);
    if to.is_empty() || *to == since.commit { None } else { compare() }
}

/// The reply with the commits: those since the release that was live last; where none was, those of the push itself.
pub(super) fn reply(release: &Release, known: &Known) -> Option<String> {
    let Some(since) = since(release, known) else {
        let several = known.since.is_none() && release.asked.is_none() && release.brought.len() > 1;
        return several.then(|| list(release, "This push brought:", &release.brought, false, None));
    };
    let page = page(release, since);
    let head = format!("Since #{}, which was live last:", since.number);
    if !since.commits.is_empty() {
        return Some(list(release, &head, &since.commits, since.more, page.as_deref()));
    }
    // Whether there is this reply is known from the beginning, also where the commit is not: replies are only added at the end.
    Some(format!("{head} {}", link(page.as_deref(), "all changes")))
}

fn list(release: &Release, head: &str, commits: &[Brought], more: bool, page: Option<&str>) -> String {
    let pages = Pages::of(release);
    let line = |commit: &Brought| {
        let url = pages.as_ref().map(|pages| pages.commit(&commit.id));
        let id = link(url.as_deref(), commit.id.get(..7).unwrap_or(&commit.id));
        let message = clip(&commit.message, 120);
        let message = if message.trim().is_empty() { "(no message)" } else { &message };
        let by = clip(&commit.author, 80);
        let by = if by.trim().is_empty() { String::new() } else { format!(" ({by})") };
        format!("• {id} {message}{by}")
    };
    let lines: Vec<_> = commits.iter().map(line).collect();
    let listed = newest(&lines, LIST, |dropped| format!("… {dropped} earlier"));
    let rest = if more { format!("\n{}", link(page, "and maybe more")) } else { String::new() };
    format!("{head}\n{listed}{rest}")
}

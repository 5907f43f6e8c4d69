//! The commits that a push lists.

use super::Member;
use crate::{
    push::Head,
    release::Brought,
    text::{first_line, shorten},
};

/// The commits that a payload lists for a branch or tag that is at `after` now: `list` and answer oldest first, the newest being that one, at
/// most [`Brought::MOST`]. `id` is the member with a commit's id, `author` reads its author. None where the payload lists none, or where
/// nothing is there any more.
///
/// Providers cut their lists: where the newest commit is not in it, what is known of that one is added.
pub(crate) fn brought<'a>(
    list: impl Iterator<Item = Member<'a>>,
    id: &str,
    author: impl Fn(Member<'a>) -> String,
    after: Option<&str>,
    head: &Head,
) -> Vec<Brought> {
    let Some(after) = after else { return Vec::new() };
    let told = |id: String, message: &str, author: &str| Brought {
        id,
        message: shorten(first_line(message), 100),
        author: shorten(first_line(author), 80),
    };
    let read = |commit: Member<'a>| {
        Some(told(commit.at(id).commit()?, commit.at("message").text().unwrap_or_default(), &author(commit)))
    };
    let mut commits: Vec<Brought> = list.filter_map(read).collect();
    if commits.is_empty() {
        return commits;
    }
    match commits.iter().rposition(|commit| commit.id == after) {
        Some(newest) => {
            commits.truncate(newest + 1);
            if let Some(own) = commits.last_mut().filter(|own| own.author.is_empty()) {
                own.author = shorten(first_line(&head.author), 80);
            }
        }
        None => commits.push(told(after.to_owned(), &head.message, &head.author)),
    }
    commits.drain(..commits.len().saturating_sub(Brought::MOST));
    commits
}

#[cfg(test)]
mod tests;

//! Whether a push to a branch starts something, and why.

use super::{Answer, Page, releases::line};
use crate::{
    message::markup::{clip, code, escape},
    release::Release,
    route::Would,
};

/// What a push would do to a pipeline, and what the newest one did.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed<'c> {
    /// What one would do.
    pub would: Would<'c>,
    /// The pipeline's newest release of the branch.
    pub newest: Option<Release>,
}

/// What a push to a branch would do to each pipeline of its repository, and to those that come after these.
pub fn why(repository: &str, branch: &str, pushed: &[Pushed<'_>]) -> Answer {
    let mut page = Page::default();
    let title = format!("A push to {} of {}", code(branch), clip(repository, 300));
    page.line(&title);
    for Pushed { would, newest } in pushed {
        let icon = if would.starts { ":white_check_mark: starts" } else { ":no_entry_sign: does not start" };
        page.line(&format!("{icon} *{}*: {}", escape(&would.pipeline.name), clip(&would.reason, 600)));
        for condition in &would.conditions {
            page.line(&format!("      provided that {}", clip(condition, 600)));
        }
        match newest {
            Some(release) => page.line(&format!("      its newest release of that branch: {}", line(release))),
            None if would.starts => page.line("      it has no release of that branch yet"),
            None => {}
        }
    }
    if pushed.is_empty() {
        page.line("starts nothing: no pipeline is of that repository.");
    }
    Answer::new(&title, page.blocks())
}

//! Where the log of a release's build is, and the last lines of what failed.

use super::{Answer, Page, releases::line};
use crate::{
    message::markup::{escape, link, log_block, quote},
    release::Release,
};

/// The log of a release: a link, why it failed, and the last lines that its record keeps.
pub fn logs(release: &Release) -> Answer {
    let mut page = Page::default();
    page.line(&line(release));
    let build = [("build log", &release.build.log), ("build", &release.build.page)];
    let links: Vec<_> = build.into_iter().filter_map(|(text, url)| Some(link(Some(url.as_deref()?), text))).collect();
    match links.as_slice() {
        [] if release.asked.is_some() => page.line("It was not built: it runs images that there were."),
        [] => page.line("Its build has no log yet."),
        links => page.line(&links.join(" · ")),
    }
    if let Some(reason) = &release.reason {
        page.line(&quote(reason, 1500));
    }
    if !release.build.tail.is_empty() {
        page.line(&format!("The build said last:{}", log_block(&release.build.tail, 2000)));
    }
    for deployment in &release.deployments {
        let environment = escape(&deployment.environment);
        for run in deployment.runs.iter().filter(|run| !run.log.is_empty()) {
            page.line(&format!("{environment}: what ran first{}", log_block(&run.log, 2000)));
        }
        for service in &deployment.services {
            if let Some(why) = service.why.as_ref().filter(|why| !why.log.is_empty()) {
                page.line(&format!("{environment}: {}{}", escape(&service.service), log_block(&why.log, 2000)));
            }
        }
    }
    let text = format!("The log of {}#{}", escape(&release.pipeline), release.number);
    Answer::new(&text, page.blocks())
}

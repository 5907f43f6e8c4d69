//! `[github]`, `[bitbucket]`, `[gitlab]`: whose the hosts of the repositories are.

use super::{Server, section::Section, values::HOST};
use crate::{
    address::{self, Hosts, is_host},
    push::Source,
};

/// Reads the table of a source, where there is one.
pub(super) fn server(root: &mut Section<'_, '_>, source: Source, title: &'static str) -> Option<Server> {
    let (table, span) = root.table(source.word())?;
    let mut section = root.inner(table, title, span);
    let host = section.required("host", is_host, HOST);
    if let Some(owner) = address::public(&host).filter(|owner| *owner != source) {
        section.problem(section.span_of("host"), format!("{host} is a host of {owner}, not of {source}"), None);
    }
    section.close();
    Some(Server { host })
}

/// A host is of one source: what one of them signs must not count for another's repositories.
pub(super) fn one_source(root: &mut Section<'_, '_>, hosts: &Hosts<'_>) {
    let mut taken: Vec<(&str, Source)> = Vec::new();
    for source in Source::ALL {
        let Some(host) = hosts.own(source).filter(|host| !host.is_empty()) else { continue };
        match taken.iter().find(|(earlier, _)| earlier.eq_ignore_ascii_case(host)) {
            Some((_, earlier)) => {
                let message = format!("{host} is the host of [{}] and of [{}]", earlier.word(), source.word());
                root.problem(root.span_of(source.word()), message, Some("a host is of one source".to_owned()));
            }
            None => taken.push((host, source)),
        }
    }
}

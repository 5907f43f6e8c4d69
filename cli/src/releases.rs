//! `longshore releases`: the newest releases of a pipeline.

use std::process::ExitCode;

use jiff::Timestamp;
use longshore_core::{
    release::{Deed, Release},
    text::shorten,
};
use serde_json::json;

use crate::{
    account, completions, output, records,
    reference::Pipelines,
    standing::{Standing, colour},
    summary::Summary,
    table::{self, Cell, Colour, cell, coloured},
    time::span,
};

const EXAMPLE: &str = "\
Example:
  $ longshore releases web --limit 3
  RELEASE  STATE        COMMIT   AUTHOR  MESSAGE        ENVIRONMENTS                          AGE
  #14      deploying    9f3c2ab  Ada     Show the tide  staging live, production approval     3 min
  #13      rolled_back  77ab01c  Bob     Faster start   staging live, production rolled_back  2 h
  #12      live         1205f22  Ada     Say hello      staging live, production live         26 h";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The pipeline; it may be left out where longshore.toml has only one.
    #[arg(add = completions::pipelines())]
    pipeline: Option<String>,
    /// How many, the newest first: 1 to 200.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Print one JSON object instead of text: {"pipeline", "releases": [...]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pipelines: Pipelines,
    #[command(flatten)]
    account: account::Arguments,
}

/// Exit status: 0 when they could be read.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let pipeline = arguments.pipelines.one(arguments.pipeline.as_deref())?;
    let account = arguments.account.open().await?;
    let listed = account.store.newest_releases(&pipeline, None, usize::from(arguments.limit)).await?;
    let releases = records::read(&account.store, &listed).await?;
    if arguments.json {
        let releases: Vec<Summary<'_>> = releases.iter().map(Summary::from).collect();
        output::json(&json!({ "pipeline": pipeline, "releases": releases }))?;
    } else if releases.is_empty() {
        output::note(&format!("the table {} has no release of {pipeline}", account.table()));
    } else {
        output::say(shown(&releases, Timestamp::now(), table::width()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// The table for people.
fn shown(releases: &[Release], now: Timestamp, width: Option<usize>) -> String {
    let titles = ["RELEASE", "STATE", "COMMIT", "AUTHOR", "MESSAGE", "ENVIRONMENTS", "AGE"];
    let mut rows = vec![titles.map(|title| coloured(title, Colour::Dim)).to_vec()];
    rows.extend(releases.iter().map(|release| row(release, now)));
    table::fitting(&rows, 0, width)
}

fn row(release: &Release, now: Timestamp) -> Vec<Cell> {
    let message = match &release.asked {
        None => release.commit.message.clone(),
        Some(asked) => {
            let what = match asked.deed {
                Deed::Rollback => "back to",
                Deed::Deploy => "by name:",
                Deed::Retry => "once more:",
            };
            format!("{what} #{} ({})", asked.number, release.commit.message)
        }
    };
    let environments = release.deployments.iter().map(|deployment| {
        let standing = Standing::of(release, deployment);
        format!("{} {}", deployment.environment, standing.word())
    });
    vec![
        coloured(format!("#{}", release.number), Colour::Bold),
        coloured(release.state.word(), colour(release.state)),
        cell(release.commit.short()),
        cell(shorten(&release.commit.author, 20)),
        cell(shorten(&message, 50)),
        cell(environments.collect::<Vec<_>>().join(", ")),
        coloured(span(release.accepted, now), Colour::Dim),
    ]
}

#[cfg(test)]
mod tests {
    use longshore_core::release::{Asked, Person, State, Verdict};

    use super::*;
    use crate::sample::{at, end, release};

    #[test]
    fn each_release_is_a_line() {
        let mut live = release(12);
        end(&mut live, 0, Verdict::Live, None);
        end(&mut live, 1, Verdict::Live, None);
        live.state = State::Live;
        let mut back = release(14);
        let person = Person { name: "Bob".into(), reason: None, at: at(100) };
        back.asked = Some(Asked { deed: Deed::Rollback, of: live.id.clone(), number: 12, person });
        back.deployments.remove(0);
        back.commit.message = "A message that is much longer than there is room for in a line of a table".into();
        let text = shown(&[back, release(13), live], at(7200), None);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
        RELEASE  STATE      COMMIT   AUTHOR  MESSAGE                                             ENVIRONMENTS                         AGE
        #14      deploying  0e0e0e0  Ada     back to #12 (A message that is much longer than t…  production waiting                   2 h
        #13      deploying  0d0d0d0  Ada     Change 13                                           staging waiting, production waiting  2 h
        #12      live       0c0c0c0  Ada     Change 12                                           staging live, production live        2 h
        ");
    }
}

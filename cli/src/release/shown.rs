//! A release as text: what it is, then each environment, then what happened.

use std::fmt::Write as _;

use jiff::Timestamp;
use longshore_core::{
    message::{duration, revision},
    release::{Build, Deed, Deployment, Outcome, Release, Run, ServiceDeployment, Stage, Why},
    report::Status,
};

use crate::{
    happened::{happened, person, way},
    standing::{Standing, colour, sentence},
    table::{Cell, Colour, cell, coloured, fact, table},
    terminal::plain,
    time::{date, span},
};

/// Everything about a release.
pub fn shown(release: &Release, now: Timestamp) -> String {
    let title = Colour::Bold.of(&format!("{} #{}", plain(&release.pipeline), release.number));
    let mut text = format!("{title} {}", colour(release.state).of(release.state.word()));
    let took = release.ended.map(|ended| format!(" after {}", duration(release.accepted, ended)));
    let _ = writeln!(text, "{}", took.unwrap_or_default());
    if let Some(reason) = &release.reason {
        let _ = writeln!(text, "{}", Colour::Bad.of(&plain(reason)));
    }
    text += &table(&facts(release, now), 2);
    text += &table(&release.build.stages.iter().map(stage).collect::<Vec<_>>(), 4);
    if !release.build.tail.is_empty() {
        let _ = writeln!(
            text,
            "  {}\n{}",
            Colour::Bold.of("what the build said last"),
            log(&release.build.tail).trim_end()
        );
    }
    for deployment in &release.deployments {
        text += &environment(release, deployment, now);
    }
    let _ = writeln!(text, "\n{}", Colour::Bold.of("What happened"));
    for (at, line) in happened(release) {
        let _ = writeln!(text, "  {}  {line}", Colour::Dim.of(&at.strftime("%Y-%m-%d %H:%M:%S").to_string()));
    }
    text
}

fn facts(release: &Release, now: Timestamp) -> Vec<Vec<Cell>> {
    let commit = &release.commit;
    let mut rows = vec![fact("release", release.id.as_str()), fact("trace", release.id.trace())];
    if let Some(asked) = &release.asked {
        let what = match asked.deed {
            Deed::Rollback => "back to",
            Deed::Deploy => "by name:",
            Deed::Retry => "once more:",
        };
        let by = person(&asked.person);
        rows.push(fact("asked for", format!("{what} #{} ({}), by {by}", asked.number, asked.of)));
    }
    rows.extend(release.wished.as_ref().map(|wished| fact("asked for", format!("by {}", person(wished)))));
    let id = commit.known().unwrap_or("the head of the branch");
    rows.push(fact("commit", format!("{id} {}", commit.message)));
    let at = commit.at.map(|at| format!(", {}", date(at))).unwrap_or_default();
    rows.push(fact("author", format!("{}{at}", commit.author)));
    rows.push(fact("source", format!("{} {}", release.repository, release.reference)));
    rows.extend(commit.url.as_ref().map(|url| fact("page", url)));
    if !release.delivery.is_empty() {
        rows.push(fact("delivery", &release.delivery));
    }
    rows.push(fact("accepted", format!("{}, {} ago", date(release.accepted), span(release.accepted, now))));
    for wait in &release.waits {
        let met = if wait.met.is_some() { "has ended" } else { "waited for" };
        rows.push(fact("after", format!("{} #{}: {met}", wait.pipeline, wait.number)));
    }
    for image in release.image.iter().chain(&release.others) {
        rows.push(fact("image", image.reference()));
        rows.extend(image.base.as_ref().map(|base| fact("built on", base.to_string())));
    }
    rows.extend(build(&release.build));
    rows
}

fn build(build: &Build) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    if let Some(id) = &build.id {
        let outcome = build.outcome.map_or("runs", Outcome::ending);
        let took = build.started.zip(build.ended).map(|(started, ended)| format!(" in {}", duration(started, ended)));
        rows.push(fact("build", format!("{id} {outcome}{}", took.unwrap_or_default())));
    }
    rows.extend(build.log.as_ref().or(build.page.as_ref()).map(|page| fact("log", page)));
    if let Some(delay) = &build.delay {
        rows.push(fact("delayed", format!("{} times: {}", delay.attempts, delay.reason)));
    }
    rows
}

fn stage(stage: &Stage) -> Vec<Cell> {
    let (word, colour) = match stage.status {
        Status::Started => ("runs", Colour::Open),
        Status::Succeeded => ("ok", Colour::Good),
        Status::Failed => ("failed", Colour::Bad),
    };
    let took = stage.ended.map(|ended| duration(stage.started, ended)).unwrap_or_default();
    vec![cell(&stage.name), coloured(word, colour), cell(took), cell(stage.message.as_deref().unwrap_or_default())]
}

fn environment(release: &Release, deployment: &Deployment, now: Timestamp) -> String {
    let standing = Standing::of(release, deployment);
    let title = Colour::Bold.of(&plain(&deployment.environment));
    let mut text = format!("\n{title} {}\n", standing.colour().of(&sentence(release, deployment, now)));
    let mut rows = Vec::new();
    if let Some(decision) = &deployment.decision {
        let word = if decision.approved { "approved" } else { "rejected" };
        rows.push(fact(word, format!("by {}", person(&decision.by))));
    }
    for attempt in &deployment.attempts {
        rows.push(fact("refused", format!("{}: {}", attempt.name, attempt.why)));
    }
    rows.extend(deployment.overridden.as_ref().map(|by| fact("overridden", format!("by {}", person(by)))));
    for service in &deployment.services {
        rows.push(fact("service", service_line(service)));
    }
    for family in &deployment.families {
        let to = family.task_definition.as_deref().map_or("not yet", revision);
        rows.push(fact("schedules", format!("{} → {to}", family.family)));
    }
    if let Some(probe) = &deployment.probe {
        let last = probe.last.as_deref().map(|last| format!(": {last}")).unwrap_or_default();
        let word =
            if probe.passed.is_some() { "passed".to_owned() } else { format!("{} failures{last}", probe.failures) };
        let url = deployment.plan.check.as_ref().map(|check| check.url.as_str()).unwrap_or_default();
        rows.push(fact("check", format!("{url} {word}")));
    }
    rows.extend(deployment.notes.iter().map(|note| fact("note", note)));
    text += &table(&rows, 2);
    for (position, run) in deployment.runs.iter().enumerate() {
        let command = deployment.plan.before.get(position).map(|before| before.command.join(" "));
        text += &run_shown(&plain(&command.unwrap_or_default()), run);
    }
    for service in &deployment.services {
        if let Some(why) = service.why.as_ref().filter(|why| !why.is_empty()) {
            text += &why_shown(&plain(&service.service), why);
        }
    }
    text
}

fn service_line(service: &ServiceDeployment) -> String {
    let verdict = service.verdict.map(|verdict| format!(": {}", verdict.word())).unwrap_or_default();
    let reason = service.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let idle = if service.idle { ", scaled to zero: no task runs it" } else { "" };
    let way = match (service.unchanged, &service.task_definition) {
        (true, Some(arn)) => format!("ran {} already", revision(arn)),
        (false, Some(_)) => way(service),
        (_, None) => "not told yet".to_owned(),
    };
    format!("{} {way}{idle}{verdict}{reason}", service.service)
}

fn run_shown(command: &str, run: &Run) -> String {
    let (word, colour) = match (&run.failure, run.ended) {
        (Some(failure), _) => (plain(failure), Colour::Bad),
        (None, Some(_)) => ("ok".to_owned(), Colour::Good),
        (None, None) => ("runs".to_owned(), Colour::Open),
    };
    let exit = run.exit.map(|exit| format!(", exit code {exit}")).unwrap_or_default();
    let task = plain(run.task.rsplit('/').next().unwrap_or_default());
    format!("  ran first: {command} {}{exit} (task {task})\n{}", colour.of(&word), log(&run.log))
}

/// Why a service did not come up: each kind of evidence under its name.
fn why_shown(service: &str, why: &Why) -> String {
    let mut text = format!("  {}\n", Colour::Bold.of(&format!("why {service} did not come up")));
    for task in &why.tasks {
        let _ = writeln!(text, "    task {} stopped: {}", plain(&task.id), plain(&task.reason));
        for (name, exit, reason) in &task.containers {
            let exit = exit.map_or("never ran".to_owned(), |exit| format!("exit code {exit}"));
            let reason = reason.as_deref().map(|reason| format!(", {}", plain(reason))).unwrap_or_default();
            let _ = writeln!(text, "      container {}: {exit}{reason}", plain(name));
        }
    }
    for target in &why.targets {
        let _ = writeln!(text, "    target {}", plain(target));
    }
    for event in &why.events {
        let _ = writeln!(text, "    event {}", plain(event));
    }
    text + &log(&why.log)
}

/// The last lines of a log, each marked.
fn log(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &format!("    {} {}\n", Colour::Dim.of("|"), plain(line)))
}

#[cfg(test)]
mod tests;

//! A release's way as lines of text: what is new since the last look, each with its time.

use std::{collections::BTreeSet, time::Instant};

use longshore_core::{
    message::{duration, revision},
    release::{Release, Stage, State, Verdict},
    report::Status,
};

/// Remembers what was told.
pub struct Timeline {
    start: Instant,
    told: BTreeSet<String>,
}

impl Timeline {
    /// Times count from `start`.
    pub fn new(start: Instant) -> Self {
        Self { start, told: BTreeSet::new() }
    }

    /// A line with the time.
    pub fn line(&self, text: &str) -> String {
        format!("{:>7.1} s  {text}", self.start.elapsed().as_secs_f64())
    }

    /// The lines for what happened since the last look.
    pub fn news(&mut self, release: &Release) -> Vec<String> {
        let mut news = happened(release);
        news.retain(|text| self.told.insert(text.clone()));
        news.iter().map(|text| self.line(text)).collect()
    }
}

/// Everything that happened to a release, in order.
fn happened(release: &Release) -> Vec<String> {
    let mut lines = vec![format!("accepted   {} #{}", release.pipeline, release.number)];
    if let Some(build) = &release.build.id {
        lines.push(format!("building   {build}"));
    }
    lines.extend(release.build.stages.iter().filter(|stage| stage.ended.is_some()).map(stage));
    if let Some(image) = &release.image {
        lines.push(format!("image      {}@{}", image.repository, image.digest.short()));
    }
    for deployment in &release.deployments {
        for service in deployment.services.iter().filter(|service| service.updated.is_some()) {
            let name = |arn: &Option<String>| arn.as_deref().map_or("nothing", revision).to_owned();
            let (from, to) = (name(&service.base), name(&service.task_definition));
            lines.push(format!("deploying  {}: {} goes from {from} to {to}", deployment.environment, service.service));
        }
        if let Some((verdict, ended)) = deployment.verdict.zip(deployment.ended) {
            let took = deployment.admitted.map(|admitted| duration(admitted, ended)).unwrap_or_default();
            lines.push(match verdict {
                Verdict::Live => format!("live       {} in {took}", deployment.environment),
                other => format!("{:<10} {} after {took}", other.word(), deployment.environment),
            });
        }
    }
    if release.state.is_end() && release.state != State::Live {
        lines.push(format!("{:<10} {}", release.state.word(), release.reason.as_deref().unwrap_or_default()));
    }
    lines
}

fn stage(stage: &Stage) -> String {
    let took = stage.ended.map(|ended| duration(stage.started, ended)).unwrap_or_default();
    let mark = if stage.status == Status::Succeeded { "ok" } else { "FAILED" };
    format!("  {:<9} {mark}, {took}", stage.name)
}

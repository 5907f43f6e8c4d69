//! What has to be so after a run: nothing lost, nothing doubled, the newest of each branch at work.

use std::collections::{BTreeMap, HashMap, HashSet};

use longshore_core::release::{Release, ReleaseId, State};
use longshore_tests::releases_in;

use crate::{
    builds::Build,
    plan::{Plan, Planned},
    send::Answer,
};

/// What the table has.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The records, by pipeline and number.
    pub releases: Vec<Release>,
    /// The deliveries, by `provider/id`, with the releases that answer them.
    pub deliveries: BTreeMap<String, Vec<ReleaseId>>,
}

impl Table {
    /// Whether nothing is left to do: what is superseded has ended with its build, and everything else has its build.
    pub fn is_at_rest(&self) -> bool {
        self.releases.iter().all(|release| match release.state {
            State::Waiting | State::Requested => false,
            State::Building => true,
            _ => release.is_closed(),
        })
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome<'o> {
    /// What was sent.
    pub plan: &'o Plan,
    /// What was answered, in the queue's order.
    pub answers: &'o [Answer],
    /// What is in the table when all is at rest.
    pub table: &'o Table,
    /// What was asked of CodeBuild.
    pub builds: &'o [Build],
    /// Events that a function could not handle.
    pub dead_letters: Vec<String>,
}

/// The releases of the first answer to each push, by the push's position.
type Answered = HashMap<usize, ReleaseId>;

/// Everything that is wrong, a sentence each.
pub fn wrong(outcome: &Outcome<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let answered = answers(outcome, &mut wrong);
    deliveries(outcome, &answered, &mut wrong);
    releases(outcome, &mut wrong);
    builds(outcome, &mut wrong);
    order(outcome, &mut wrong);
    wrong.extend(outcome.dead_letters.iter().map(|letter| format!("an event was given up: {letter}")));
    wrong
}

/// Every delivery is answered with 202 and one release; one that comes again, with the same.
fn answers(outcome: &Outcome<'_>, wrong: &mut Vec<String>) -> Answered {
    let mut answered = Answered::new();
    if outcome.answers.len() != outcome.plan.queue.len() {
        wrong.push(format!("{} deliveries have {} answers", outcome.plan.queue.len(), outcome.answers.len()));
    }
    for answer in outcome.answers {
        let name = name(&outcome.plan.pushes[answer.push]);
        let body = match &answer.said {
            Ok((202, body)) => body,
            Ok((status, body)) => {
                wrong.push(format!("{name} was answered with {status}: {body}"));
                continue;
            }
            Err(error) => {
                wrong.push(format!("{name} was not answered: {error}"));
                continue;
            }
        };
        match releases_in(body).as_deref() {
            Some([release]) => {
                let first = answered.entry(answer.push).or_insert_with(|| release.clone());
                if first != release {
                    wrong.push(format!("{name} was answered with {first}, and again with {release}"));
                }
            }
            _ => wrong.push(format!("{name} was answered with something else than one release: {body}")),
        }
    }
    answered
}

/// Every delivery is in the table once, with the one release that it was answered with, and that is of its push.
fn deliveries(outcome: &Outcome<'_>, answered: &Answered, wrong: &mut Vec<String>) {
    let Outcome { plan, table, .. } = outcome;
    let by_id: HashMap<_, _> = table.releases.iter().map(|release| (&release.id, release)).collect();
    for (position, push) in plan.pushes.iter().enumerate() {
        let name = name(push);
        let Some([recorded]) = table.deliveries.get(&key(push)).map(Vec::as_slice) else {
            wrong.push(format!("{name} is not in the table with one release"));
            continue;
        };
        if answered.get(&position).is_some_and(|release| release != recorded) {
            wrong.push(format!("{name} was answered with {}, the table has {recorded}", answered[&position]));
        }
        match by_id.get(recorded) {
            Some(release) if is_own(push, release) => {}
            Some(release) => wrong.push(format!("{name} has the release {} of another push", release.id)),
            None => wrong.push(format!("{name} has the release {recorded}, which has no record")),
        }
    }
    let sent: HashSet<_> = plan.pushes.iter().map(key).collect();
    let strangers = table.deliveries.keys().filter(|delivery| !sent.contains(*delivery));
    wrong.extend(strangers.map(|delivery| format!("{delivery} is in the table and was not sent")));
}

/// Every release is that of one push, of which there is no second. Only a push that closes a gap before a newer one may have that
/// one's commit released again, under a number of its own.
fn releases(outcome: &Outcome<'_>, wrong: &mut Vec<String>) {
    let Outcome { plan, table, .. } = outcome;
    let pushes: HashMap<_, _> = plan.pushes.iter().map(|push| ((push.pipeline.clone(), push.commit()), push)).collect();
    let deliveries: HashMap<_, _> = plan.pushes.iter().map(|push| (key(push), push)).collect();
    let (mut own, mut numbers) = (HashMap::new(), HashSet::new());
    for release in &table.releases {
        let title = title(release);
        if !numbers.insert((&release.pipeline, release.number)) {
            wrong.push(format!("{title}: another release has its number"));
        }
        let push = pushes.get(&(release.pipeline.clone(), release.commit.id.clone()));
        let (Some(push), Some(told)) = (push, deliveries.get(&release.delivery)) else {
            wrong.push(format!("{title} is of a push or a delivery that was not sent"));
            continue;
        };
        if is_own(push, release) {
            if let Some(other) = own.insert(key(push), release) {
                wrong.push(format!("{title} is recorded twice, {} is of the same push", other.number));
            }
        } else if told.pipeline != push.pipeline || told.number >= push.number {
            wrong.push(format!("{title} was made by the delivery of {}, which is no older push", name(told)));
        }
    }
    let lost = plan.pushes.iter().filter(|push| !own.contains_key(&key(push)));
    wrong.extend(lost.map(|push| format!("{} has no release of its own", name(push))));
}

/// Every release has at most one build, under its own token. One that is superseded has none that runs; every other has its build.
fn builds(outcome: &Outcome<'_>, wrong: &mut Vec<String>) {
    let mut of: HashMap<&str, &Build> = HashMap::new();
    for build in outcome.builds {
        let id = &build.id;
        let Some(release) = build.release.as_deref() else {
            wrong.push(format!("the build {id} is of no release"));
            continue;
        };
        if build.token.as_deref() != Some(release) {
            wrong.push(format!("the build {id} of {release} was started with the token {:?}", build.token));
        }
        if build.mismatched > 0 {
            wrong.push(format!("the build {id} of {release} was asked for again with other parameters"));
        }
        if let Some(other) = of.insert(release, build) {
            wrong.push(format!("{release} has two builds, {} and {id}", other.id));
        }
        if outcome.table.releases.iter().all(|known| known.id.as_str() != release) {
            wrong.push(format!("the build {id} is of {release}, which has no record"));
        }
    }
    for release in &outcome.table.releases {
        let title = title(release);
        let build = of.get(release.id.as_str());
        match (release.state, build) {
            (State::Building, Some(build)) if build.stopped => wrong.push(format!("{title}: its build was stopped")),
            (State::Superseded, Some(build)) if !build.stopped => {
                wrong.push(format!("{title} is superseded, and its build runs"));
            }
            (State::Superseded, _) if !release.is_closed() => {
                wrong.push(format!("{title} is superseded, and the end of its build is not known"));
            }
            (State::Building, Some(build)) if release.build.id.as_deref() != Some(&build.id) => {
                wrong.push(format!("{title} has the build {:?}, not {}", release.build.id, build.id));
            }
            (State::Building, Some(_)) | (State::Superseded, _) => {}
            (State::Building | State::Requested, None) => wrong.push(format!("{title} was not started")),
            (state, _) => wrong.push(format!("{title} is {}", state.word())),
        }
    }
}

/// Of each branch one release is not superseded: the last of its newest push, and no number is larger.
fn order(outcome: &Outcome<'_>, wrong: &mut Vec<String>) {
    let mut newest: BTreeMap<&str, &Planned> = BTreeMap::new();
    for push in &outcome.plan.pushes {
        let known = newest.entry(&push.pipeline).or_insert(push);
        if push.number > known.number {
            *known = push;
        }
    }
    for (pipeline, push) in newest {
        let own = || outcome.table.releases.iter().filter(|release| release.pipeline == pipeline);
        let left: Vec<_> = own().filter(|release| release.state != State::Superseded).collect();
        let [left] = left[..] else {
            let titles: Vec<_> = left.iter().map(|release| title(release)).collect();
            wrong.push(format!("{pipeline}: one release is not superseded, not [{}]", titles.join(", ")));
            continue;
        };
        if left.commit.id != push.commit() {
            wrong.push(format!("{} is not superseded, and not of the newest push, {}", title(left), push.number));
        }
        if own().any(|release| release.number > left.number) {
            wrong.push(format!("{} is not superseded, and has not the largest number", title(left)));
        }
    }
}

/// How the table names a push's delivery.
fn key(push: &Planned) -> String {
    format!("github/{}", push.delivery.id)
}

fn is_own(push: &Planned, release: &Release) -> bool {
    let of = (&*release.pipeline, &*release.repository, &*release.commit.id, &*release.delivery);
    of == (&*push.pipeline, &*push.repository, &*push.commit(), &*key(push))
}

fn name(push: &Planned) -> String {
    format!("push {} of {}", push.number, push.pipeline)
}

fn title(release: &Release) -> String {
    format!("{} #{} ({}, {})", release.pipeline, release.number, release.commit.short(), release.id)
}

#[cfg(test)]
mod tests;

//! A run in which all went well, and what is said when one thing of it is otherwise.

use std::time::Duration;

use jiff::Timestamp;
use longshore_core::{
    config::Config,
    push::Reference,
    release::{Commit, Fact, Newer, Origin, Outcome as BuildOutcome},
};

use super::*;

/// Of forty deliveries, thirty-six pushes: two for each of sixteen pipelines, one for the rest.
struct Run {
    plan: Plan,
    answers: Vec<Answer>,
    table: Table,
    builds: Vec<Build>,
    config: Config,
}

impl Run {
    fn good() -> Self {
        let plan = Plan::new(40);
        let config = Config::read(&plan.config()).expect("a configuration");
        let (table, builds) = (Table::default(), Vec::new());
        let mut run = Self { answers: Vec::new(), table, builds, config, plan };
        for position in 0..run.plan.pushes.len() {
            let push = run.plan.pushes[position].clone();
            let id = run.release(&push, &push, push.number.into());
            run.table.deliveries.insert(key(&push), vec![id]);
        }
        let answer = |push: &usize| {
            let release = &run.table.deliveries[&key(&run.plan.pushes[*push])][0];
            let body = format!("{{\"release\":\"{release}\",\"pipeline\":\"\",\"build\":null}}");
            Answer { push: *push, said: Ok((202, body)), took: Duration::ZERO }
        };
        run.answers = run.plan.queue.iter().map(answer).collect();
        for position in 0..run.table.releases.len() {
            let newer = run.table.releases.iter().any(|other| {
                other.pipeline == run.table.releases[position].pipeline
                    && other.number > run.table.releases[position].number
            });
            if newer {
                run.supersede(position);
            }
        }
        run
    }

    /// Records a release of a push, made by the delivery of a push, and starts its build.
    fn release(&mut self, push: &Planned, told: &Planned, number: u64) -> ReleaseId {
        let id = ReleaseId::parse(&format!("01JD{:022}", self.table.releases.len())).expect("an id");
        let pipeline = self.config.pipelines().iter().find(|pipeline| pipeline.name == push.pipeline);
        let origin = Origin {
            delivery: key(told),
            repository: push.repository.clone(),
            reference: Reference::branch("main").expect("a branch"),
            commit: Commit::bare(&push.commit()),
            brought: Vec::new(),
        };
        let pipeline = pipeline.expect("a pipeline");
        let mut release = Release::new(id.clone(), number, pipeline, origin, Vec::new(), None, Timestamp::UNIX_EPOCH);
        let build = Build {
            id: format!("{}:{}", push.pipeline, self.builds.len()),
            token: Some(id.to_string()),
            release: Some(id.to_string()),
            asked: 1,
            ..Build::default()
        };
        apply(&mut release, Fact::BuildStarted { id: build.id.clone(), page: None });
        self.builds.push(build);
        self.table.releases.push(release);
        id
    }

    /// Ends a release, and its build.
    fn supersede(&mut self, position: usize) {
        let release = &mut self.table.releases[position];
        apply(release, Fact::Superseded(Newer { number: release.number + 1, commit: String::new() }));
        apply(release, Fact::BuildEnded { outcome: BuildOutcome::Stopped, reason: None, tail: Vec::new() });
        self.builds[position].stopped = true;
    }

    fn wrong(&self) -> Vec<String> {
        let Self { plan, answers, table, builds, .. } = self;
        wrong(&Outcome { plan, answers, table, builds, dead_letters: Vec::new() })
    }

    /// Something that is wrong is said in these words.
    #[track_caller]
    fn says(&self, words: &str) {
        let wrong = self.wrong();
        assert!(wrong.iter().any(|fault| fault.contains(words)), "{words:?} is not said: {wrong:#?}");
    }
}

fn apply(release: &mut Release, fact: Fact) {
    assert_eq!(release.apply(fact, Timestamp::UNIX_EPOCH), Ok(true));
}

#[test]
fn a_good_run_is_good() {
    let run = Run::good();
    assert_eq!(run.wrong(), Vec::<String>::new());
    assert!(run.table.is_at_rest());
    let superseded = run.table.releases.iter().filter(|release| release.state == State::Superseded).count();
    assert_eq!((run.plan.queue.len(), run.plan.pushes.len(), superseded), (40, 36, 16));
}

#[test]
fn every_push_is_sent_once_and_a_tenth_again() {
    let plan = Plan::new(1000);
    let mut sent = vec![0; plan.pushes.len()];
    for push in &plan.queue {
        sent[*push] += 1;
    }
    assert_eq!((plan.queue.len(), sent.len()), (1000, 900));
    assert_eq!(sent.iter().filter(|times| **times == 2).count(), 100);
    assert!(sent.iter().all(|times| (1..=2).contains(times)));
    assert_eq!(plan.queue.windows(2).filter(|pair| pair[0] == pair[1]).count(), 50, "at once with the first");
}

#[test]
fn answers_that_are_missing_refused_or_different_are_wrong() {
    let mut run = Run::good();
    run.answers[3].said = Ok((503, "busy".to_owned()));
    run.says("push 1 of app-03 was answered with 503: busy");
    let mut run = Run::good();
    run.answers[3].said = Err("reset".to_owned());
    run.says("was not answered: reset");
    let mut run = Run::good();
    run.answers.pop();
    run.says("40 deliveries have 39 answers");
    let mut run = Run::good();
    run.answers[5].said = Ok((202, "{\"releases\":[]}".to_owned()));
    run.says("something else than one release");
    let mut run = Run::good();
    let again = run.plan.queue.windows(2).position(|pair| pair[0] == pair[1]).expect("a duplicate") + 1;
    run.answers[again].said = run.answers[again + 1].said.clone();
    run.says(", and again with ");
}

#[test]
fn a_delivery_that_is_lost_is_wrong() {
    let mut run = Run::good();
    let push = run.plan.pushes[7].clone();
    run.table.deliveries.remove(&key(&push));
    run.says("push 1 of app-08 is not in the table with one release");
    let mut run = Run::good();
    let lost = run.table.releases.remove(7);
    run.says(&format!("has the release {}, which has no record", lost.id));
    run.says("push 1 of app-08 has no release of its own");
    run.says("is of 01JD0000000000000000000007, which has no record");
    let mut run = Run::good();
    let (push, other) = (run.plan.pushes[7].clone(), run.table.releases[8].id.clone());
    run.table.deliveries.insert(key(&push), vec![other]);
    run.says("of another push");
    let mut run = Run::good();
    run.table.deliveries.insert("github/nobody's".to_owned(), Vec::new());
    run.says("github/nobody's is in the table and was not sent");
}

#[test]
fn a_release_that_is_recorded_twice_is_wrong() {
    let mut run = Run::good();
    let push = run.plan.pushes[7].clone();
    run.release(&push, &push, 1);
    run.says("is recorded twice");
    run.says("another release has its number");
    run.says("one release is not superseded, not [");
}

#[test]
fn a_commit_is_released_again_only_by_an_older_push_and_instead_of_its_earlier_release() {
    let mut run = Run::good();
    let (older, newest) = (run.plan.pushes[0].clone(), run.plan.pushes[20].clone());
    run.release(&newest, &older, 3);
    run.says("one release is not superseded, not [");
    run.supersede(20);
    assert_eq!(run.wrong(), Vec::<String>::new());
    let mut run = Run::good();
    let (older, newest) = (run.plan.pushes[0].clone(), run.plan.pushes[20].clone());
    run.release(&older, &newest, 3);
    run.says("was made by the delivery of push 2 of app-01, which is no older push");
}

#[test]
fn builds_that_are_doubled_missing_or_orphaned_are_wrong() {
    let mut run = Run::good();
    run.builds[7].token = None;
    run.says("was started with the token None");
    let mut run = Run::good();
    run.builds[7].mismatched = 1;
    run.says("asked for again with other parameters");
    let mut run = Run::good();
    let another = Build { id: "another".to_owned(), ..run.builds[7].clone() };
    run.builds.push(another);
    run.says("has two builds, app-08:7 and another");
    let mut run = Run::good();
    run.builds.remove(25);
    run.says("was not started");
    let mut run = Run::good();
    run.builds[0].stopped = false;
    run.says("is superseded, and its build runs");
    let mut run = Run::good();
    run.builds[25].stopped = true;
    run.says("its build was stopped");
    let mut run = Run::good();
    run.builds[25].id = "other".to_owned();
    run.says("not other");
}

#[test]
fn a_branch_whose_newest_push_is_not_the_one_at_work_is_wrong() {
    let mut run = Run::good();
    run.supersede(25);
    run.says("app-06: one release is not superseded, not []");
    let mut run = Run::good();
    run.table.releases[25].number = 0;
    run.says("has not the largest number");
    let mut run = Run::good();
    let older = run.table.releases[5].clone();
    run.table.releases[5] = run.table.releases[25].clone();
    run.table.releases[5].commit = older.commit.clone();
    run.table.releases[25] = older;
    run.says("and not of the newest push, 2");
}

#[test]
fn what_is_still_to_be_done_is_no_rest() {
    let mut run = Run::good();
    run.table.releases[25].state = State::Requested;
    assert!(!run.table.is_at_rest());
    let mut run = Run::good();
    run.table.releases[0].build.outcome = None;
    run.table.releases[0].build.ended = None;
    assert!(!run.table.is_at_rest());
}

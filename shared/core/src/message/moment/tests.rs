use jiff::Timestamp;

use super::*;
use crate::{
    config::Telling,
    release::{
        Controller, Decision, DeploymentFact, Fact, Image, Outcome, Person, ServiceFact, Verdict, Where, sample,
    },
    report::{Progress, Status},
};

const HERE: Where = Where { deployment: 0, service: 0 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn after(notify: Notify, facts: &[Fact]) -> Release {
    let mut release = sample();
    release.telling = Telling { notify, thread: true };
    for (second, fact) in (1..).zip(facts) {
        assert_eq!(release.apply(fact.clone(), at(second)), Ok(true), "{fact:?}");
    }
    release
}

fn started() -> Fact {
    Fact::BuildStarted { id: "web-build:1".into(), page: None }
}

fn imaged() -> Fact {
    let digest = crate::image::Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
    Fact::ImageReported(Image::new("r.example/web", digest))
}

fn stage(status: Status) -> Fact {
    Fact::Progress(Progress { phase: "build".into(), status, message: None })
}

fn failed() -> Fact {
    Fact::BuildEnded { outcome: Outcome::Failed, reason: Some("no".into()), tail: Vec::new() }
}

fn asked() -> Fact {
    Fact::Deployment(0, DeploymentFact::Held(Obstacle::Approval { expires: at(10_000) }))
}

fn approved() -> Fact {
    let by = Person { name: "grace".into(), reason: None, at: at(0) };
    Fact::Deployment(0, DeploymentFact::Decided(Decision { approved: true, by }))
}

fn admitted() -> Fact {
    Fact::Deployment(0, DeploymentFact::Admitted)
}

/// From the admission to a verdict.
fn deployed(verdict: Verdict) -> Vec<Fact> {
    let based = ServiceFact::Based {
        task_definition: "arn:aws:ecs:eu-central-1:1:task-definition/web:7".into(),
        astray: false,
        before: None,
        controller: Controller::Ecs,
        idle: false,
    };
    let mut facts = vec![
        HERE.fact(based),
        Fact::Deployment(0, DeploymentFact::Cleared),
        HERE.fact(ServiceFact::Registered("arn:aws:ecs:eu-central-1:1:task-definition/web:8".into())),
        HERE.fact(ServiceFact::Updated),
        HERE.fact(ServiceFact::Concluded { verdict, reason: None, why: None }),
    ];
    if verdict == Verdict::Live {
        facts.push(Fact::Deployment(0, DeploymentFact::Finished));
    }
    facts
}

fn keys(release: &Release) -> Vec<String> {
    wanted(release).into_iter().map(|moment| moment.key).collect()
}

#[test]
fn a_good_release_has_a_moment_for_each_thing_that_matters_and_none_for_a_stage() {
    let mut facts = vec![started(), stage(Status::Started), stage(Status::Succeeded), imaged(), asked()];
    assert_eq!(keys(&after(Notify::All, &facts)), ["accepted", "approval/production"]);
    facts.extend([approved(), admitted()]);
    facts.extend(deployed(Verdict::Live));
    let all = ["accepted", "approval/production", "deploying/production", "end"];
    assert_eq!(keys(&after(Notify::All, &facts)), all);
    assert_eq!(keys(&after(Notify::Deploys, &facts)), all[1..]);
    assert_eq!(keys(&after(Notify::Failures, &facts)), ["approval/production"], "a person was asked");
}

#[test]
fn a_release_that_nobody_has_to_approve_is_no_news_where_only_failures_are() {
    let mut facts = vec![started(), imaged(), admitted()];
    let release = after(Notify::Failures, &facts);
    assert!(keys(&release).is_empty() && !is_shown(&release, None));
    facts.extend(deployed(Verdict::RolledBack));
    let release = after(Notify::Failures, &facts);
    assert_eq!(release.state, State::RolledBack, "{release:?}");
    assert_eq!(keys(&release), ["end"]);
    assert!(is_shown(&release, None) && is_shown(&release, Some(&release.deployments[0])));
}

#[test]
fn a_build_that_fails_is_told_by_every_preference_and_in_no_environments_channel() {
    for notify in Notify::ALL {
        let release = after(notify, &[started(), failed()]);
        assert_eq!(keys(&release).last().map(String::as_str), Some("end"), "{notify:?}");
        assert!(is_shown(&release, None) && !is_shown(&release, Some(&release.deployments[0])));
        assert_eq!(wanted(&release).pop().and_then(|end| end.environment), None);
    }
    assert!(!is_shown(&after(Notify::Deploys, &[started()]), None), "it goes nowhere yet");
}

#[test]
fn only_the_newest_moment_is_told_and_the_end_always() {
    let mut facts = vec![started(), imaged(), asked()];
    let release = after(Notify::All, &facts);
    assert_eq!(due(&release, &[]).map(|moment| moment.key).as_deref(), Some("approval/production"));
    let told: Vec<String> = keys(&release);
    assert_eq!(due(&release, &told), None, "what was skipped is past");
    facts.extend([approved(), admitted()]);
    facts.extend(deployed(Verdict::Live));
    let end = due(&after(Notify::All, &facts), &told).expect("a moment");
    assert_eq!((end.key.as_str(), end.kind), ("end", Kind::End(State::Live)));
    assert_eq!(end.environment.as_deref(), Some("production"));
}

proptest::proptest! {
    #[test]
    fn no_moment_comes_twice_and_none_is_taken_back(steps in 0..13_usize) {
        let mut facts = vec![started(), stage(Status::Started), stage(Status::Succeeded), imaged(), asked(), approved(), admitted()];
        facts.extend(deployed(Verdict::Live));
        let (before, after) = (keys(&after(Notify::All, &facts[..steps])), keys(&after(Notify::All, &facts)));
        proptest::prop_assert_eq!(&after[..before.len()], &before[..]);
        let mut unique = after.clone();
        unique.dedup();
        proptest::prop_assert_eq!(unique, after);
    }
}

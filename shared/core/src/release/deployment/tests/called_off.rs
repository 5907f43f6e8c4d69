//! Releases that people cancel, and those that they try once more.

use super::*;
use crate::release::{BuildStep, Outcome};

fn off() -> Fact {
    Fact::CalledOff(Person { reason: Some("wrong branch".into()), ..person("ada", 20) })
}

const WHY: &str = "cancelled by ada: wrong branch";

#[test]
fn what_is_not_deploying_ends_at_once_and_its_build_is_stopped() {
    let mut waiting = sample();
    take(&mut waiting, [off()]);
    assert_eq!((waiting.state, waiting.reason.as_deref()), (State::Cancelled, Some(WHY)));
    let mut building = sample();
    take(&mut building, [Fact::BuildStarted { id: "web-build:1".into(), page: None }, off()]);
    assert_eq!((building.state, building.build_step(at(30))), (State::Cancelled, BuildStep::Stop));
    assert_eq!(building.apply(off(), at(40)), Err(Refused::Ended("cancelled")));
}

#[test]
fn what_waits_for_an_approval_ends_at_once() {
    let mut waiting = waiting();
    take(&mut waiting, [off()]);
    assert_eq!((waiting.state, step(&waiting)), (State::Cancelled, DeployStep::Nothing));
    assert_eq!(waiting.apply(decided(true, "bob"), at(40)), Err(Refused::Ended("cancelled")));
    assert_eq!(waiting.apply(fact(DeploymentFact::Admitted), at(40)), Ok(false), "whoever works on it may not know");
}

#[test]
fn what_may_be_going_in_is_looked_at_before_it_ends() {
    let mut release = imaged(&["web"], |_| {});
    take(&mut release, [off()]);
    assert_eq!((release.state, step(&release)), (State::Deploying, DeployStep::Admit(0)));
    take(&mut release, [fact(DeploymentFact::Admitted)]);
    assert_eq!(step(&release), DeployStep::Base(WEB), "an earlier release may have left it half-way");
    take(&mut release, [based(WEB, "web:7")]);
    assert_eq!(step(&release), DeployStep::CallOff(0));
    assert_eq!(release.held_for(&step(&release)), Some(0));
    take(&mut release, [fact(DeploymentFact::CalledOff)]);
    assert_eq!(
        (release.state, release.reason.as_deref(), step(&release)),
        (State::Cancelled, Some(WHY), DeployStep::Nothing)
    );
    assert_eq!(
        imaged(&["web"], |_| {}).apply(fact(DeploymentFact::CalledOff), at(20)),
        Ok(false),
        "nobody cancelled it"
    );
}

#[test]
fn what_was_begun_goes_back_and_is_rolled_back() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), off()]);
    assert_eq!(release.apply(off(), at(30)), Err(Refused::Decided("ada".into())));
    assert_eq!(step(&release), DeployStep::CallOff(0));
    take(&mut release, [fact(DeploymentFact::CalledOff)]);
    assert_eq!(step(&release), DeployStep::GoBack(WEB));
    for service in [WEB, WORKER] {
        take(&mut release, [service.fact(ServiceFact::SentBack(None)), service.fact(ServiceFact::CameBack)]);
    }
    let reason = format!("production: {WHY}");
    assert_eq!((release.state, release.reason), (State::RolledBack, Some(reason)));
}

#[test]
fn a_task_that_runs_first_ends_before_anything_else() {
    let before = crate::config::Before {
        run: "web".into(),
        container: None,
        command: vec!["migrate".into()],
        timeout: crate::config::Before::TIMEOUT,
    };
    let mut release = prepared(|plan| plan.before = vec![before]);
    let started = DeploymentFact::RunStarted { run: 0, task: "task/1".into() };
    take(&mut release, [fact(started), off()]);
    assert_eq!(step(&release), DeployStep::FollowRun(0, 0));
    let ended = DeploymentFact::RunEnded { run: 0, exit: Some(0), failure: None, log: Vec::new() };
    take(&mut release, [fact(ended)]);
    assert_eq!(step(&release), DeployStep::CallOff(0));
}

#[test]
fn what_is_live_in_an_environment_stays_and_goes_no_further() {
    let mut release = live();
    assert_eq!(release.apply(off(), at(200)), Err(Refused::Ended("live")));
    let mut two = imaged(&["web"], |_| {});
    let mut next = two.deployments[0].clone();
    next.environment = "later".into();
    next.plan.approval = Some(approval());
    two.deployments.push(next);
    take(
        &mut two,
        [fact(DeploymentFact::Admitted), based(WEB, "web:7"), fact(DeploymentFact::Cleared), registered(WEB, "web:8")],
    );
    take(&mut two, [WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::Live), off()]);
    assert_eq!(step(&two), DeployStep::Finish(0), "too late: it may be written down as live already");
    take(&mut two, [fact(DeploymentFact::Finished)]);
    assert_eq!(step(&two), DeployStep::CallOff(1));
    assert_eq!(two.held_for(&step(&two)), None, "it was never let in");
    take(&mut two, [Fact::Deployment(1, DeploymentFact::CalledOff)]);
    assert_eq!((two.state, two.deployments[0].verdict), (State::Cancelled, Some(Verdict::Live)));
}

#[test]
fn a_release_is_tried_once_more_from_where_it_failed_on() {
    let mut failed = imaged(&["web"], |plan| plan.approval = Some(approval()));
    let mut next = failed.deployments[0].clone();
    next.environment = "later".into();
    failed.deployments.push(next);
    failed.deployments[0].verdict = Some(Verdict::Live);
    take(
        &mut failed,
        [Fact::Deployment(1, DeploymentFact::Admitted), Fact::Deployment(1, DeploymentFact::Blocked("no".into()))],
    );
    assert!(failed.may_be_tried_again());
    let id = ReleaseId::parse("01JD0000000000000000000009").expect("an id");
    let again = failed.again(id, 9, "later", Deed::Retry, person("ada", 100)).expect("a retry");
    assert_eq!(again.deployments.iter().map(|one| one.environment.as_str()).collect::<Vec<_>>(), ["later"]);
    assert!(
        again.deployments[0].plan.approval.is_some() && again.asked.as_ref().is_some_and(|asked| !asked.is_by_name())
    );
    assert_eq!((again.passing(0), again.build.outcome), (Passing::Automation, Some(Outcome::NotStarted)));
}

//! Services that another release left half-way, and those of which it is not known whether they were told.

use super::*;

fn astray(at: Where, arn: &str) -> Fact {
    at.fact(ServiceFact::Based {
        task_definition: arn.into(),
        astray: true,
        before: Some("deployment/1".into()),
        controller: Controller::Ecs,
        idle: false,
    })
}

#[test]
fn what_another_release_left_half_way_is_taken_back_by_one_that_fails_before_it_tells_a_service_anything() {
    for failure in [
        vec![fact(DeploymentFact::Blocked("no such image".into()))],
        vec![fact(DeploymentFact::Cleared), concluded(WEB, Verdict::Failed)],
    ] {
        let mut release = imaged(&["web", "worker"], |_| {});
        take(&mut release, [fact(DeploymentFact::Admitted), astray(WEB, "web:7"), based(WORKER, "worker:1")]);
        take(&mut release, failure);
        assert_eq!((release.state, step(&release)), (State::Deploying, DeployStep::GoBack(WEB)));
        take(&mut release, [WEB.fact(ServiceFact::SentBack(None)), WEB.fact(ServiceFact::CameBack)]);
        assert_eq!((release.state, step(&release)), (State::RolledBack, DeployStep::Nothing), "worker was never away");
    }
}

#[test]
fn ecs_takes_a_service_that_was_astray_back_to_something_else_than_its_base() {
    let mut release = imaged(&["web"], |_| {});
    take(&mut release, [fact(DeploymentFact::Admitted), astray(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    take(&mut release, [registered(WEB, "web:9"), WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::RolledBack)]);
    assert_eq!(step(&release), DeployStep::GoBack(WEB));
}

#[test]
fn a_service_that_is_astray_is_never_unchanged() {
    let mut release = imaged(&["web"], |_| {});
    release.deployments[0].services[0].again = Some("web:7".into());
    take(&mut release, [fact(DeploymentFact::Admitted), astray(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    assert_eq!(step(&release), DeployStep::Register(WEB));
    assert_eq!(release.apply(WEB.fact(ServiceFact::Unchanged("web:7".into())), at(11)), Ok(false));
    assert_eq!(release.deployments[0].services[0].before.as_deref(), Some("deployment/1"));
    let again = release.apply(based(WEB, "web:8"), at(12));
    assert_eq!((again, release.deployments[0].services[0].astray), (Ok(false), true), "it is read once");
}

#[test]
fn a_service_that_may_have_been_told_goes_back_with_the_others() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::RolledBack)]);
    assert_eq!(step(&release), DeployStep::GoBack(WORKER), "whoever told it may have died before writing that down");
    take(&mut release, [WORKER.fact(ServiceFact::SentBack(None)), WORKER.fact(ServiceFact::CameBack)]);
    assert_eq!(release.state, State::RolledBack);
}

#[test]
fn a_way_back_that_takes_too_long_is_given_up() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    take(&mut release, [concluded(WEB, Verdict::Failed), WEB.fact(ServiceFact::SentBack(None))]);
    let late = at(20) + Plan::TIMEOUT;
    assert_eq!(release.deploy_step(late), DeployStep::GoBack(WORKER), "all are told first");
    let later = late + Plan::TIMEOUT;
    assert_eq!(release.deploy_step(later), DeployStep::GiveUp(WORKER), "what cannot even be told is given up, too");
    take(&mut release, [WORKER.fact(ServiceFact::SentBack(None)), WORKER.fact(ServiceFact::CameBack)]);
    assert_eq!((step(&release), release.deploy_step(late)), (DeployStep::FollowBack(WEB), DeployStep::GiveUp(WEB)));
    take(&mut release, [WEB.fact(ServiceFact::StayedAway("it takes too long".into()))]);
    assert_eq!(release.state, State::Failed);
}

#[test]
fn what_is_given_up_before_it_began_is_read_first() {
    let mut release = imaged(&["web", "worker"], |_| {});
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7")]);
    let late = at(20) + Plan::TIMEOUT;
    assert_eq!(release.deploy_step(late), DeployStep::GiveUp(WORKER), "it may be astray");
    take(&mut release, [based(WORKER, "worker:1"), WEB.fact(ServiceFact::Unchanged("web:7".into()))]);
    assert_eq!(release.deploy_step(late), DeployStep::GiveUp(WORKER), "web has its verdict");
}

#[test]
fn a_release_whose_service_was_taken_over_before_it_was_finished_is_superseded() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    take(&mut release, [concluded(WEB, Verdict::Live), concluded(WORKER, Verdict::Live)]);
    take(&mut release, [fact(DeploymentFact::TakenOver("web".into()))]);
    let reason = "production: web: another deployment took over";
    assert_eq!((release.state, release.reason.as_deref()), (State::Superseded, Some(reason)));
}

#[test]
fn an_approval_is_asked_for_once() {
    let mut release = waiting();
    let later = Obstacle::Approval { expires: at(999) };
    let held = |obstacle: &Obstacle| fact(DeploymentFact::Held(obstacle.clone()));
    assert_eq!(release.apply(held(&later), at(11)), Ok(false), "another invocation asked at the same time");
    take(&mut release, [decided(true, "ada")]);
    assert_eq!(release.apply(held(&later), at(12)), Ok(false));
    assert_eq!(release.deployments[0].held, None);
}

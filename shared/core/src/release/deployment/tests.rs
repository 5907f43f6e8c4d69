use super::*;
use crate::{
    config::{Approval, Approver, Before, Check},
    image::Digest,
    release::{Asked, Deed, Fact, Image, NotAgain, Refused, Release, ReleaseId, Where, sample, tests::based},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

const WEB: Where = Where { deployment: 0, service: 0 };
const WORKER: Where = Where { deployment: 0, service: 1 };

fn fact(fact: DeploymentFact) -> Fact {
    Fact::Deployment(0, fact)
}

fn registered(at: Where, arn: &str) -> Fact {
    at.fact(ServiceFact::Registered(arn.into()))
}

fn concluded(at: Where, verdict: Verdict) -> Fact {
    at.fact(ServiceFact::Concluded { verdict, reason: Some("said ECS".into()), why: None })
}

fn person(name: &str, second: i64) -> Person {
    Person { name: name.into(), reason: None, at: at(second) }
}

/// Applies facts, all of which change something.
fn take(release: &mut Release, facts: impl IntoIterator<Item = Fact>) {
    for fact in facts {
        assert_eq!(release.apply(fact.clone(), at(10)), Ok(true), "{fact:?}");
    }
}

/// The sample with these services, whose image is there.
fn imaged(services: &[&str], adjust: impl FnOnce(&mut Plan)) -> Release {
    let mut release = sample();
    let service = |name: &&str| ServiceDeployment { service: (*name).into(), ..ServiceDeployment::default() };
    let mut plan = release.deployments[0].plan.clone();
    adjust(&mut plan);
    release.deployments[0] = Deployment::of("production".into(), plan, services.iter().map(service).collect());
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let image = Image::new("r.example/web", digest);
    let started = Fact::BuildStarted { id: "web-build:1".into(), page: None };
    take(&mut release, [started, Fact::ImageReported(image)]);
    release
}

/// Admitted, both services registered.
fn prepared(adjust: impl FnOnce(&mut Plan)) -> Release {
    let mut release = imaged(&["web", "worker"], adjust);
    take(
        &mut release,
        [
            fact(DeploymentFact::Admitted),
            based(WEB, "web:7"),
            based(WORKER, "worker:1"),
            fact(DeploymentFact::Cleared),
            registered(WEB, "web:8"),
            registered(WORKER, "worker:2"),
        ],
    );
    release
}

fn step(release: &Release) -> DeployStep {
    release.deploy_step(at(20))
}

#[test]
fn every_service_has_its_revision_before_any_is_told() {
    let mut release = imaged(&["web", "worker"], |_| {});
    let mut steps = vec![step(&release)];
    for next in [
        fact(DeploymentFact::Admitted),
        based(WEB, "web:7"),
        based(WORKER, "worker:1"),
        fact(DeploymentFact::Cleared),
        registered(WEB, "web:8"),
        registered(WORKER, "worker:2"),
        WEB.fact(ServiceFact::Updated),
        WORKER.fact(ServiceFact::Updated),
        concluded(WEB, Verdict::Live),
        concluded(WORKER, Verdict::Live),
    ] {
        take(&mut release, [next]);
        steps.push(step(&release));
    }
    let expected = [
        DeployStep::Admit(0),
        DeployStep::Base(WEB),
        DeployStep::Base(WORKER),
        DeployStep::Preflight(0),
        DeployStep::Register(WEB),
        DeployStep::Register(WORKER),
        DeployStep::Update(WEB),
        DeployStep::Update(WORKER),
        DeployStep::Follow(WEB),
        DeployStep::Follow(WORKER),
        DeployStep::Finish(0),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn in_order_each_service_is_live_before_the_next_is_told() {
    let mut release = prepared(|plan| plan.in_order = true);
    take(&mut release, [WEB.fact(ServiceFact::Updated)]);
    assert_eq!(step(&release), DeployStep::Follow(WEB));
    take(&mut release, [concluded(WEB, Verdict::Live)]);
    assert_eq!(step(&release), DeployStep::Update(WORKER));
}

#[test]
fn all_or_nothing_a_service_that_moved_goes_back_when_another_fails() {
    let mut release = prepared(|_| {});
    let updated = [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)];
    take(&mut release, updated);
    take(&mut release, [concluded(WEB, Verdict::Live), concluded(WORKER, Verdict::RolledBack)]);
    assert_eq!((release.state, step(&release)), (State::Deploying, DeployStep::GoBack(WEB)), "ECS took worker back");
    take(&mut release, [WEB.fact(ServiceFact::SentBack(None))]);
    assert_eq!(step(&release), DeployStep::FollowBack(WEB));
    take(&mut release, [WEB.fact(ServiceFact::CameBack)]);
    assert_eq!((release.state, step(&release)), (State::RolledBack, DeployStep::Nothing));
    assert_eq!(release.reason.as_deref(), Some("production: worker: said ECS"));
}

#[test]
fn a_service_that_does_not_come_back_is_a_failure_and_said() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::Failed)]);
    assert_eq!(step(&release), DeployStep::GoBack(WEB), "ECS left it as it is");
    take(
        &mut release,
        [WEB.fact(ServiceFact::SentBack(None)), WEB.fact(ServiceFact::StayedAway("no capacity".into()))],
    );
    take(&mut release, [WORKER.fact(ServiceFact::SentBack(None)), WORKER.fact(ServiceFact::CameBack)]);
    assert_eq!(release.state, State::Failed);
    let reason = "production: web: said ECS; web did not go back: no capacity";
    assert_eq!(release.reason.as_deref(), Some(reason));
}

#[test]
fn a_service_that_fails_before_any_is_told_ends_the_deployment() {
    let mut release = imaged(&["web", "worker"], |_| {});
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7"), concluded(WORKER, Verdict::Failed)]);
    assert_eq!((release.state, step(&release)), (State::Failed, DeployStep::Nothing));
    assert_eq!(release.reason.as_deref(), Some("production: worker: said ECS"));
}

#[test]
fn when_another_deployment_takes_over_nothing_goes_back() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    take(&mut release, [concluded(WEB, Verdict::Superseded)]);
    assert_eq!((release.state, step(&release)), (State::Deploying, DeployStep::Follow(WORKER)));
    take(&mut release, [concluded(WORKER, Verdict::Live)]);
    assert_eq!((release.state, release.reason.as_deref()), (State::Superseded, Some("production: web: said ECS")));
}

#[test]
fn an_overtaken_release_is_superseded_before_it_touches_a_service() {
    let mut release = imaged(&["web"], |_| {});
    take(&mut release, [fact(DeploymentFact::Overtaken(8))]);
    assert_eq!((release.state, step(&release)), (State::Superseded, DeployStep::Nothing));
    assert_eq!(release.reason.as_deref(), Some("production: release #8 was admitted before it"));
}

#[test]
fn environments_are_deployed_in_order_and_a_failure_stops_the_rest() {
    let mut release = imaged(&["web"], |_| {});
    let second = Deployment { environment: "second".into(), ..release.deployments[0].clone() };
    release.deployments.push(second);
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    take(&mut release, [registered(WEB, "web:8"), WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::Live)]);
    take(&mut release, [fact(DeploymentFact::Finished)]);
    assert_eq!((release.state, step(&release)), (State::Deploying, DeployStep::Admit(1)));
    take(&mut release, [Fact::Deployment(1, DeploymentFact::Blocked("no such image".into()))]);
    assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some("second: no such image")));
}

#[test]
fn a_deployment_without_a_verdict_is_given_up_in_the_end_but_not_while_a_person_is_waited_for() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    let late = at(20) + Plan::TIMEOUT;
    assert_eq!(release.deploy_step(late), DeployStep::GiveUp(WEB));
    let paused = ServiceFact::Paused { hook: "h-1".into(), stage: "POST_TEST_TRAFFIC_SHIFT".into() };
    take(&mut release, [WEB.fact(paused.clone())]);
    assert_eq!(release.deploy_step(late), DeployStep::Follow(WEB));
    assert_eq!(release.apply(WEB.fact(paused), at(30)), Ok(false));
    assert_eq!(release.apply(WEB.fact(ServiceFact::Resumed), late), Ok(true));
    assert_eq!(
        release.deploy_step(late),
        DeployStep::Follow(WEB),
        "the time in which a person was waited for does not count"
    );
    assert_eq!(release.deploy_step(late + Plan::TIMEOUT), DeployStep::GiveUp(WEB));
}

#[test]
fn what_is_run_first_has_to_end_well() {
    let mut release = imaged(&["web"], |plan| {
        let before = |word: &str| Before {
            run: "web".into(),
            container: None,
            command: vec![word.into()],
            timeout: Before::TIMEOUT,
        };
        plan.before = vec![before("./migrate"), before("./warm")];
    });
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    take(&mut release, [registered(WEB, "web:8")]);
    assert_eq!(step(&release), DeployStep::Run(0, 0));
    let started = |run| fact(DeploymentFact::RunStarted { run, task: format!("task/{run}") });
    let ended = |run, exit, failure: Option<&str>| {
        let log = (0..80).map(|line| line.to_string()).collect();
        fact(DeploymentFact::RunEnded { run, exit, failure: failure.map(str::to_owned), log })
    };
    take(&mut release, [started(0)]);
    assert_eq!(release.apply(started(1), at(11)), Ok(false), "one after the other");
    assert_eq!(step(&release), DeployStep::FollowRun(0, 0));
    take(&mut release, [ended(0, Some(0), None)]);
    assert_eq!(step(&release), DeployStep::Run(0, 1));
    let log = &release.deployments[0].runs[0].log;
    assert_eq!((log.len(), log.last().map(String::as_str)), (Run::LINES, Some("79")));
    take(&mut release, [started(1), ended(1, Some(3), Some("exit code 3"))]);
    assert_eq!((release.state, step(&release)), (State::Failed, DeployStep::Nothing));
    assert_eq!(release.reason.as_deref(), Some("production: before: ./warm: exit code 3"));
}

#[test]
fn a_release_that_changes_nothing_is_live_without_an_update_or_a_check() {
    let mut release = imaged(&["web"], |plan| {
        let lasts = Check::LASTS;
        plan.check = Some(Check { url: "https://x.example".into(), expect: 200, lasts });
        plan.scheduled = vec!["nightly".into()];
    });
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    take(&mut release, [WEB.fact(ServiceFact::Unchanged("web:7".into()))]);
    assert_eq!(step(&release), DeployStep::Finish(0));
    take(&mut release, [fact(DeploymentFact::Finished)]);
    assert_eq!((release.state, release.deployments[0].is_begun()), (State::Live, false));
}

#[test]
fn a_check_that_fails_takes_all_services_back() {
    let mut release = prepared(|plan| {
        plan.check = Some(Check { url: "https://x.example".into(), expect: 200, lasts: Check::LASTS });
    });
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    take(&mut release, [concluded(WEB, Verdict::Live), concluded(WORKER, Verdict::Live)]);
    assert_eq!(step(&release), DeployStep::Check(0));
    let wrong = |failures| fact(DeploymentFact::Probed { failures, last: Some("it answered 500, not 200".into()) });
    take(&mut release, [wrong(1)]);
    assert_eq!(step(&release), DeployStep::Check(0), "one wrong answer is not a failure");
    take(&mut release, [wrong(Probe::FAILURES)]);
    assert_eq!(step(&release), DeployStep::GoBack(WEB));
    take(&mut release, [WEB.fact(ServiceFact::SentBack(None))]);
    assert_eq!(step(&release), DeployStep::GoBack(WORKER));
    take(&mut release, [WORKER.fact(ServiceFact::SentBack(None))]);
    take(&mut release, [WEB.fact(ServiceFact::CameBack), WORKER.fact(ServiceFact::CameBack)]);
    assert_eq!(release.state, State::RolledBack);
    let reason = "production: the check failed: it answered 500, not 200";
    assert_eq!(release.reason.as_deref(), Some(reason));
}

fn approval() -> Approval {
    Approval { by: vec![Approver::Group("managers".into())], not_author: false, expires: SignedDuration::from_mins(1) }
}

/// The sample, waiting for its approval.
fn waiting() -> Release {
    let mut release = imaged(&["web"], |plan| plan.approval = Some(approval()));
    let DeployStep::Hold(0, obstacle) = step(&release) else { panic!("{:?}", step(&release)) };
    assert_eq!(obstacle, Obstacle::Approval { expires: at(80) });
    take(&mut release, [fact(DeploymentFact::Held(obstacle))]);
    assert_eq!(step(&release), DeployStep::Wait(0));
    release
}

fn decided(approved: bool, name: &str) -> Fact {
    fact(DeploymentFact::Decided(Decision { approved, by: person(name, 10) }))
}

#[test]
fn an_approved_release_goes_in_and_the_second_answer_is_too_late() {
    let mut release = waiting();
    take(&mut release, [decided(true, "ada")]);
    assert_eq!(step(&release), DeployStep::Admit(0));
    assert_eq!(release.apply(decided(false, "eve"), at(12)), Err(Refused::Decided("ada".into())));
}

#[test]
fn a_rejected_release_fails_with_its_reason() {
    let mut release = waiting();
    let by = Person { reason: Some("not on a Friday".into()), ..person("ada", 10) };
    take(&mut release, [fact(DeploymentFact::Decided(Decision { approved: false, by }))]);
    assert_eq!((release.state, step(&release)), (State::Failed, DeployStep::Nothing));
    assert_eq!(release.reason.as_deref(), Some("production: rejected by ada: not on a Friday"));
}

#[test]
fn an_approval_that_nobody_gives_expires() {
    let mut release = waiting();
    assert_eq!(release.apply(fact(DeploymentFact::Expired), at(79)), Ok(false), "not yet");
    assert_eq!(release.deploy_step(at(80)), DeployStep::Expire(0));
    assert_eq!(release.apply(fact(DeploymentFact::Expired), at(80)), Ok(true));
    assert_eq!(
        (release.state, release.reason.as_deref()),
        (State::Failed, Some("production: nobody approved it in time"))
    );
    assert_eq!(release.apply(decided(true, "ada"), at(81)), Err(Refused::Ended("failed")));
}

#[test]
fn what_goes_wrong_beside_a_deployment_is_noted_once_whatever_its_length() {
    let mut release = prepared(|_| {});
    let note = "x".repeat(1000);
    assert!(release.deployments[0].is_news(&note));
    take(&mut release, [fact(DeploymentFact::Noted(note.clone()))]);
    assert!(!release.deployments[0].is_news(&note));
    for other in 1..Deployment::NOTES {
        take(&mut release, [fact(DeploymentFact::Noted(other.to_string()))]);
    }
    assert!(!release.deployments[0].is_news("one more"), "there is no room for it");
}

#[test]
fn an_attempt_of_someone_who_may_not_is_recorded_and_changes_nothing_else() {
    let mut release = waiting();
    let attempt = Attempt {
        name: "eve".into(),
        deed: "decide".into(),
        why: "she is not among those who approve".into(),
        at: at(9),
    };
    for _ in 0..Deployment::ATTEMPTS {
        take(&mut release, [fact(DeploymentFact::Declined(attempt.clone()))]);
    }
    assert_eq!(release.apply(fact(DeploymentFact::Declined(attempt)), at(12)), Ok(false), "not for ever");
    assert_eq!(step(&release), DeployStep::Wait(0));
}

#[test]
fn what_holds_a_release_is_overridden_by_name_but_an_approval_is_not() {
    let mut release = imaged(&["web"], |_| {});
    let overridden = || fact(DeploymentFact::Overridden(person("ada", 10)));
    assert_eq!(release.apply(overridden(), at(10)), Err(Refused::NotHeld("nothing holds it")));
    let lock = Lock { by: "bob".into(), reason: None, since: at(0), until: None, rollback: false };
    take(&mut release, [fact(DeploymentFact::Held(Obstacle::Lock(lock))), overridden()]);
    assert_eq!(step(&release), DeployStep::Admit(0));
    assert_eq!(waiting().apply(overridden(), at(10)), Err(Refused::NotHeld("it waits for an approval")));
}

#[test]
fn a_persons_answer_to_a_pause_is_handed_on_once() {
    let mut release = prepared(|_| {});
    take(&mut release, [WEB.fact(ServiceFact::Updated), WORKER.fact(ServiceFact::Updated)]);
    let answered = |name| WEB.fact(ServiceFact::Answered(Decision { approved: true, by: person(name, 10) }));
    assert!(release.apply(answered("ada"), at(11)).is_err(), "nothing is asked");
    take(&mut release, [WEB.fact(ServiceFact::Paused { hook: "h-1".into(), stage: "POST_SCALE_UP".into() })]);
    take(&mut release, [answered("ada")]);
    assert_eq!(release.apply(answered("bob"), at(12)), Err(Refused::Decided("ada".into())));
    assert_eq!(step(&release), DeployStep::Answer(WEB));
    take(&mut release, [WEB.fact(ServiceFact::Resumed)]);
    assert_eq!(step(&release), DeployStep::Follow(WEB));
}

/// The sample, live with `web:8`.
fn live() -> Release {
    let mut release = imaged(&["web"], |plan| plan.approval = Some(approval()));
    release.deployments[0].decision = Some(Decision { approved: true, by: person("ada", 10) });
    take(&mut release, [fact(DeploymentFact::Admitted), based(WEB, "web:7"), fact(DeploymentFact::Cleared)]);
    take(&mut release, [registered(WEB, "web:8"), WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::Live)]);
    take(&mut release, [fact(DeploymentFact::Finished)]);
    release
}

#[test]
fn a_rollback_brings_the_revision_back_that_was_live() {
    let of = live();
    let id = ReleaseId::parse("01JD0000000000000000000009").expect("an id");
    let mut back = of.again(id, 9, "production", Deed::Rollback, person("ada", 100)).expect("a rollback");
    let asked = Asked { deed: Deed::Rollback, of: of.id.clone(), number: 7, person: person("ada", 100) };
    assert_eq!((back.number, back.state, back.asked.as_ref()), (9, State::Deploying, Some(&asked)));
    assert_eq!((back.build_step(at(200)), back.is_closed()), (crate::release::BuildStep::Nothing, false));
    assert_eq!(step(&back), DeployStep::Admit(0), "no approval: back is always allowed");
    take(&mut back, [fact(DeploymentFact::Admitted), based(WEB, "web:9"), fact(DeploymentFact::Cleared)]);
    assert_eq!(step(&back), DeployStep::Register(WEB));
    assert_eq!(back.deployments[0].services[0].again.as_deref(), Some("web:8"));
    take(&mut back, [registered(WEB, "web:8"), WEB.fact(ServiceFact::Updated), concluded(WEB, Verdict::Live)]);
    take(&mut back, [fact(DeploymentFact::Finished)]);
    let id = ReleaseId::parse("01JD000000000000000000000A").expect("an id");
    let further = back.again(id, 10, "production", Deed::Rollback, person("ada", 300)).expect("a rollback");
    assert_eq!(further.asked.map(|asked| asked.number), Some(7), "it names the release that was built");
}

#[test]
fn a_rollback_to_what_runs_already_changes_nothing() {
    let id = ReleaseId::parse("01JD0000000000000000000009").expect("an id");
    let mut back = live().again(id, 9, "production", Deed::Rollback, person("ada", 100)).expect("a rollback");
    take(&mut back, [fact(DeploymentFact::Admitted), based(WEB, "web:8"), fact(DeploymentFact::Cleared)]);
    assert_eq!(step(&back), DeployStep::Finish(0));
}

#[test]
fn a_release_goes_in_again_only_where_it_was_and_as_it_was() {
    let id = || ReleaseId::parse("01JD0000000000000000000009").expect("an id");
    let of = imaged(&["web"], |plan| plan.approval = Some(approval()));
    let back = of.again(id(), 9, "production", Deed::Rollback, person("ada", 100));
    assert_eq!(back, Err(NotAgain::NeverLive { number: 7, environment: "production".into() }));
    let elsewhere = of.again(id(), 9, "staging", Deed::Deploy, person("ada", 100)).expect_err("no such environment");
    assert_eq!(elsewhere.to_string(), "release #7 knows no environment staging: it has production");
    assert_eq!(sample().again(id(), 9, "production", Deed::Deploy, person("ada", 100)), Err(NotAgain::NoImage(7)));
    let on = of.again(id(), 9, "production", Deed::Deploy, person("ada", 100)).expect("a deployment by name");
    assert!(
        matches!(step(&on), DeployStep::Hold(0, Obstacle::Approval { .. })),
        "an approval is asked for all the same"
    );
}

mod astray;
mod called_off;

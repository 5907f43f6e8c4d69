use super::*;
use crate::{
    image::Digest,
    release::{Attempt, Decision, DeploymentFact, Fact, Image, Lock, Person, ServiceFact, Where, sample},
};

const SERVICE: Where = Where { deployment: 0, service: 0 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn fact(fact: DeploymentFact) -> Fact {
    Fact::Deployment(0, fact)
}

fn decision(approved: bool, name: &str) -> Decision {
    Decision { approved, by: Person { name: name.into(), reason: None, at: at(30) } }
}

/// The sample with its image, after these facts.
fn release(facts: impl IntoIterator<Item = Fact>) -> Release {
    let mut release = sample();
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let image = Image::new("r.example/web", digest);
    let started = Fact::BuildStarted { id: "web-build:1".into(), page: None };
    for fact in [started, Fact::ImageReported(image)].into_iter().chain(facts) {
        assert_eq!(release.apply(fact.clone(), at(10)), Ok(true), "{fact:?}");
    }
    release
}

fn asked() -> Fact {
    fact(DeploymentFact::Held(Obstacle::Approval { expires: at(100) }))
}

fn paused() -> [Fact; 5] {
    [
        fact(DeploymentFact::Admitted),
        SERVICE.fact(ServiceFact::Registered("web:8".into())),
        SERVICE.fact(ServiceFact::Updated),
        SERVICE.fact(ServiceFact::Followed("deployment".into())),
        SERVICE.fact(ServiceFact::Paused { hook: "hook".into(), stage: "POST_SCALE_UP".into() }),
    ]
}

fn press(release: &Release, action: Action, rest: &str) -> Press {
    Press::parse(action, &format!("{}/{rest}", release.id)).expect("a press")
}

fn told(release: &Release, action: Action) -> Option<String> {
    let named = stale(release, &press(release, action, "production/web"), at(50));
    assert_eq!(stale(release, &press(release, action, "production"), at(50)), named, "the one that waits is meant");
    named
}

#[test]
fn what_is_waited_for_is_not_stale() {
    let waits = release([asked()]);
    assert_eq!([Action::Approve, Action::Reject].map(|action| told(&waits, action)), [None, None]);
    let paused = release(paused());
    assert_eq!([Action::Continue, Action::RollBack].map(|action| told(&paused, action)), [None, None]);
    let tried =
        Attempt { name: "eve".into(), deed: "decide".into(), why: "not among those who approve".into(), at: at(20) };
    let tried = release([asked(), fact(DeploymentFact::Declined(tried))]);
    assert_eq!(told(&tried, Action::Approve), None);
}

#[test]
fn what_is_not_known_is_left_to_who_does_the_deed() {
    let waits = release([asked()]);
    assert_eq!(stale(&waits, &press(&waits, Action::Approve, "staging"), at(50)), None);
    assert_eq!(stale(&waits, &press(&waits, Action::Continue, "production/api"), at(50)), None);
}

#[test]
fn a_late_approval_hears_how_the_release_stands() {
    let approved = || [asked(), fact(DeploymentFact::Decided(decision(true, "ada")))];
    let lock = Lock { by: "ada".into(), reason: None, since: at(0), until: None, rollback: false };
    let cases = [
        (release(approved()), "was approved by ada, and waits to go in"),
        (release([asked(), fact(DeploymentFact::Decided(decision(false, "ada")))]), "failed: rejected by ada"),
        (
            release(approved().into_iter().chain([fact(DeploymentFact::Held(Obstacle::Lock(lock)))])),
            "was approved by ada, and waits at a lock",
        ),
        (
            release(approved().into_iter().chain([fact(DeploymentFact::Held(Obstacle::Freeze { until: at(60) }))])),
            "was approved by ada, and waits for the end of a freeze",
        ),
        (
            release(approved().into_iter().chain([fact(DeploymentFact::Admitted)])),
            "was approved by ada, and is being deployed",
        ),
        (release([asked(), fact(DeploymentFact::Overtaken(8))]), "was superseded: release #8 was admitted before it"),
        (release([]), "waits to go in"),
    ];
    for (release, standing) in cases {
        let expected = format!("Too late, nothing was changed: web #7 {standing} (production).");
        for action in [Action::Approve, Action::Reject] {
            assert_eq!(told(&release, action).as_deref(), Some(&*expected));
        }
    }
    let expired = release([asked()]);
    let late = stale(&expired, &press(&expired, Action::Approve, "production"), at(100));
    let expected = "Too late, nothing was changed: web #7 was not approved in time (production).";
    assert_eq!(late.as_deref(), Some(expected), "also before the tick comes to it");
}

#[test]
fn a_late_answer_to_a_pause_hears_what_was_answered() {
    let answer = |approved| SERVICE.fact(ServiceFact::Answered(decision(approved, "ada")));
    let on = release(paused().into_iter().chain([answer(true)]));
    let handed_on = release(paused().into_iter().chain([answer(true), SERVICE.fact(ServiceFact::Resumed)]));
    let back = release(paused().into_iter().chain([answer(false)]));
    let never = release(paused().into_iter().take(4));
    let cases = [
        (on, "goes on, says ada"),
        (handed_on, "goes on, says ada"),
        (back, "goes back, says ada"),
        (never, "is being deployed"),
    ];
    for (release, standing) in cases {
        let expected = format!("Too late, nothing was changed: web #7 {standing} (production).");
        for action in [Action::Continue, Action::RollBack] {
            let told = stale(&release, &press(&release, action, "production/web"), at(50));
            assert_eq!(told.as_deref(), Some(&*expected));
        }
    }
}

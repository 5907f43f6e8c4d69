use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::report::{Progress, Status};

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

const HERE: Where = Where { deployment: 0, service: 0 };

fn image(digit: char) -> Image {
    let digest = Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).expect("a digest");
    Image::new("r.example/web", digest)
}

fn started() -> Fact {
    Fact::BuildStarted { id: "web-build:1".into(), page: None }
}

fn ended(outcome: Outcome) -> Fact {
    Fact::BuildEnded { outcome, reason: None, tail: Vec::new() }
}

fn concluded(verdict: Verdict) -> Fact {
    HERE.fact(ServiceFact::Concluded { verdict, reason: None, why: None })
}

fn admitted() -> Fact {
    Fact::Deployment(0, DeploymentFact::Admitted)
}

fn cleared() -> Fact {
    Fact::Deployment(0, DeploymentFact::Cleared)
}

fn finished() -> Fact {
    Fact::Deployment(0, DeploymentFact::Finished)
}

/// What a service ran before.
pub fn based(at: Where, arn: &str) -> Fact {
    at.fact(ServiceFact::Based {
        task_definition: arn.into(),
        astray: false,
        before: None,
        controller: Controller::Ecs,
        idle: false,
    })
}

fn after(facts: impl IntoIterator<Item = Fact>) -> Release {
    let mut release = sample();
    for (second, fact) in facts.into_iter().enumerate() {
        release.apply(fact, at(i64::try_from(second).expect("few facts"))).expect("a fact in its place");
    }
    release
}

#[test]
fn a_release_goes_from_requested_to_live() {
    let mut release = sample();
    let mut seen = vec![release.state];
    let facts = [
        started(),
        Fact::ImageReported(image('a')),
        admitted(),
        based(HERE, "web:7"),
        cleared(),
        HERE.fact(ServiceFact::Registered("web:8".into())),
        HERE.fact(ServiceFact::Updated),
        ended(Outcome::Succeeded),
        concluded(Verdict::Live),
        finished(),
    ];
    let mut steps = vec![release.deploy_step(at(0))];
    for fact in facts {
        assert_eq!(release.apply(fact, at(9)), Ok(true));
        seen.push(release.state);
        steps.push(release.deploy_step(at(9)));
    }
    seen.dedup();
    assert_eq!(seen, [State::Requested, State::Building, State::Deploying, State::Live]);
    steps.dedup();
    let expected = [
        DeployStep::Nothing,
        DeployStep::Admit(0),
        DeployStep::Base(HERE),
        DeployStep::Preflight(0),
        DeployStep::Register(HERE),
        DeployStep::Update(HERE),
        DeployStep::Follow(HERE),
        DeployStep::Finish(0),
        DeployStep::Nothing,
    ];
    assert_eq!(steps, expected);
    assert_eq!((release.ended, release.is_closed()), (Some(release.changed), true));
}

#[test]
fn a_build_that_ends_without_an_image_fails_its_release_and_says_why() {
    let failed = Progress { phase: "test".into(), status: Status::Failed, message: Some("2 checks".into()) };
    for (facts, reason) in [
        (vec![started(), ended(Outcome::Succeeded)], "the build succeeded and reported no image"),
        (vec![started(), Fact::Progress(failed), ended(Outcome::Failed)], "test: 2 checks"),
        (vec![started(), ended(Outcome::TimedOut)], "the build timed out"),
        (vec![Fact::BuildRefused("no such project".into())], "no such project"),
    ] {
        let release = after(facts);
        assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some(reason)));
        assert!(release.is_closed());
    }
}

#[test]
fn a_build_that_fails_after_its_image_was_reported_leaves_the_deployment_alone() {
    let release = after([started(), Fact::ImageReported(image('a')), ended(Outcome::Failed)]);
    assert_eq!((release.state, release.reason.as_deref()), (State::Deploying, None));
}

#[test]
fn a_second_image_is_refused_and_the_same_one_changes_nothing() {
    let mut release = after([started(), Fact::ImageReported(image('a'))]);
    assert_eq!(release.apply(Fact::ImageReported(image('a')), at(9)), Ok(false));
    let refused = release.apply(Fact::ImageReported(image('b')), at(9));
    assert_eq!(refused, Err(Refused::AnotherImage(image('a').reference())));
    let mut over = after([started(), ended(Outcome::Stopped)]);
    assert_eq!(over.apply(Fact::ImageReported(image('a')), at(9)), Err(Refused::Ended("failed")));
}

#[test]
fn a_release_of_several_images_is_deployed_once_all_are_there() {
    let mut release = sample();
    let images = [("web", "web"), ("nginx", "web-nginx")].map(|(name, image)| (name.to_owned(), image.to_owned()));
    release.deployments[0].plan.images = images.into();
    assert_eq!(release.repositories(), ["web", "web-nginx"]);
    release.apply(started(), at(1)).expect("a fact in its place");
    release.apply(Fact::ImageReported(image('a')), at(2)).expect("a fact in its place");
    assert_eq!((release.state, release.is_imaged()), (State::Building, false));
    let mut without = release.clone();
    without.apply(ended(Outcome::Succeeded), at(3)).expect("a fact in its place");
    assert_eq!(without.reason.as_deref(), Some("the build succeeded and reported no image of web-nginx"));
    let nginx = Image { repository: "r.example/web-nginx".into(), ..image('b') };
    release.apply(Fact::ImageReported(nginx.clone()), at(3)).expect("a fact in its place");
    assert_eq!((release.state, release.image_of("web-nginx")), (State::Deploying, Some(&nginx)));
    let another = Image { repository: "r.example/web-nginx".into(), ..image('c') };
    let refused = release.apply(Fact::ImageReported(another), at(4));
    assert_eq!(refused, Err(Refused::AnotherImage(nginx.reference())));
}

#[test]
fn changes_have_one_order_whatever_the_clocks_say() {
    let mut release = after([started()]);
    release.apply(Fact::ImageReported(image('a')), at(50)).expect("a fact in its place");
    release.apply(admitted(), at(20)).expect("a fact in its place");
    assert_eq!(release.deployments[0].admitted, Some(at(50) + SignedDuration::from_millis(1)));
}

#[test]
fn a_late_report_of_a_beginning_opens_no_stage_again() {
    let report = |status| Fact::Progress(Progress { phase: "test".into(), status, message: None });
    let mut release = after([started(), report(Status::Succeeded)]);
    assert_eq!(release.apply(report(Status::Started), at(3)), Ok(false));
    assert_eq!(release.apply(report(Status::Started), at(60)), Ok(true), "it begins again");
}

#[test]
fn a_build_is_started_again_after_a_look_and_given_up_in_the_end() {
    let release = sample();
    assert_eq!(release.build_step(at(1)), BuildStep::Start { look_first: false });
    let later = at(0) + Release::TOKEN_LIFE + SignedDuration::from_secs(1);
    assert_eq!(release.build_step(later), BuildStep::Start { look_first: true });
    let late = at(0) + release.start_within + SignedDuration::from_secs(1);
    assert_eq!(release.build_step(late), BuildStep::GiveUp);
    assert_eq!(after([started()]).build_step(at(1)), BuildStep::Follow);
}

#[test]
fn stages_are_kept_in_order_and_a_repeated_report_changes_nothing() {
    let report = |phase: &str, status| Fact::Progress(Progress { phase: phase.into(), status, message: None });
    let mut release = after([started(), report("build", Status::Started)]);
    assert_eq!(release.apply(report("build", Status::Started), at(9)), Ok(false));
    assert_eq!(release.apply(report("build", Status::Succeeded), at(9)), Ok(true));
    assert_eq!(release.apply(report("build", Status::Succeeded), at(9)), Ok(false));
    for extra in 0..100 {
        release.apply(report(&format!("stage {extra}"), Status::Started), at(9)).expect("a report");
    }
    assert_eq!(release.build.stages.len(), Build::STAGES);
}

#[test]
fn a_record_survives_its_json() {
    let release = after([started(), Fact::ImageReported(image('a')), admitted(), concluded(Verdict::Live)]);
    let json = serde_json::to_string(&release).expect("JSON");
    assert_eq!(serde_json::from_str::<Release>(&json).expect("a release"), release);
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let verdict = prop::sample::select(vec![Verdict::Live, Verdict::Superseded, Verdict::RolledBack, Verdict::Failed]);
    let outcome = prop::sample::select(vec![Outcome::Succeeded, Outcome::Failed, Outcome::Stopped, Outcome::Fault]);
    let place = (0_usize..3, 0_usize..3).prop_map(|(deployment, service)| Where { deployment, service });
    prop_oneof![
        Just(started()),
        outcome.prop_map(ended),
        Just(Fact::BuildRefused("no".into())),
        Just(Fact::BuildGivenUp("no answer".into())),
        Just(Fact::BuildNotStarted),
        prop::sample::select(vec!['a', 'b']).prop_map(|digit| Fact::ImageReported(image(digit))),
        (0_usize..3).prop_map(|at| Fact::Deployment(at, DeploymentFact::Admitted)),
        (0_usize..3).prop_map(|at| Fact::Deployment(at, DeploymentFact::Overtaken(9))),
        (0_usize..3).prop_map(|at| Fact::Deployment(at, DeploymentFact::Cleared)),
        (0_usize..3).prop_map(|at| Fact::Deployment(at, DeploymentFact::Blocked("no role".into()))),
        (0_usize..3).prop_map(|at| Fact::Deployment(at, DeploymentFact::Finished)),
        place.clone().prop_map(|at| based(at, "web:7")),
        place.clone().prop_map(|at| at.fact(ServiceFact::Registered("web:8".into()))),
        place.clone().prop_map(|at| at.fact(ServiceFact::Updated)),
        place.clone().prop_map(|at| at.fact(ServiceFact::SentBack(None))),
        place.clone().prop_map(|at| at.fact(ServiceFact::CameBack)),
        (place, verdict).prop_map(|(at, verdict)| at.fact(ServiceFact::Concluded { verdict, reason: None, why: None })),
    ]
}

proptest! {
    /// Whatever comes in whatever order: an end is final, a repeated fact changes nothing, and an open release has a step or
    /// something to wait for.
    #[test]
    fn facts_in_any_order_keep_a_release_sound(facts in prop::collection::vec(any_fact(), 0..40)) {
        let mut release = sample();
        for fact in facts {
            let before = release.clone();
            let _ = release.apply(fact.clone(), at(5));
            if before.state.is_end() {
                prop_assert_eq!(before.state, release.state);
                prop_assert_eq!(&before.reason, &release.reason);
                prop_assert_eq!(before.ended, release.ended);
            }
            prop_assert_eq!(release.ended.is_some(), release.state.is_end());
            let once = release.clone();
            let again = release.apply(fact, at(6));
            prop_assert!(!matches!(again, Ok(true)));
            prop_assert_eq!(&once, &release);
            if !release.state.is_end() {
                let waits = release.build_step(at(7)) == BuildStep::Nothing;
                prop_assert!(!waits || release.deploy_step(at(7)) != DeployStep::Nothing);
                prop_assert!(release.open_for().is_some());
            }
        }
    }
}

fn newer() -> Newer {
    Newer { number: 8, commit: "89abcde".into() }
}

fn id(digit: char) -> ReleaseId {
    ReleaseId::parse(&format!("01JD000000000000000000000{digit}")).expect("an id")
}

fn wait(digit: char, until: Until) -> Wait {
    Wait { release: id(digit), pipeline: "base".into(), number: 3, until, met: None }
}

/// The sample, waiting for these.
fn waiting(waits: Vec<Wait>) -> Release {
    let mut release = sample();
    (release.state, release.build.due, release.waits) = (State::Waiting, None, waits);
    release
}

fn met() -> Met {
    Met { commit: "0".repeat(40), image: None }
}

#[test]
fn a_newer_push_ends_a_release_that_is_not_yet_deploying() {
    for facts in [vec![], vec![started()]] {
        let mut release = after(facts);
        assert_eq!(release.apply(Fact::Superseded(newer()), at(5)), Ok(true));
        assert_eq!((release.state, release.ended.is_some()), (State::Superseded, true));
        assert_eq!(release.reason.as_deref(), Some("release #8 (89abcde) is of a newer push"));
        assert_eq!(release.apply(Fact::Superseded(newer()), at(6)), Ok(false));
    }
    let mut deploying = after([started(), Fact::ImageReported(image('a'))]);
    assert_eq!(deploying.apply(Fact::Superseded(newer()), at(5)), Ok(false), "there, numbers decide");
    let mut patient = sample();
    patient.supersede = false;
    assert_eq!(patient.apply(Fact::Superseded(newer()), at(5)), Ok(false));
}

#[test]
fn the_build_of_a_superseded_release_is_stopped_and_seen_to_its_end() {
    let mut release = after([started(), Fact::Superseded(newer())]);
    assert_eq!((release.build_step(at(3)), release.open_for()), (BuildStep::Stop, Some(OpenFor::Build)));
    release.apply(ended(Outcome::Stopped), at(4)).expect("a fact in its place");
    assert_eq!((release.build_step(at(5)), release.open_for()), (BuildStep::Nothing, None));
    assert_eq!(release.reason.as_deref(), Some("release #8 (89abcde) is of a newer push"));
}

#[test]
fn a_build_that_was_being_started_when_its_release_was_superseded_is_found_and_stopped() {
    let mut release = after([Fact::Superseded(newer())]);
    assert_eq!(release.open_for(), Some(OpenFor::Build));
    assert_eq!(release.build_step(at(5)), BuildStep::Nothing, "whoever starts it may still be about to");
    let later = at(1) + Release::START_LASTS + SignedDuration::from_secs(1);
    assert_eq!(release.build_step(later), BuildStep::Find);
    let mut never = release.clone();
    never.apply(Fact::BuildNotStarted, later).expect("a fact in its place");
    assert_eq!((never.open_for(), never.build.outcome), (None, Some(Outcome::NotStarted)));
    release.apply(started(), later).expect("a fact in its place");
    assert_eq!((release.state, release.build_step(later)), (State::Superseded, BuildStep::Stop));
}

#[test]
fn a_build_that_started_after_its_release_was_given_up_is_found_and_stopped() {
    let mut release = after([Fact::BuildGivenUp("no answer for 30 minutes".into())]);
    assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some("no answer for 30 minutes")));
    assert_eq!((release.build.outcome, release.open_for()), (None, Some(OpenFor::Build)));
    assert_eq!(release.build_step(at(5)), BuildStep::Nothing, "another attempt may still be under way");
    let later = at(1) + Release::START_LASTS + SignedDuration::from_secs(1);
    assert_eq!(release.build_step(later), BuildStep::Find);
    let mut never = release.clone();
    never.apply(Fact::BuildNotStarted, later).expect("a fact in its place");
    assert_eq!((never.open_for(), never.build.outcome), (None, Some(Outcome::NotStarted)));
    release.apply(started(), later).expect("a fact in its place");
    assert_eq!((release.state, release.build_step(later)), (State::Failed, BuildStep::Stop));
    let image = release.apply(Fact::ImageReported(image('a')), later);
    assert_eq!(image, Err(Refused::Ended("failed")), "it deploys nothing");
    release.apply(ended(Outcome::Stopped), later).expect("a fact in its place");
    assert_eq!((release.state, release.open_for()), (State::Failed, None));
    assert_eq!(release.reason.as_deref(), Some("no answer for 30 minutes"));
}

#[test]
fn a_release_whose_build_is_known_is_not_given_up() {
    let mut release = after([started()]);
    assert_eq!(release.apply(Fact::BuildGivenUp("no answer".into()), at(9)), Ok(false));
    let failed = Progress { phase: "test".into(), status: Status::Failed, message: None };
    release.apply(Fact::Progress(failed), at(10)).expect("a report");
    assert_eq!((release.state, release.build_step(at(11))), (State::Building, BuildStep::Follow));
}

#[test]
fn a_build_that_runs_on_after_a_deployment_failed_is_left_to_its_end() {
    let release = after([started(), Fact::ImageReported(image('a')), admitted(), concluded(Verdict::Failed)]);
    assert_eq!((release.state, release.build_step(at(9))), (State::Failed, BuildStep::Follow));
}

#[test]
fn a_release_that_comes_late_is_superseded_from_the_beginning() {
    let release = sample().late(&newer());
    assert_eq!(
        (release.state, release.build_step(at(0)), release.open_for()),
        (State::Superseded, BuildStep::Nothing, None)
    );
}

#[test]
fn a_release_waits_until_all_are_met() {
    let mut release = waiting(vec![wait('1', Until::Success), wait('2', Until::End)]);
    assert_eq!((release.build_step(at(1)), release.open_for()), (BuildStep::Wait, Some(OpenFor::Build)));
    assert_eq!(release.apply(Fact::Awaited(id('1'), met()), at(2)), Ok(true));
    assert_eq!(release.apply(Fact::Awaited(id('1'), met()), at(3)), Ok(false));
    assert_eq!((release.state, release.build_step(at(3))), (State::Waiting, BuildStep::Wait));
    assert_eq!(release.apply(Fact::Awaited(id('2'), met()), at(4000)), Ok(true));
    assert_eq!(release.state, State::Requested);
    let step = release.build_step(at(4001));
    assert_eq!(step, BuildStep::Start { look_first: false }, "its time begins when it no longer waits");
}

#[test]
fn a_release_whose_waits_were_met_before_it_was_made_is_due() {
    let met = Wait { met: Some(met()), ..wait('1', Until::Success) };
    for (waits, state) in [(vec![met.clone()], State::Requested), (vec![met, wait('2', Until::End)], State::Waiting)] {
        let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n";
        let config = crate::config::Config::read(text).expect("a configuration");
        let Release { delivery, repository, reference, commit, .. } = sample();
        let origin = Origin { delivery, repository, reference, commit, brought: Vec::new() };
        let release = Release::new(id('9'), 8, &config.pipelines()[0], origin, waits, None, at(0));
        assert_eq!(release.state, state);
        assert_eq!(release.build_step(at(1)) == BuildStep::Wait, state == State::Waiting);
    }
}

#[test]
fn a_build_that_fails_after_its_image_says_why_where_nothing_is_deployed() {
    let mut release = sample();
    release.deployments.clear();
    for fact in [started(), Fact::ImageReported(image('a'))] {
        release.apply(fact, at(1)).expect("a fact in its place");
    }
    let reason = Some("POST_BUILD failed: exit status 1".to_owned());
    release
        .apply(Fact::BuildEnded { outcome: Outcome::Failed, reason: reason.clone(), tail: Vec::new() }, at(2))
        .expect("a fact in its place");
    assert_eq!((release.state, release.reason), (State::Failed, reason));
}

#[test]
fn a_release_that_waits_in_vain_is_cancelled_without_a_build() {
    let mut release = waiting(vec![wait('1', Until::Success)]);
    assert_eq!(release.apply(Fact::Cancelled("base #3 failed".into()), at(2)), Ok(true));
    assert_eq!((release.state, release.open_for()), (State::Cancelled, None));
    assert_eq!(release.reason.as_deref(), Some("base #3 failed"));
    assert_eq!(after([started()]).apply(Fact::Cancelled("base #3 failed".into()), at(2)), Ok(false));
}

#[test]
fn a_build_that_is_not_taken_is_tried_again_after_growing_pauses() {
    let mut release = sample();
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert!(matches!(release.build_step(now), BuildStep::Start { .. }), "{now}");
        release.apply(Fact::BuildDelayed("ThrottlingException".into()), now).expect("a fact in its place");
        let delay = release.build.delay.clone().expect("a delay");
        assert_eq!(release.build_step(delay.until - SignedDuration::from_secs(1)), BuildStep::Nothing);
        pauses.push(delay.until.duration_since(release.changed).as_secs());
        now = delay.until;
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(release.state, State::Requested);
    release.apply(started(), now).expect("a fact in its place");
    assert_eq!(release.build.delay, None);
}

proptest! {
    // Whatever happens in whatever order, an end is an end, and a release whose build may run is looked after until it has ended.
    #[test]
    fn no_order_of_facts_leaves_a_build_without_an_owner(
        facts in prop::collection::vec(prop::sample::select(vec![
            started(), ended(Outcome::Succeeded), ended(Outcome::Stopped), Fact::Superseded(newer()), Fact::BuildNotStarted,
            Fact::Cancelled("base #3 failed".into()), Fact::BuildDelayed("throttled".into()), Fact::ImageReported(image('a')),
            Fact::Awaited(id('1'), met()), admitted(), concluded(Verdict::Live), Fact::BuildRefused("no project".into()),
            Fact::BuildGivenUp("no answer".into()),
        ]), 0..12),
        waits in any::<bool>(),
    ) {
        let mut release = if waits { waiting(vec![wait('1', Until::Success)]) } else { sample() };
        let mut end = None;
        for (second, fact) in (1..).zip(facts) {
            let _ = release.apply(fact, at(second));
            prop_assert!(end.is_none_or(|end| end == release.state), "{end:?} became {:?}", release.state);
            end = release.state.is_end().then_some(release.state);
            prop_assert_eq!(end.is_some(), release.ended.is_some());
            if release.build.id.is_some() && release.build.outcome.is_none() {
                prop_assert!(release.open_for().is_some());
                prop_assert!(matches!(release.build_step(at(second)), BuildStep::Follow | BuildStep::Stop));
            }
            // Where it is not known whether there is a build, it is started or looked for sooner or later.
            if release.build.due.is_some() && release.build.id.is_none() && release.build.outcome.is_none() {
                prop_assert!(release.open_for().is_some());
                let later = release.changed + Release::START_LASTS + SignedDuration::from_secs(300);
                let step = release.build_step(later);
                prop_assert!(matches!(step, BuildStep::Start { .. } | BuildStep::GiveUp | BuildStep::Find), "{step:?}");
            }
            // A build is stopped because its release ended without it, not because it failed by itself.
            if release.build_step(at(second)) == BuildStep::Stop {
                prop_assert!(release.state.is_end() && release.image.is_none());
                prop_assert!(release.state != State::Failed || release.build.started > release.ended);
            }
        }
    }
}

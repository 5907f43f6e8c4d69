use super::*;

const PACE: Pace = Pace { minute: 60.0, stage: 1.0 };
const FINE: View = View { held: false, ready: true, company: Company::Alone };

fn course(steps: &[u16]) -> Course {
    Course { steps: steps.to_vec(), pause: 2, bake: 5, asks: false }
}

/// The stages that a deployment passes when nothing holds it, each with green's production traffic and the time it takes.
fn passed(course: &Course, mut at: Progress) -> Vec<(&'static str, u16, f64)> {
    let mut passed = Vec::new();
    let mut now = at.since;
    loop {
        let green = share(course, at, Role::Green).production.expect("a share");
        let blue = share(course, at, Role::Blue).production.expect("a share");
        assert_eq!(green + blue, ALL, "no traffic is lost");
        let next = loop {
            now += 1.0;
            if let Some(next) = next(course, at, FINE, PACE, now) {
                break next;
            }
        };
        passed.push((at.stage.name(), green, now - at.since));
        match next {
            Next::Enter(progress) => at = progress,
            Next::Done => return passed,
        }
    }
}

#[test]
fn blue_green_passes_every_stage_in_awss_order() {
    let expected = [
        ("PRE_SCALE_UP", 0, 1.0),
        ("SCALE_UP", 0, 1.0),
        ("POST_SCALE_UP", 0, 1.0),
        ("TEST_TRAFFIC_SHIFT", 0, 1.0),
        ("POST_TEST_TRAFFIC_SHIFT", 0, 1.0),
        ("PRODUCTION_TRAFFIC_SHIFT", 1000, 1.0),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 1000, 1.0),
        ("BAKE_TIME", 1000, 300.0),
        ("CLEAN_UP", 1000, 1.0),
    ];
    assert_eq!(passed(&course(&[ALL]), Progress::begin(false, 0.0)), expected);
    let stray = passed(&course(&[ALL]), Progress::begin(true, 0.0));
    assert_eq!(stray[0], ("RECONCILE_SERVICE", 0, 1.0));
    assert_eq!(stray[1..], expected);
}

#[test]
fn linear_and_canary_take_production_traffic_in_steps_and_wait_between_them() {
    let shifts = |steps: &[u16]| {
        let mut passed = passed(&course(steps), Progress::begin(false, 0.0));
        passed.retain(|(stage, _, _)| *stage == "PRODUCTION_TRAFFIC_SHIFT");
        passed.into_iter().map(|(_, green, seconds)| (green, seconds)).collect::<Vec<_>>()
    };
    assert_eq!(shifts(&[50, ALL]), [(50, 120.0), (1000, 1.0)]);
    assert_eq!(shifts(&[300, 600, 900, ALL]), [(300, 120.0), (600, 120.0), (900, 120.0), (1000, 1.0)]);
}

#[test]
fn a_hook_before_production_traffic_comes_at_every_step() {
    let asking = Course { asks: true, ..course(&[500, ALL]) };
    let passed = passed(&asking, Progress::begin(false, 0.0));
    let shifts: Vec<_> = passed.iter().filter(|(stage, _, _)| stage.contains("PRODUCTION")).collect();
    let names: Vec<_> = shifts.iter().map(|(stage, green, _)| (*stage, *green)).collect();
    assert_eq!(
        names,
        [
            ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0),
            ("PRODUCTION_TRAFFIC_SHIFT", 500),
            ("PRE_PRODUCTION_TRAFFIC_SHIFT", 500),
            ("PRODUCTION_TRAFFIC_SHIFT", 1000),
            ("POST_PRODUCTION_TRAFFIC_SHIFT", 1000),
        ]
    );
}

#[test]
fn a_stage_waits_for_its_hook_its_tasks_and_its_shortest_time() {
    let course = course(&[ALL]);
    let at = |stage| Progress { stage, since: 0.0, step: 0, back: false };
    let held = View { held: true, ..FINE };
    for stage in Stage::EVERY {
        assert_eq!(next(&course, at(stage), held, PACE, 1e9), None, "{stage:?}");
        assert_eq!(next(&course, at(stage), FINE, PACE, 0.5), None, "{stage:?}");
        assert!(next(&course, at(stage), FINE, PACE, 1e9).is_some(), "{stage:?}");
    }
    for (stage, view) in [
        (Stage::ReconcileService, View { company: Company::Strays, ..FINE }),
        (Stage::ScaleUp, View { ready: false, ..FINE }),
        (Stage::CleanUp, View { company: Company::Pair, ..FINE }),
    ] {
        assert_eq!(next(&course, at(stage), view, PACE, 1e9), None, "{stage:?}");
    }
}

#[test]
fn a_rollback_gives_blue_its_tasks_then_production_then_test_traffic_and_green_goes_last() {
    let course = course(&[100, ALL]);
    let (mut at, mut seen) = (Progress::roll_back(false, 0.0), Vec::new());
    assert_eq!(next(&course, at, View { ready: false, ..FINE }, PACE, 1e9), None, "not before blue can serve");
    loop {
        let (blue, green) = (share(&course, at, Role::Blue), share(&course, at, Role::Green));
        seen.push((at.stage.name(), blue.production, blue.test, green.full));
        assert_eq!(blue.full, Some(true));
        match next(&course, at, FINE, PACE, at.since + 1.0) {
            Some(Next::Enter(progress)) => at = progress,
            Some(Next::Done) => break,
            None => panic!("stuck at {at:?}"),
        }
    }
    assert_eq!(
        seen,
        [
            ("SCALE_UP", None, None, None),
            ("PRODUCTION_TRAFFIC_SHIFT", Some(ALL), None, None),
            ("TEST_TRAFFIC_SHIFT", Some(ALL), Some(ALL), None),
            ("CLEAN_UP", Some(ALL), Some(ALL), Some(false)),
        ]
    );
    assert_eq!(Progress::roll_back(true, 0.0).stage, Stage::ProductionTrafficShift, "users go back at once");
}

#[test]
fn green_has_tasks_before_traffic_and_blue_until_green_has_it_all() {
    let course = course(&[ALL]);
    for stage in Stage::EVERY {
        for role in [Role::Blue, Role::Green, Role::Stray] {
            let share = share(&course, Progress { stage, since: 0.0, step: 0, back: false }, role);
            let traffic = share.production.max(share.test).is_some_and(|traffic| traffic > 0);
            assert!(!traffic || share.full == Some(true), "{role:?} at {stage:?}: {share:?}");
        }
    }
}

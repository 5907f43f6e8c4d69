use super::*;

fn task(id: &str, deployment: &str, healthy_since: Option<f64>) -> TaskView {
    TaskView {
        id: id.into(),
        deployment: deployment.into(),
        stopping: false,
        drained: false,
        healthy_since,
        unhealthy: None,
        credited: healthy_since.is_some(),
    }
}

fn start(count: usize) -> Action {
    Action::Start { deployment: "new".into(), count }
}

fn service(desired: usize, tasks: Vec<TaskView>) -> Snapshot {
    Snapshot {
        desired,
        minimum: 100,
        maximum: 200,
        threshold: Some(3),
        steady: 1.0,
        primary: "new".into(),
        rollout: Rollout::InProgress,
        failures: 0,
        not_before: 0.0,
        tasks,
    }
}

#[test]
fn an_old_task_goes_only_when_a_new_one_is_healthy() {
    let old = task("1", "old", Some(0.0));
    let pending = service(1, vec![old.clone(), task("2", "new", None)]);
    assert_eq!(plan(&pending, 5.0), vec![]);
    let healthy = service(1, vec![old, task("2", "new", Some(5.0))]);
    assert_eq!(plan(&healthy, 5.0), vec![Action::Stop("1".into())]);
}

#[test]
fn new_tasks_start_within_the_maximum() {
    let olds = vec![task("1", "old", Some(0.0)), task("2", "old", Some(0.0))];
    assert_eq!(plan(&service(2, olds.clone()), 5.0), vec![start(2)]);
    let narrow = Snapshot { maximum: 150, ..service(2, olds.clone()) };
    assert_eq!(plan(&narrow, 5.0), vec![start(1)]);
    let full = Snapshot { minimum: 50, maximum: 100, ..service(2, olds) };
    assert_eq!(plan(&full, 5.0), vec![Action::Stop("1".into()), start(1)]);
}

#[test]
fn a_deployment_is_complete_when_all_are_steady_and_the_old_ones_drained() {
    let mut old = task("1", "old", Some(0.0));
    old.stopping = true;
    let fresh = task("2", "new", Some(4.0));
    assert_eq!(plan(&service(1, vec![old.clone(), fresh.clone()]), 9.0), vec![]);
    old.drained = true;
    assert_eq!(plan(&service(1, vec![old.clone(), fresh.clone()]), 4.5), vec![]);
    assert_eq!(plan(&service(1, vec![old, fresh]), 9.0), vec![Action::Complete]);
}

#[test]
fn the_circuit_breaker_opens_at_its_threshold_and_only_where_it_is_enabled() {
    let failing = Snapshot { failures: 3, ..service(1, vec![task("1", "old", Some(0.0))]) };
    assert_eq!(plan(&failing, 5.0), vec![Action::Fail]);
    let without = Snapshot { threshold: None, ..failing.clone() };
    assert_eq!(plan(&without, 5.0), vec![start(1)]);
    let failed = Snapshot { rollout: Rollout::Failed, ..failing };
    assert_eq!(plan(&failed, 5.0), vec![]);
    assert_eq!([threshold(1), threshold(10), threshold(1000)], [3, 5, 200]);
}

#[test]
fn a_failed_task_is_tried_again_after_a_pause() {
    let waiting = Snapshot { not_before: 6.0, ..service(1, vec![]) };
    assert_eq!(plan(&waiting, 5.0), vec![]);
    assert_eq!(plan(&waiting, 6.0), vec![start(1)]);
}

#[test]
fn an_unhealthy_task_is_replaced() {
    let mut sick = task("1", "new", None);
    sick.unhealthy = Some("sick".into());
    let expected = vec![Action::Replace("1".into(), "sick".into()), start(1)];
    assert_eq!(plan(&service(1, vec![sick]), 5.0), expected);
}

#[test]
fn fewer_desired_tasks_stop_the_youngest() {
    let tasks = vec![task("1", "new", Some(0.0)), task("2", "new", Some(0.0))];
    let smaller = Snapshot { rollout: Rollout::Completed, ..service(1, tasks) };
    assert_eq!(plan(&smaller, 5.0), vec![Action::Stop("2".into())]);
}

/// A seeded random schedule: at no step do fewer healthy tasks remain than the minimum, nor more tasks than the maximum.
#[test]
fn no_schedule_breaks_the_bounds() {
    for seed in 1_u64..400 {
        let mut random = seed;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % 1_000_003).unwrap_or_default() % below
        };
        let desired = 1 + next(5);
        let mut world = service(desired, (0..desired).map(|i| task(&format!("o{i}"), "old", Some(0.0))).collect());
        world.minimum = [50, 100][next(2)];
        world.maximum = 200;
        world.threshold = None;
        let least = (desired * world.minimum).div_ceil(100);
        let mut names = 0;
        for step in 0..60_u32 {
            let now = f64::from(step);
            for action in plan(&world, now) {
                match action {
                    Action::Start { count, .. } => {
                        for _ in 0..count {
                            names += 1;
                            world.tasks.push(task(&format!("n{names}"), "new", None));
                        }
                    }
                    Action::Stop(id) | Action::Replace(id, _) => {
                        let found = world.tasks.iter_mut().find(|task| task.id == id);
                        found.expect("a task that is there").stopping = true;
                    }
                    Action::Credit(_) | Action::Fail => {}
                    Action::Complete => world.rollout = Rollout::Completed,
                }
            }
            let alive = world.tasks.iter().filter(|task| !task.stopping);
            let (all, healthy) = (alive.clone().count(), alive.filter(|t| t.healthy_since.is_some()).count());
            assert!(healthy >= least, "seed {seed}, step {step}: {healthy} healthy of at least {least}");
            assert!(all <= desired * 2, "seed {seed}, step {step}: {all} tasks");
            for task in &mut world.tasks {
                if task.stopping {
                    task.drained = true;
                } else if task.healthy_since.is_none() && next(3) == 0 {
                    task.healthy_since = Some(now);
                }
            }
            world.tasks.retain(|task| !task.drained || task.id.len() > 3);
        }
        assert_eq!(world.rollout, Rollout::Completed, "seed {seed}");
    }
}

#[test]
fn while_traffic_is_shifted_each_side_keeps_its_tasks() {
    let mut sick = task("3", "old", None);
    sick.unhealthy = Some("sick".into());
    let tasks = vec![task("1", "old", Some(0.0)), sick, task("4", "new", Some(0.0)), task("5", "stray", Some(0.0))];
    let world = Snapshot { maximum: 100, ..service(2, tasks) };
    let side = |deployment: &str, wanted, starts| Side { deployment: deployment.into(), wanted, starts };
    let replaced = Action::Replace("3".into(), "sick".into());
    let stray = Action::Stop("5".into());
    let started = |deployment: &str| Action::Start { deployment: deployment.into(), count: 1 };
    assert_eq!(
        hold(&world, &[side("new", 2, true), side("old", 2, true)], 5.0),
        [replaced.clone(), stray.clone(), started("new"), started("old")]
    );
    assert_eq!(
        hold(&world, &[side("new", 2, false), side("old", 0, true)], 5.0),
        [replaced, stray, Action::Stop("1".into())],
        "green waits, blue is cleaned up"
    );
    let failing = Snapshot { failures: 3, ..world };
    assert_eq!(hold(&failing, &[side("new", 2, true)], 5.0), [Action::Fail]);
}

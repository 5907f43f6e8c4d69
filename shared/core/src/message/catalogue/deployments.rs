//! Releases on their way into an environment, and how that ends.

use super::{
    Sample,
    made::{Making, arn, at, decision, into, person, web},
};
use crate::release::{
    Attempt, Controller, DeploymentFact, Fact, Lock, Obstacle, ServiceFact, StoppedTask, Verdict, Why,
};

const ONE: &[&str] = &["web"];

pub(super) fn all() -> Vec<Sample> {
    [asked(), held(), first(), moving(), ended()].concat()
}

/// An environment that asks for an approval.
fn approval() -> Making {
    let by = "approval = { by = [\"U0GRACE12\", \"S0OPS1234\"] }";
    into(&format!("[{{ name = \"production\", cluster = \"production\", services = [\"web\"], {by} }}]"))
        .imaged()
        .here(78, DeploymentFact::Held(Obstacle::Approval { expires: at(86_478) }))
}

fn asked() -> Vec<Sample> {
    let no =
        Attempt { name: "eve".into(), deed: "decide".into(), why: "not among those who approve".into(), at: at(90) };
    vec![
        approval().sample("approval-asked", "Somebody has to approve it."),
        approval().here(90, DeploymentFact::Declined(no)).sample("approval-declined", "Someone answered who may not."),
        approval()
            .here(100, DeploymentFact::Decided(decision(true, "grace", "looks good")))
            .sample("approved", "It was approved, and goes in next."),
        approval()
            .here(100, DeploymentFact::Decided(decision(false, "grace", "not on a Friday")))
            .sample("rejected", "It was rejected, with the reason."),
        approval().here(86_478, DeploymentFact::Expired).sample("expired", "Nobody approved it in time."),
    ]
}

fn held() -> Vec<Sample> {
    let locked = || {
        let reason = Some("the harbour is closed".into());
        web()
            .imaged()
            .here(78, lock(Lock { by: "grace".into(), reason, since: at(-600), until: None, rollback: false }))
    };
    vec![
        web()
            .imaged()
            .here(78, DeploymentFact::Held(Obstacle::Freeze { until: at(200_000) }))
            .sample("frozen", "longshore.toml says that nothing goes in now."),
        locked().sample("locked", "Someone locked the environment."),
        locked()
            .here(300, DeploymentFact::Overridden(person("ada", "the door has to be open")))
            .sample("overridden", "Someone lets it pass the lock."),
        web()
            .imaged()
            .here(78, DeploymentFact::Overtaken(9))
            .sample("overtaken", "A newer release was admitted before it."),
    ]
}

fn lock(lock: Lock) -> DeploymentFact {
    DeploymentFact::Held(Obstacle::Lock(lock))
}

/// An environment that runs a migration first.
fn migrated() -> Making {
    let before = "before = [{ run = \"web\", command = [\"./manage.py\", \"migrate\"] }]";
    into(&format!("[{{ name = \"production\", cluster = \"production\", services = [\"web\"], {before} }}]"))
        .imaged()
        .cleared(ONE)
        .service(83, 0, ServiceFact::Registered(arn("web:8")))
        .here(84, DeploymentFact::RunStarted { run: 0, task: "arn:aws:ecs:eu-central-1:123456789012:task/t1".into() })
}

fn first() -> Vec<Sample> {
    let log = ["Applying 0007_door...", "django.db.utils.OperationalError: table doors is locked"];
    let ran = |exit, failure: Option<&str>| DeploymentFact::RunEnded {
        run: 0,
        exit: Some(exit),
        failure: failure.map(str::to_owned),
        log: log.map(str::to_owned).to_vec(),
    };
    vec![
        migrated().sample("before-running", "A task runs before the services are told."),
        migrated()
            .here(99, ran(1, Some("it exited with code 1")))
            .sample("before-failed", "That task failed: no service was told anything."),
    ]
}

fn paused() -> Making {
    let pause = ServiceFact::Paused { hook: "h-1".into(), stage: "POST_TEST_TRAFFIC_SHIFT".into() };
    web()
        .imaged()
        .cleared(ONE)
        .updated(ONE)
        .service(90, 0, ServiceFact::Stage("POST_TEST_TRAFFIC_SHIFT".into()))
        .service(91, 0, pause)
}

fn moving() -> Vec<Sample> {
    let answered = |approved| ServiceFact::Answered(decision(approved, "grace", ""));
    vec![
        web().imaged().cleared(ONE).updated(ONE).sample("deploying", "The service was told to run the new revision."),
        web()
            .imaged()
            .cleared(ONE)
            .updated(ONE)
            .fact(100, Fact::CalledOff(person("grace", "wrong branch")))
            .sample("cancelling", "Someone cancels it while it is being deployed."),
        web()
            .imaged()
            .cleared(ONE)
            .updated(ONE)
            .service(90, 0, ServiceFact::Stage("PRODUCTION_TRAFFIC_SHIFT".into()))
            .sample("traffic", "The traffic is being shifted."),
        paused().sample("paused", "A blue/green deployment is paused: someone has to say whether it goes on."),
        paused()
            .service(120, 0, answered(true))
            .service(121, 0, ServiceFact::Resumed)
            .sample("continued", "Someone let it go on."),
        paused().service(120, 0, answered(false)).sample("taken-back", "Someone takes it back."),
        web()
            .imaged()
            .cleared(ONE)
            .updated(ONE)
            .service(150, 0, concluded(Verdict::Live, None, None))
            .here(160, probed())
            .sample("check-failed", "The check after it failed: it is about to go back."),
        checked().sample("going-back", "The check failed, and the service goes back."),
    ]
}

fn concluded(verdict: Verdict, reason: Option<&str>, why: Option<Why>) -> ServiceFact {
    ServiceFact::Concluded { verdict, reason: reason.map(str::to_owned), why }
}

fn probed() -> DeploymentFact {
    DeploymentFact::Probed { failures: 3, last: Some("https://web.example/health answered 503".into()) }
}

/// A check that fails after all services run the new revision.
fn checked() -> Making {
    web()
        .imaged()
        .cleared(ONE)
        .updated(ONE)
        .service(150, 0, concluded(Verdict::Live, None, None))
        .here(160, probed())
        .service(161, 0, ServiceFact::SentBack(None))
}

/// What ECS and the container said about a service that did not come up.
fn why() -> Why {
    let containers = vec![("web".into(), Some(1), None)];
    let task =
        StoppedTask::new("0d1e2f3a4b5c", "EssentialContainerExited: Essential container in task exited", containers);
    let events = vec!["(service web) was unable to place a task.".into()];
    let log = vec!["nginx: [emerg] unknown directive \"dor\" in /etc/nginx/conf.d/house.conf:3".into()];
    Why::new(events, vec![task], vec!["10.0.0.7:8080 unhealthy: Target.FailedHealthChecks".into()], log)
}

fn ended() -> Vec<Sample> {
    let reason = "the circuit breaker was triggered: tasks failed to start";
    let based = |idle| ServiceFact::Based {
        task_definition: arn("web:7"),
        astray: false,
        before: None,
        controller: Controller::Ecs,
        idle,
    };
    vec![
        web().imaged().live().sample("live", "It serves in its environment."),
        web()
            .imaged()
            .here(80, DeploymentFact::Admitted)
            .service(81, 0, based(false))
            .here(82, DeploymentFact::Cleared)
            .service(83, 0, ServiceFact::Unchanged(arn("web:7")))
            .here(84, DeploymentFact::Finished)
            .sample("live-unchanged", "The environment runs it already: nothing was done."),
        web()
            .imaged()
            .here(80, DeploymentFact::Admitted)
            .service(81, 0, based(true))
            .here(82, DeploymentFact::Cleared)
            .updated(ONE)
            .service(90, 0, concluded(Verdict::Live, None, None))
            .here(
                91,
                DeploymentFact::Noted("the parameter /longshore/web/production was not written: AccessDenied".into()),
            )
            .here(92, DeploymentFact::Finished)
            .sample("live-noted", "It is live, with no task that runs it, and something beside it went wrong."),
        web()
            .imaged()
            .cleared(ONE)
            .updated(ONE)
            .service(140, 0, concluded(Verdict::RolledBack, Some(reason), Some(why())))
            .sample("rolled-back", "ECS took the service back: why, and what its container said."),
        checked()
            .service(190, 0, ServiceFact::CameBack)
            .sample("went-back", "The check failed, and the service runs what it ran before."),
        checked()
            .service(190, 0, ServiceFact::StayedAway("its earlier image is gone from ECR".into()))
            .sample("stayed-away", "The check failed, and the service could not go back."),
        web()
            .imaged()
            .here(80, DeploymentFact::Admitted)
            .here(81, DeploymentFact::Blocked("the image has 2 findings at or above HIGH".into()))
            .sample("blocked", "It cannot go in; no service was told anything."),
        web()
            .imaged()
            .cleared(ONE)
            .updated(ONE)
            .service(120, 0, concluded(Verdict::Superseded, Some("another deployment took over"), None))
            .sample("taken-over", "Another deployment took over."),
    ]
}

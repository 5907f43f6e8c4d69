//! What is around a deployment: tasks before it, a check after it, several services, strategies, and two releases at once.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use local_ecr::{Finding, Scan, Severity};
use longshore_core::release::{Release, ReleaseId, State, Verdict};
use longshore_tests::{Gate, Local, Push, Works, config, eventually, release_of, with_config, with_gate};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A pipeline of every branch, with an environment of these keys.
fn pipeline(keys: &str) -> String {
    let keys = format!(
        "branches = [\"*\"]\nimage = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\n{keys}"
    );
    config(&[("web", "github.com/acme/web", &keys)])
}

/// A version that works so, on its way: pushed to a branch of its name.
async fn pushed(local: &Local, branch: &str, after: u8, works: Works) -> ReleaseId {
    local.version("web", branch, works).await;
    release_of(&local.send(&push(branch, after).delivery()).await)
}

fn push(branch: &str, after: u8) -> Push<'_> {
    Push { repository: "acme/web", branch, before: 0, after, files: &["README.md"] }
}

/// The same, to its end.
async fn released(local: &Local, branch: &str, after: u8, works: Works) -> Release {
    local.closed(&pushed(local, branch, after, works).await).await
}

/// The revision that a service is to run.
async fn runs(local: &Local, service: &str) -> String {
    let wanted = json!({ "cluster": "production", "services": [service] });
    let found = local.ecs("DescribeServices", &wanted).await["services"][0]["taskDefinition"].clone();
    found.as_str().expect("a revision").to_owned()
}

fn revision(release: &Release, service: usize) -> &str {
    release.deployments[0].services[service].task_definition.as_deref().expect("a revision")
}

#[test]
fn a_migration_that_fails_keeps_the_release_out_and_one_that_succeeds_lets_it_in() {
    let keys = "services = [\"web\"]\n\
        before = [{ run = \"web\", command = [\"sh\", \"-c\", \"echo hoists $VERSION; test $VERSION = good\"] }]";
    with_config(
        &pipeline(keys),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            local.settled("web").await;
            let bad = released(local, "bad", 1, Works::Well).await;
            assert_eq!(bad.state, State::Failed);
            let command = "sh -c echo hoists $VERSION; test $VERSION = good";
            assert_eq!(bad.reason, Some(format!("production: before: {command}: exit code 1")));
            let run = &bad.deployments[0].runs[0];
            assert_eq!((run.exit, &run.log[..]), (Some(1), &["hoists bad".to_owned()][..]));
            assert_eq!(local.service_deployments().await, 1, "the service was told nothing");
            let message = local.message(&bad.id, ": failed after ", 2).await;
            assert!(local.thread(&message).concat().contains("hoists bad"), "{:#?}", local.thread(&message));

            let good = released(local, "good", 2, Works::Well).await;
            assert_eq!((good.state, good.deployments[0].runs[0].exit), (State::Live, Some(0)), "{:?}", good.reason);
            assert_eq!(runs(local, "web").await, revision(&good, 0));
        },
    );
}

/// A page for checks, which answers with the status that is set.
fn serve(listener: std::net::TcpListener, status: &Arc<AtomicU16>) {
    listener.set_nonblocking(true).expect("a listener that does not block");
    let listener = TcpListener::from_std(listener).expect("a listener");
    let status = status.clone();
    let answer = move || {
        let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).expect("a status");
        async move { status }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/health", get(answer))).await });
}

#[test]
fn a_check_that_fails_takes_every_service_back_to_what_was_live() {
    // Its address is in the configuration, which is there before the stack runs.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/health", listener.local_addr().expect("an address"));
    let keys = format!("services = [\"web\", \"worker\"]\ncheck = {{ url = \"{url}\", for = \"1s\" }}");
    with_config(
        &pipeline(&keys),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            let status = Arc::new(AtomicU16::new(200));
            serve(listener, &status);
            let first = released(local, "one", 1, Works::Well).await;
            assert_eq!(first.state, State::Live, "{:?}", first.reason);
            assert!(first.deployments[0].probe.as_ref().is_some_and(|probe| probe.passed.is_some()));

            status.store(500, Ordering::SeqCst);
            let second = released(local, "two", 2, Works::Well).await;
            assert_eq!(second.state, State::RolledBack, "{:?}", second.reason);
            assert_eq!(second.reason, Some(format!("production: the check failed: {url} answered 500, not 200")));
            for (position, service) in ["web", "worker"].into_iter().enumerate() {
                assert_eq!(second.deployments[0].services[position].verdict, Some(Verdict::Live), "it came up");
                assert_eq!(runs(local, service).await, revision(&first, position), "{service} is back");
            }
            local.message(&second.id, ": rolled back after ", 5).await;
        },
    );
}

#[test]
fn when_one_service_does_not_come_up_the_other_goes_back_too() {
    let keys = "services = [\"web\", \"worker\"]\nin_order = true";
    with_config(
        &pipeline(keys),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            picky(local, "worker", "test \"$VERSION\" != two").await;
            let first = released(local, "one", 1, Works::Well).await;
            assert_eq!(first.state, State::Live, "{:?}", first.reason);
            let second = released(local, "two", 2, Works::Well).await;
            assert_eq!(second.state, State::RolledBack, "{:?}", second.reason);
            let verdicts: Vec<_> = second.deployments[0].services.iter().map(|service| service.verdict).collect();
            assert_eq!(verdicts, [Some(Verdict::Live), Some(Verdict::RolledBack)], "web had moved, worker had not");
            let why = second.deployments[0].services[1].why.as_ref().expect("why");
            assert!(!why.events.is_empty() && !why.tasks.is_empty(), "{why:?}");
            for (position, service) in ["web", "worker"].into_iter().enumerate() {
                assert_eq!(runs(local, service).await, revision(&first, position), "{service} runs what was live");
            }
        },
    );
}

/// Gives a service's container a health check of its own.
async fn picky(local: &Local, service: &str, check: &str) {
    let mut definition = local.task_definition(&runs(local, service).await).await["taskDefinition"].clone();
    definition["containerDefinitions"][0]["healthCheck"] =
        json!({ "command": ["CMD-SHELL", check], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 0 });
    let registered = local.ecs("RegisterTaskDefinition", &registrable(definition)).await;
    let arn = registered["taskDefinition"]["taskDefinitionArn"].clone();
    let update = json!({ "cluster": "production", "service": service, "taskDefinition": arn });
    local.ecs("UpdateService", &update).await;
    local.settled(service).await;
}

/// A described task definition as a request.
fn registrable(mut definition: Value) -> Value {
    let members = definition.as_object_mut().expect("a definition");
    members.retain(|member, _| !longshore_core::task_definition::READ_ONLY.contains(&member.as_str()));
    definition
}

#[test]
fn a_blue_green_deployment_waits_at_its_pause_for_a_person_who_may_send_it_back() {
    with_config(
        &pipeline("services = [\"web\"]"),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            blue_green(local).await;
            let first = pushed(local, "one", 1, Works::Well).await;
            let message = local.message(&first, ": paused in production (", 0).await;
            assert!(!is_serving(local, &first).await, "users have the earlier version");
            local.press("U0DEVELOPER", &message, "continue").await;
            let first = local.closed(&first).await;
            assert_eq!(first.state, State::Live, "{:?}", first.reason);
            let service = &first.deployments[0].services[0];
            let stages: Vec<_> = service.stages.iter().map(|passed| passed.stage.as_str()).collect();
            assert!(stages.contains(&"POST_TEST_TRAFFIC_SHIFT"), "{stages:?}");
            assert!(service.answers.iter().any(|answered| answered.decision.approved), "{:?}", service.answers);

            let second = pushed(local, "two", 2, Works::Well).await;
            let message = local.message(&second, ": paused in production (", 0).await;
            local.press("U0DEVELOPER", &message, "roll_back").await;
            let second = local.closed(&second).await;
            assert_eq!(second.state, State::RolledBack, "{:?}", second.reason);
            assert_eq!(runs(local, "web").await, revision(&first, 0));
        },
    );
}

async fn is_serving(local: &Local, id: &ReleaseId) -> bool {
    let release = local.stack.release(id).await.expect("the release");
    release.deployments[0].verdict.is_some()
}

/// Has ECS deploy the service blue/green from now on, with a pause before users see the new version.
async fn blue_green(local: &Local) {
    local.settled("web").await;
    let balancer = local.service().await["loadBalancers"][0].clone();
    let update = json!({
        "cluster": "production", "service": "web",
        "deploymentConfiguration": {
            "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0,
            "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"] }],
        },
        "loadBalancers": [{
            "targetGroupArn": balancer["targetGroupArn"], "containerName": balancer["containerName"],
            "containerPort": balancer["containerPort"],
            "advancedConfiguration": {
                "alternateTargetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/green/1",
                "productionListenerRule": "arn:local:rule", "testListenerRule": "arn:local:test",
                "roleArn": "arn:aws:iam::123456789012:role/balancing",
            },
        }],
    });
    local.ecs("UpdateService", &update).await;
    // Whatever deployment this made by itself goes on through its pause.
    let look = async || {
        let wanted = json!({ "cluster": "production", "service": "web" });
        let newest = local.ecs("ListServiceDeployments", &wanted).await["serviceDeployments"][0].clone();
        if newest["status"] == "SUCCESSFUL" {
            return Some(());
        }
        let arn = &newest["serviceDeploymentArn"];
        let described = local.ecs("DescribeServiceDeployments", &json!({ "serviceDeploymentArns": [arn] })).await;
        let hooks = described["serviceDeployments"][0]["lifecycleHookDetails"].as_array().cloned().unwrap_or_default();
        for hook in hooks.iter().filter(|hook| hook["status"] == "AWAITING_ACTION") {
            let go = json!({ "serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": "CONTINUE" });
            local.ecs("ContinueServiceDeployment", &go).await;
        }
        None
    };
    eventually("the service is deployed blue/green", look).await;
}

#[test]
fn an_image_that_does_not_fit_or_is_not_safe_does_not_go_in() {
    with_config(
        &pipeline("services = [\"web\"]\nblock_on = \"HIGH\""),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            local.settled("web").await;
            local.version("web", "unsafe", Works::Well).await;
            let digest = local.digest("unsafe").await;
            local.stack.ecr.scan(&digest, Scan::InProgress);
            let id = release_of(&local.send(&push("unsafe", 1).delivery()).await);
            let waits = async || {
                let release = local.stack.release(&id).await.ok()?;
                (release.state == State::Deploying && release.deployments[0].services[0].base.is_some()).then_some(())
            };
            eventually("the release waits for its scan", waits).await;
            local.tick("Deploy").await;
            assert_eq!(local.stack.release(&id).await.expect("the release").state, State::Deploying);
            let found =
                [Severity::Critical, Severity::Low].map(|severity| Finding::new("CVE-2026-1", severity, "busybox"));
            local.stack.ecr.scan(&digest, Scan::Complete(found.into()));
            local.tick("Deploy").await;
            let release = local.closed(&id).await;
            let found = "production: the scan of web found 1 CRITICAL";
            assert_eq!((release.state, release.reason.as_deref()), (State::Failed, Some(found)));

            let mut definition = local.task_definition(&runs(local, "web").await).await["taskDefinition"].clone();
            let (other, wanted) = if cfg!(target_arch = "aarch64") { ("X86_64", "amd64") } else { ("ARM64", "arm64") };
            definition["runtimePlatform"]["cpuArchitecture"] = other.into();
            let registered = local.ecs("RegisterTaskDefinition", &registrable(definition)).await;
            let arn = &registered["taskDefinition"]["taskDefinitionArn"];
            let update = json!({ "cluster": "production", "service": "web", "taskDefinition": arn });
            local.ecs("UpdateService", &update).await;
            local.settled("web").await;
            let before = local.service_deployments().await;
            let release = released(local, "other", 2, Works::Well).await;
            assert_eq!(release.state, State::Failed);
            let reason = release.reason.as_deref().expect("a reason");
            assert!(reason.ends_with(&format!("and the tasks of web run on linux/{wanted}")), "{reason}");
            assert_eq!(local.service_deployments().await, before, "the service was told nothing");
        },
    );
}

#[test]
fn of_two_releases_that_arrive_at_once_the_newer_ends_live() {
    with_gate(&pipeline("services = [\"web\"]"), async |local, gate| {
        local.script(&[Gate::WAIT, Local::REPORT_BRANCH]).await;
        let older = pushed(local, "one", 1, Works::Well).await;
        let newer = pushed(local, "two", 2, Works::Well).await;
        gate.open();
        let newer = local.closed(&newer).await;
        let older = local.closed(&older).await;
        assert!(older.number < newer.number);
        assert_eq!(newer.state, State::Live, "{:?}", newer.reason);
        assert!(matches!(older.state, State::Superseded | State::Live), "{:?}: {:?}", older.state, older.reason);
        assert_eq!(runs(local, "web").await, revision(&newer, 0));
    });
}

#[test]
fn what_runs_already_is_live_at_once_and_nothing_is_registered() {
    with_config(
        &pipeline("services = [\"web\"]"),
        |_| {},
        async |local| {
            local.script(&[Local::REPORT_BRANCH]).await;
            let first = released(local, "one", 1, Works::Well).await;
            assert_eq!(first.state, State::Live, "{:?}", first.reason);
            local.settled("web").await;
            let before = local.service_deployments().await;
            let again = local.closed(&release_of(&local.send(&push("one", 3).delivery()).await)).await;
            assert_eq!((again.state, again.deployments[0].is_unchanged()), (State::Live, true), "{:?}", again.reason);
            assert_eq!(revision(&again, 0), revision(&first, 0));
            assert_eq!(local.service_deployments().await, before, "ECS was told nothing");
            let parameter = json!({ "Name": "/longshore/web/production/release" });
            let parameter =
                local.stack.aws.call("ssm", "AmazonSSM.GetParameter", &parameter).await.expect("a parameter");
            assert_eq!(parameter["Parameter"]["Value"], json!(again.id));
        },
    );
}

use serde_json::json;

use super::*;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/demo-web/1";

/// A service whose target group is `GROUP`, and its tasks, each with a port of its own.
fn state(tasks: usize) -> State {
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let mut state = State::new(events);
    let key = ("demo".to_owned(), "web".to_owned());
    state
        .register_task_definition(json!({
            "family": "web", "memory": "64",
            "containerDefinitions": [{ "name": "web", "image": "web", "portMappings": [{ "containerPort": 80 }] }],
        }))
        .expect("a definition");
    state.create_cluster(&json!({ "clusterName": "demo" }));
    let service = json!({
        "cluster": "demo", "serviceName": "web", "taskDefinition": "web", "desiredCount": tasks,
        "loadBalancers": [{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }],
    });
    state.create_service(&service).expect("a service");
    let deployment = state.services[&key].deployments[0].id.clone();
    for port in 0..tasks {
        let id = state.service_task(&key, &deployment, 0.0).expect("a task");
        let task = state.tasks.get_mut(&id).expect("the task");
        let port = 4000 + u16::try_from(port).expect("a small number");
        task.containers[0].bindings = vec![(80, SocketAddr::from(([127, 0, 0, 1], port)))];
    }
    state
}

fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let base = [("Action", "DescribeTargetHealth"), ("Version", VERSION), ("TargetGroupArn", GROUP)];
    base.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn texts(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_target_says_how_it_is_and_why() {
    let mut state = state(7);
    let mut tasks: Vec<&mut Task> = state.tasks.values_mut().collect();
    tasks.sort_by_key(|task| task.containers[0].bindings[0].1.port());
    for task in &mut tasks[1..] {
        task.status = Status::Running;
        task.started = Some(1.0);
    }
    tasks[2].target_health = Health::Healthy;
    tasks[3].target_failure = Some(Failure::Code(502));
    tasks[4].target_failure = Some(Failure::Timeout);
    tasks[4].target_health = Health::Unhealthy;
    tasks[5].target_failure = Some(Failure::Broken);
    tasks[6].target_health = Health::Healthy;
    tasks[6].stop = Some(crate::model::Stop { code: "UserInitiated", reason: "enough".into() });
    let stopped = tasks[6].id.clone();

    let xml = describe(&state, &form(&[])).expect("targets");
    let mut found: Vec<_> = texts(&xml, "member")
        .iter()
        .map(|member| {
            let one = |name: &str| texts(member, name).join("");
            format!(
                "{} {} {} {}: {}",
                one("Port"),
                one("HealthCheckPort"),
                one("State"),
                one("Reason"),
                one("Description")
            )
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "4000 4000 initial Elb.RegistrationInProgress: Target registration is in progress",
            "4001 4001 initial Elb.InitialHealthChecking: Initial health checks in progress",
            "4002 4002 healthy : ",
            "4003 4003 unhealthy Target.ResponseCodeMismatch: Health checks failed with these codes: [502]",
            "4004 4004 unhealthy Target.Timeout: Request timed out",
            "4005 4005 unhealthy Target.FailedHealthChecks: Health checks failed",
            "4006 4006 draining Target.DeregistrationInProgress: Target deregistration is in progress",
        ]
    );
    state.tasks.get_mut(&stopped).expect("the task").status = Status::Stopping;
    let xml = describe(&state, &form(&[])).expect("targets");
    assert_eq!(texts(&xml, "member").len(), 6, "a drained target is none any more");
}

#[test]
fn targets_can_be_asked_for_by_name() {
    let state = state(2);
    let asked = form(&[
        ("Targets.member.1.Id", "127.0.0.1"),
        ("Targets.member.1.Port", "4001"),
        ("Targets.member.2.Id", "10.0.0.<1>"),
    ]);
    let xml = describe(&state, &asked).expect("targets");
    assert_eq!(texts(&xml, "Id"), ["127.0.0.1", "10.0.0.&lt;1&gt;"]);
    assert_eq!(texts(&xml, "Port"), ["4001"]);
    assert_eq!(texts(&xml, "Reason"), ["Elb.RegistrationInProgress", "Target.NotRegistered"]);
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let state = state(1);
    for (pair, code) in [
        (("Action", "DescribeLoadBalancers"), "InvalidAction"),
        (("Version", "2012-06-01"), "InvalidAction"),
        (("TargetGroupArn", ""), "ValidationError"),
        (("TargetGroupArn", "arn:other&<"), "TargetGroupNotFound"),
        (("Targets.member.x.Id", "a"), "ValidationError"),
        (("Targets.member.1.Port", "80"), "ValidationError"),
        (("Targets.member.1.Port", "eighty"), "ValidationError"),
    ] {
        let Refused(found, message) = describe(&state, &form(&[pair])).expect_err("a refusal");
        assert_eq!(found, code, "{pair:?}");
        assert!(!error(found, &message).contains("&<"), "the message is escaped");
    }
}

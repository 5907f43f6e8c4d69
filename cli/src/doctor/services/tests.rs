use longshore_core::config::Config;

use super::*;

fn config() -> Config {
    Config::read(include_str!("../../../../longshore.toml")).expect("a configuration")
}

fn said(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        format!("{:?} {:?} {} {}\n", finding.severity, finding.code, finding.subject, finding.message)
    };
    findings.iter().map(line).collect()
}

#[test]
fn a_service_that_is_as_it_should_be_is_not_mentioned() {
    let config = config();
    let environment = &config.pipelines()[0].environments[0];
    let found = json!({
        "status": "ACTIVE", "desiredCount": 2,
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
    });
    assert_eq!(service("s", environment, &found), []);
}

#[test]
fn everything_about_a_service_is_told() {
    let config = config();
    let environment = &config.pipelines()[0].environments[0];
    let found = json!({
        "status": "ACTIVE", "desiredCount": 0, "deploymentController": { "type": "CODE_DEPLOY" },
    });
    insta::assert_snapshot!(said(&service("s", environment, &found)));
    let found = json!({ "status": "ACTIVE", "desiredCount": 1 });
    insta::assert_snapshot!(said(&service("s", environment, &found)));
}

#[test]
fn roles_logs_containers_and_stop_timeouts_of_a_task_definition_are_told() {
    let config = config();
    let pipeline = &config.pipelines()[0];
    let allowed = Allowed { roles: Some("ecsTask*"), logs: Some("/ecs/*") };
    let found = json!({
        "taskRoleArn": "arn:aws:iam::123456789012:role/team/webTask",
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        "containerDefinitions": [
            { "name": "web", "image": "nginx", "logConfiguration": { "options": { "awslogs-group": "/web" } } },
            { "name": "proxy", "image": "envoy", "stopTimeout": 2 },
        ],
    });
    let findings = task_definition("s", pipeline, &pipeline.environments[0], &found, allowed);
    insta::assert_snapshot!(said(&findings));
    let good = json!({
        "taskRoleArn": "arn:aws:iam::123456789012:role/ecsTaskRole",
        "containerDefinitions": [
            { "name": "web", "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:00", "stopTimeout": 2 },
            { "name": "proxy", "image": "envoy", "stopTimeout": 2 },
        ],
    });
    assert_eq!(task_definition("s", pipeline, &pipeline.environments[0], &good, allowed), []);
}

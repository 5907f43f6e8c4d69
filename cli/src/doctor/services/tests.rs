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
    let findings = task_definition("s", pipeline, &pipeline.environments[0], &found, allowed, None);
    insta::assert_snapshot!(said(&findings));
    let good = json!({
        "taskRoleArn": "arn:aws:iam::123456789012:role/ecsTaskRole",
        "containerDefinitions": [
            { "name": "web", "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web@sha256:00", "stopTimeout": 2 },
            { "name": "proxy", "image": "envoy", "stopTimeout": 2 },
        ],
    });
    assert_eq!(task_definition("s", pipeline, &pipeline.environments[0], &good, allowed, None), []);
}

#[test]
fn every_service_of_an_environment_has_to_have_the_containers_that_it_names() {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web\"\nimage = \"web\"\n\
        environment = [{ name = \"p\", cluster = \"p\", services = [\"web\", \"worker\"], CONTAINERS }]\n";
    let found = json!({ "containerDefinitions": [{ "name": "worker", "image": "web", "stopTimeout": 2 }] });
    let told = |containers: &str| {
        let config = Config::read(&text.replace("CONTAINERS", containers)).expect("a configuration");
        let pipeline = &config.pipelines()[0];
        said(&task_definition("s", pipeline, &pipeline.environments[0], &found, Allowed::default(), None))
    };
    assert_eq!(told("containers = [\"worker\"]"), "");
    for wanted in ["containers = [\"worker\", \"app\"]", "images = { worker = \"web\", app = \"web\" }"] {
        assert_eq!(told(wanted), "Wrong ContainerUnknown s has no container app\n", "{wanted}");
    }
}

#[test]
fn an_image_is_compared_with_its_registry_as_deploy_does() {
    let ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    for registry in [Some(ecr), None] {
        assert!(is_of(&format!("{ecr}/web:1"), registry, "web") && is_of(&format!("{ecr}/web"), registry, "web"));
        for other in ["web", "web:1", "team/web", "docker.io/library/web", &format!("{ecr}/team/web")] {
            assert!(!is_of(other, registry, "web"), "{other}");
        }
    }
    assert!(!is_of("r.example:5000/web@sha256:00", Some(ecr), "web"));
    assert!(is_of("r.example:5000/web@sha256:00", None, "web"));
}

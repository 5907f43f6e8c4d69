//! The API without any task: what is kept, what is refused, and how.

use crate::support::api;
use serde_json::{Value, json};

#[tokio::test]
async fn a_task_definition_comes_back_whole_with_members_that_do_not_exist_yet() {
    let stack = api().await;
    let given = json!({
        "family": "web", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "futureMember": { "deep": [1, { "er": null }] },
        "runtimePlatform": { "cpuArchitecture": "ARM64", "futureToo": true },
        "containerDefinitions": [{
            "name": "web", "image": "nginx", "futureContainerMember": [[1]],
            "portMappings": [{ "containerPort": 80, "futurePort": "x" }],
            "healthCheck": { "command": ["CMD", "true"], "futureCheck": 1.5 },
            "linuxParameters": { "futureLinux": {} },
        }],
    });
    let mut input = given.clone();
    input["tags"] = json!([{ "key": "team", "value": "a" }]);
    let registered = stack.call("RegisterTaskDefinition", input).await;
    assert_eq!(registered["taskDefinition"]["revision"], 1);
    assert!(registered["taskDefinition"]["tags"].is_null());
    let described = stack.call("DescribeTaskDefinition", json!({ "taskDefinition": "web", "include": ["TAGS"] })).await;
    assert_eq!(described["taskDefinition"], registered["taskDefinition"]);
    assert_eq!(described["tags"][0]["key"], "team");
    contains(&given, &described["taskDefinition"], "taskDefinition");
}

/// Everything in `given` is in `found`, at every level.
fn contains(given: &Value, found: &Value, path: &str) {
    match (given, found) {
        (Value::Object(given), Value::Object(found)) => {
            for (name, value) in given {
                let other = found.get(name).unwrap_or_else(|| panic!("{path}.{name} is lost"));
                contains(value, other, &format!("{path}.{name}"));
            }
        }
        (Value::Array(given), Value::Array(found)) => {
            assert_eq!(given.len(), found.len(), "{path}");
            given.iter().zip(found).for_each(|(given, found)| contains(given, found, &format!("{path}[]")));
        }
        _ => assert_eq!(given, found, "{path}"),
    }
}

#[tokio::test]
async fn a_family_means_its_latest_active_revision() {
    let stack = api().await;
    let input = json!({ "family": "job", "memory": "64", "containerDefinitions": [{ "name": "a", "image": "b" }] });
    for _ in 0..3 {
        stack.call("RegisterTaskDefinition", input.clone()).await;
    }
    stack.call("DeregisterTaskDefinition", json!({ "taskDefinition": "job:3" })).await;
    let latest = stack.call("DescribeTaskDefinition", json!({ "taskDefinition": "job" })).await;
    assert_eq!(latest["taskDefinition"]["revision"], 2);
    let third = stack.call("DescribeTaskDefinition", json!({ "taskDefinition": "job:3" })).await;
    assert_eq!(third["taskDefinition"]["status"], "INACTIVE");
    let page =
        stack.call("ListTaskDefinitions", json!({ "familyPrefix": "job", "sort": "DESC", "maxResults": 1 })).await;
    assert!(page["taskDefinitionArns"][0].as_str().is_some_and(|arn| arn.ends_with("job:2")), "{page}");
    let input = json!({ "sort": "DESC", "maxResults": 1, "nextToken": page["nextToken"] });
    let page = stack.call("ListTaskDefinitions", input).await;
    assert!(page["taskDefinitionArns"][0].as_str().is_some_and(|arn| arn.ends_with("job:1")), "{page}");
    assert!(page["nextToken"].is_null());
}

#[tokio::test]
async fn refusals_are_those_of_aws() {
    let stack = api().await;
    let fargate = |cpu: &str, memory: &str| {
        json!({
            "family": "a", "cpu": cpu, "memory": memory, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{ "name": "a", "image": "b" }],
        })
    };
    let two = json!([{ "name": "a", "image": "b", "memory": 1 }, { "name": "a", "image": "b", "memory": 1 }]);
    let missing = "arn:aws:ecs:eu-central-1:123456789012:service-deployment/demo/web/none";
    let cases = [
        ("DescribeTaskDefinition", json!({ "taskDefinition": "none" }), "ClientException"),
        ("RegisterTaskDefinition", json!({ "family": "a b", "containerDefinitions": two }), "ClientException"),
        ("RegisterTaskDefinition", json!({ "family": "a", "containerDefinitions": [] }), "ClientException"),
        ("RegisterTaskDefinition", json!({ "family": "a", "containerDefinitions": two }), "ClientException"),
        ("RegisterTaskDefinition", fargate("256", "4096"), "ClientException"),
        ("DescribeServices", json!({ "cluster": "none", "services": ["a"] }), "ClusterNotFoundException"),
        ("UpdateService", json!({ "cluster": "demo", "service": "a" }), "ServiceNotFoundException"),
        ("ListServiceDeployments", json!({ "cluster": "demo", "service": "a" }), "ServiceNotFoundException"),
        ("StopServiceDeployment", json!({ "serviceDeploymentArn": missing }), "ServiceDeploymentNotFoundException"),
        ("DescribeServiceDeployments", json!({}), "InvalidParameterException"),
        ("DescribeServiceRevisions", json!({ "serviceRevisionArns": vec!["a"; 21] }), "InvalidParameterException"),
        ("StopTask", json!({ "cluster": "demo", "task": "none" }), "InvalidParameterException"),
        ("RunTask", json!({ "cluster": "demo", "taskDefinition": "none" }), "ClientException"),
        ("TagResource", json!({ "resourceArn": missing, "tags": [] }), "ResourceNotFoundException"),
        ("Nothing", json!({}), "UnknownOperationException"),
    ];
    for (action, input, code) in cases {
        assert_eq!(stack.refused(action, input.clone()).await.0, code, "{action} {input}");
    }
    let described = stack.call("DescribeServices", json!({ "cluster": "demo", "services": ["a"] })).await;
    assert_eq!(described["failures"][0]["reason"], "MISSING");
    stack.call("RegisterTaskDefinition", fargate("256", "512")).await;
}

#[tokio::test]
async fn a_task_that_ecs_would_not_run_is_refused() {
    let stack = api().await;
    let container = json!([{ "name": "a", "image": "b" }]);
    let plain = json!({ "family": "plain", "memory": "64", "containerDefinitions": container });
    let mut fargate = json!({
        "family": "fargate", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "containerDefinitions": container,
    });
    stack.call("RegisterTaskDefinition", plain).await;
    stack.call("RegisterTaskDefinition", fargate.clone()).await;
    let network = |configuration: Value| json!({ "awsvpcConfiguration": configuration });
    let subnets = network(json!({ "subnets": ["subnet-1"] }));
    let overriding = |overriding: Value| json!({ "containerOverrides": [overriding] });
    let invalid = "InvalidParameterException";
    for (definition, members, code) in [
        ("fargate", json!({}), invalid),
        ("fargate", json!({ "networkConfiguration": network(json!({ "subnets": [] })) }), invalid),
        (
            "fargate",
            json!({ "networkConfiguration": network(json!({ "subnets": ["a"], "assignPublicIp": "NO" })) }),
            invalid,
        ),
        ("plain", json!({ "networkConfiguration": subnets }), invalid),
        ("plain", json!({ "launchType": "FARGATE" }), invalid),
        ("plain", json!({ "launchType": "MOON" }), invalid),
        ("plain", json!({ "launchType": "EC2", "capacityProviderStrategy": [{ "capacityProvider": "a" }] }), invalid),
        ("plain", json!({ "count": 11 }), invalid),
        ("plain", json!({ "count": "1" }), invalid),
        ("plain", json!({ "clientToken": "t".repeat(65) }), invalid),
        ("plain", json!({ "startedBy": "s".repeat(129) }), invalid),
        ("plain", json!({ "overrides": overriding(json!({ "name": "other" })) }), invalid),
        ("plain", json!({ "overrides": overriding(json!({ "name": "a", "command": ["x".repeat(8192)] })) }), invalid),
        (
            "plain",
            json!({ "overrides": overriding(json!({ "name": "a", "command": "sh" })) }),
            "SerializationException",
        ),
        (
            "plain",
            json!({ "overrides": overriding(json!({ "name": "a", "environment": [{ "name": "A" }] })) }),
            "SerializationException",
        ),
    ] {
        let mut input = members.clone();
        input["cluster"] = json!("demo");
        input["taskDefinition"] = json!(definition);
        assert_eq!(stack.refused("RunTask", input).await.0, code, "{definition} {members}");
    }
    let service = json!({ "cluster": "demo", "serviceName": "a", "taskDefinition": "fargate", "desiredCount": 0 });
    assert_eq!(stack.refused("CreateService", service).await.0, invalid);
    fargate["containerDefinitions"][0]["logConfiguration"] =
        json!({ "logDriver": "awslogs", "options": { "awslogs-group": "/ecs/a", "awslogs-region": "eu-central-1" } });
    let (code, message) = stack.refused("RegisterTaskDefinition", fargate).await;
    assert_eq!(code, "ClientException");
    assert!(message.ends_with("awslogs-stream-prefix"), "{message}");
    assert_eq!(stack.call("ListTasks", json!({ "cluster": "demo" })).await["taskArns"], json!([]));
}

#[tokio::test]
async fn a_deployment_configuration_that_ecs_would_not_take_is_refused_and_leaves_the_service_as_it_was() {
    let stack = api().await;
    let container = json!([{ "name": "a", "image": "b", "memory": 64, "portMappings": [{ "containerPort": 80 }] }]);
    stack.call("RegisterTaskDefinition", json!({ "family": "a", "containerDefinitions": container })).await;
    let balancer = json!({ "targetGroupArn": "arn:one", "containerName": "a", "containerPort": 80 });
    let service = json!({
        "cluster": "demo", "serviceName": "a", "taskDefinition": "a", "desiredCount": 0, "loadBalancers": [balancer],
    });
    let created = stack.call("CreateService", service.clone()).await["service"].clone();
    let mut hooked = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 });
    hooked["lifecycleHooks"] =
        json!([{ "hookTargetArn": "arn:function", "roleArn": "arn:role", "lifecycleStages": ["POST_SCALE_UP"] }]);
    for configuration in [
        json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5 }),
        json!({ "strategy": "CANARY" }),
        json!({ "strategy": "SLOW" }),
        hooked,
    ] {
        let input = json!({ "cluster": "demo", "service": "a", "deploymentConfiguration": configuration });
        assert_eq!(stack.refused("UpdateService", input).await.0, "InvalidParameterException", "{configuration}");
    }
    let described = stack.call("DescribeServices", json!({ "cluster": "demo", "services": ["a"] })).await;
    assert_eq!(described["services"][0]["deploymentConfiguration"], created["deploymentConfiguration"]);

    let mut other = service;
    other["serviceName"] = json!("b");
    other["deploymentConfiguration"] = json!({ "strategy": "LINEAR" });
    let (code, message) = stack.refused("CreateService", other.clone()).await;
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("advancedConfiguration"), "{message}");
    other["loadBalancers"][0]["advancedConfiguration"] = json!({
        "alternateTargetGroupArn": "arn:two", "productionListenerRule": "arn:rule", "roleArn": "arn:role",
        "futureMember": [1],
    });
    let created = stack.call("CreateService", other.clone()).await["service"].clone();
    assert_eq!(created["loadBalancers"], other["loadBalancers"], "what was given is given back");
    let filled = json!({ "stepPercent": 10.0, "stepBakeTimeInMinutes": 6 });
    assert_eq!(created["deploymentConfiguration"]["linearConfiguration"], filled);

    let missing = "arn:aws:ecs:eu-central-1:123456789012:service-deployment/demo/b/none";
    for (members, code) in [
        (json!({ "hookId": "a" }), "InvalidParameterException"),
        (json!({ "serviceDeploymentArn": missing }), "InvalidParameterException"),
        (json!({ "serviceDeploymentArn": missing, "hookId": "a" }), "ServiceDeploymentNotFoundException"),
        (json!({ "serviceDeploymentArn": missing, "hookId": "a", "action": "WAIT" }), "InvalidParameterException"),
    ] {
        assert_eq!(stack.refused("ContinueServiceDeployment", members.clone()).await.0, code, "{members}");
    }
    let stop = json!({ "serviceDeploymentArn": created["currentServiceDeployment"], "stopType": "LATER" });
    assert_eq!(stack.refused("StopServiceDeployment", stop).await.0, "InvalidParameterException");
}

//! AppSpec: what CodeDeploy is told about a deployment of an ECS service.
//! Source: <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>.

use serde_json::{Value, json};

/// What an ECS service is to run, and who of it gets the load balancer's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The ARN of the revision.
    pub task_definition: &'a str,
    /// The container that is in the target group.
    pub container: &'a str,
    /// Its port.
    pub port: i32,
    /// Fargate's platform version, where the service has one: without it CodeDeploy takes the latest.
    pub platform_version: Option<&'a str>,
    /// The service's capacity providers, where it has a strategy: without them CodeDeploy takes the cluster's default.
    pub capacity: Vec<Capacity<'a>>,
}

/// An element of a capacity provider strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity<'a> {
    /// `FARGATE`, `FARGATE_SPOT`, or one of the cluster's own.
    pub provider: &'a str,
    /// How many tasks it runs at least.
    pub base: i32,
    /// Its share of the others.
    pub weight: i32,
}

/// The AppSpec as JSON, which CodeDeploy reads as it does YAML. There are no hooks: whose functions they would be is not ours to say.
pub fn app_spec(target: &Target<'_>) -> String {
    let mut properties = json!({
        "TaskDefinition": target.task_definition,
        "LoadBalancerInfo": { "ContainerName": target.container, "ContainerPort": target.port },
    });
    if let Some(version) = target.platform_version {
        properties["PlatformVersion"] = json!(version);
    }
    if !target.capacity.is_empty() {
        let item = |item: &Capacity<'_>| json!({ "CapacityProvider": item.provider, "Base": item.base, "Weight": item.weight });
        properties["CapacityProviderStrategy"] = target.capacity.iter().map(item).collect::<Value>();
    }
    let service = json!({ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } });
    json!({ "version": 0.0, "Resources": [service] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_its_revision_and_its_container() {
        let target = Target {
            task_definition: "arn:aws:ecs:eu-central-1:1:task-definition/web:8",
            container: "web \"x\"",
            port: 8080,
            platform_version: None,
            capacity: Vec::new(),
        };
        let spec = app_spec(&target);
        assert!(spec.contains(r#""version":0.0"#), "CodeDeploy knows this version alone: {spec}");
        let spec: Value = serde_json::from_str(&spec).expect("JSON");
        assert_eq!(
            spec["Resources"],
            json!([{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": {
                "TaskDefinition": "arn:aws:ecs:eu-central-1:1:task-definition/web:8",
                "LoadBalancerInfo": { "ContainerName": "web \"x\"", "ContainerPort": 8080 },
            } } }])
        );
    }

    #[test]
    fn platform_and_capacity_stay_as_the_service_has_them() {
        let capacity = vec![
            Capacity { provider: "FARGATE", base: 1, weight: 0 },
            Capacity { provider: "FARGATE_SPOT", base: 0, weight: 3 },
        ];
        let platform_version = Some("1.4.0");
        let target = Target { task_definition: "web:8", container: "web", port: 80, platform_version, capacity };
        let spec: Value = serde_json::from_str(&app_spec(&target)).expect("JSON");
        let properties = &spec["Resources"][0]["TargetService"]["Properties"];
        assert_eq!(properties["PlatformVersion"], "1.4.0");
        let second = json!({ "CapacityProvider": "FARGATE_SPOT", "Base": 0, "Weight": 3 });
        assert_eq!(properties["CapacityProviderStrategy"][1], second);
    }
}

//! The actions of the API, one line each. Whatever an action changes, the scheduler sees at once.

use local_protocol::{Answer, Refusal, Service, arn, now, unknown};
use serde_json::{Value, json};

use crate::{
    ecs::Inner,
    model::{State, Status, short},
    shapes::{invalid, page, texts},
};

impl Service for Inner {
    const TARGET: &'static str = "AmazonEC2ContainerServiceV20141113";

    async fn call(&self, action: &str, input: Value) -> Answer {
        let answer = self.perform(action, input).await;
        self.changed();
        answer
    }
}

impl Inner {
    async fn perform(&self, action: &str, input: Value) -> Answer {
        if self.closing.is_cancelled() {
            return Err(Refusal::server("ServerException", "the local stack is going down"));
        }
        if let "CreateService" | "UpdateService" = action {
            return self.serve(action, &input).await;
        }
        let mut state = self.state();
        match action {
            "CreateCluster" => Ok(state.create_cluster(&input)),
            "DescribeClusters" => Ok(state.describe_clusters(&input)),
            "DeleteCluster" => state.delete_cluster(&input),
            "ListClusters" => state.list_clusters(&input),
            "RegisterTaskDefinition" => state.register_task_definition(input),
            "DescribeTaskDefinition" => state.describe_task_definition(&input),
            "DeregisterTaskDefinition" => state.deregister_task_definition(&input),
            "ListTaskDefinitions" => state.list_task_definitions(&input),
            "ListTaskDefinitionFamilies" => state.list_task_definition_families(&input),
            "DescribeServices" => state.describe_services(&input),
            "DeleteService" => state.delete_service(&input),
            "ListServices" => state.list_services(&input),
            "DescribeServiceDeployments" => state.describe_service_deployments(&input),
            "ListServiceDeployments" => state.list_service_deployments(&input),
            "StopServiceDeployment" => state.stop_service_deployment(&input),
            "ContinueServiceDeployment" => state.continue_service_deployment(&input),
            "DescribeServiceRevisions" => state.describe_service_revisions(&input),
            "RunTask" => state.run_task(&input, now()),
            "StopTask" => {
                let id = state.task_id(&input)?;
                let reason = input["reason"].as_str().unwrap_or("Task stopped by user");
                state.stop_task(&id, "UserInitiated", reason, now());
                let task = state.tasks.get(&id).map(|task| task.json(&|time| json!(time)));
                Ok(json!({ "task": task }))
            }
            "DescribeTasks" => state.describe_tasks(&input),
            "ListTasks" => state.list_tasks(&input),
            "TagResource" => state.tag_resource(&input),
            "UntagResource" => state.untag_resource(&input),
            "ListTagsForResource" => state.list_tags(&input),
            _ => Err(unknown(action)),
        }
    }

    /// A service with a load balancer has its port before it has tasks.
    async fn serve(&self, action: &str, input: &Value) -> Answer {
        let created = action == "CreateService";
        let answer = if created { self.state().create_service(input) } else { self.state().update_service(input) }?;
        let first = &answer["service"]["loadBalancers"][0];
        if first.is_object() {
            let tested =
                first["advancedConfiguration"]["testListenerRule"].as_str().is_some_and(|rule| !rule.is_empty());
            let cluster = short(answer["service"]["clusterArn"].as_str().unwrap_or_default()).to_owned();
            let name = answer["service"]["serviceName"].as_str().unwrap_or_default().to_owned();
            let listening = self.balance(&(cluster, name), tested).await;
            listening.map_err(|error| Refusal::server("ServerException", error.to_string()))?;
        }
        Ok(answer)
    }
}

impl State {
    pub fn create_cluster(&mut self, input: &Value) -> Value {
        let name = input["clusterName"].as_str().unwrap_or("default").to_owned();
        let cluster = json!({
            "clusterArn": arn("ecs", &format!("cluster/{name}")), "clusterName": name, "status": "ACTIVE",
            "capacityProviders": [], "defaultCapacityProviderStrategy": [], "statistics": [], "settings": [], "tags": [],
        });
        let entry = self.clusters.entry(name.clone()).or_insert_with(|| cluster.clone());
        if entry["status"] != "ACTIVE" {
            *entry = cluster;
        }
        json!({ "cluster": self.cluster_json(&name) })
    }

    fn cluster_json(&self, name: &str) -> Option<Value> {
        let mut cluster = self.clusters.get(name)?.clone();
        let tasks = |wanted: &[Status]| {
            self.tasks.values().filter(|task| task.cluster == name && wanted.contains(&task.status)).count()
        };
        let active = self.services.values().filter(|service| service.key.0 == name && service.status == "ACTIVE");
        cluster["runningTasksCount"] = json!(tasks(&[Status::Running, Status::Deactivating]));
        cluster["pendingTasksCount"] = json!(tasks(&[Status::Provisioning, Status::Pending]));
        cluster["activeServicesCount"] = json!(active.count());
        cluster["registeredContainerInstancesCount"] = json!(0);
        Some(cluster)
    }

    fn describe_clusters(&self, input: &Value) -> Value {
        let mut names = texts(&input["clusters"]);
        if names.is_empty() {
            names.push("default".into());
        }
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for name in &names {
            match self.cluster_json(short(name)) {
                Some(cluster) => clusters.push(cluster),
                None => failures.push(json!({
                    "arn": arn("ecs", &format!("cluster/{}", short(name))), "reason": "MISSING",
                })),
            }
        }
        json!({ "clusters": clusters, "failures": failures })
    }

    fn delete_cluster(&mut self, input: &Value) -> Answer {
        let name = self.cluster(input)?;
        if self.services.values().any(|service| service.key.0 == name && service.status == "ACTIVE") {
            let message = "The Cluster cannot be deleted while Services are active.";
            return Err(Refusal::client("ClusterContainsServicesException", message));
        }
        let cluster = self.clusters.get_mut(&name).ok_or_else(|| invalid("Cluster not found."))?;
        cluster["status"] = json!("INACTIVE");
        Ok(json!({ "cluster": cluster }))
    }

    fn list_clusters(&self, input: &Value) -> Answer {
        let active = self.clusters.values().filter(|cluster| cluster["status"] == "ACTIVE");
        let arns: Vec<Value> = active.map(|cluster| cluster["clusterArn"].clone()).collect();
        page(input, "clusterArns", &arns, 100)
    }
}

//! Looks at what came of it: through the APIs, as anyone would who does not trust our own records.

use std::collections::BTreeMap;

use local_protocol::{Client, http};
use serde_json::{Value, json};

use crate::Local;

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

impl Local {
    /// Every item of the table.
    pub async fn items(&self) -> Vec<Value> {
        let scan = json!({ "TableName": self.stack.table, "ConsistentRead": true });
        list(&self.call(&self.stack.aws, "dynamodb", "DynamoDB_20120810", "Scan", &scan).await["Items"])
    }

    /// How many releases the table has.
    pub async fn releases(&self) -> usize {
        self.items().await.iter().filter(|item| item["sk"]["S"] == "release").count()
    }

    /// Every build of the pipeline's project.
    pub async fn builds(&self) -> Vec<Value> {
        let project = json!({ "projectName": self.stack.config.pipelines()[0].project });
        let listed = self.codebuild("ListBuildsForProject", &project).await;
        match list(&listed["ids"]) {
            ids if ids.is_empty() => ids,
            ids => list(&self.codebuild("BatchGetBuilds", &json!({ "ids": ids })).await["builds"]),
        }
    }

    async fn codebuild(&self, action: &str, input: &Value) -> Value {
        self.call(&self.stack.codebuild_api, "codebuild", "CodeBuild_20161006", action, input).await
    }

    /// A call of the ECS API.
    pub async fn ecs(&self, action: &str, input: &Value) -> Value {
        self.call(&self.stack.ecs_api, "ecs", ECS, action, input).await
    }

    /// The one service, as ECS describes it.
    pub async fn service(&self) -> Value {
        let wanted = json!({ "cluster": "production", "services": ["web"] });
        self.ecs("DescribeServices", &wanted).await["services"][0].clone()
    }

    /// How often the service was deployed, the placeholder included.
    pub async fn service_deployments(&self) -> usize {
        let wanted = json!({ "cluster": "production", "service": "web" });
        list(&self.ecs("ListServiceDeployments", &wanted).await["serviceDeployments"]).len()
    }

    /// A task definition with its tags, as ECS describes it.
    pub async fn task_definition(&self, name: &str) -> Value {
        self.ecs("DescribeTaskDefinition", &json!({ "taskDefinition": name, "include": ["TAGS"] })).await
    }

    /// The tags of the pipeline's repository, from the registry itself.
    ///
    /// # Panics
    ///
    /// When the registry does not answer.
    pub async fn tags(&self) -> Vec<Value> {
        let answer = http().get(format!("http://{}/v2/web/tags/list", self.stack.registry)).send().await;
        let text = answer.expect("an answer").text().await.expect("a body");
        list(&serde_json::from_str::<Value>(&text).expect("JSON")["tags"])
    }

    /// The digest of a tag, from the registry itself.
    ///
    /// # Panics
    ///
    /// When the registry has no such tag.
    pub async fn digest(&self, tag: &str) -> String {
        const MANIFESTS: &str =
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
        let url = format!("http://{}/v2/web/manifests/{tag}", self.stack.registry);
        let answer = http().head(url).header("accept", MANIFESTS).send().await.expect("an answer");
        let digest = answer.headers().get("docker-content-digest").expect("a digest");
        digest.to_str().expect("text").to_owned()
    }

    /// Where the service answers.
    ///
    /// # Panics
    ///
    /// When it has no load balancer.
    pub fn address(&self) -> String {
        self.stack.ecs.address("production", "web").expect("an address")
    }

    /// The page that the service shows.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub async fn page(&self) -> String {
        http().get(self.address()).send().await.expect("an answer").text().await.expect("a page")
    }

    /// What the functions wrote, by function.
    ///
    /// # Panics
    ///
    /// When the logs cannot be read.
    pub fn logs(&self) -> BTreeMap<String, String> {
        let name = |function: &str| (function.to_owned(), self.stack.logs().join(format!("{function}.log")));
        let read = |(function, file)| (function, std::fs::read_to_string(file).expect("a log"));
        ["Trigger", "Notify", "Deploy"].map(name).map(read).into()
    }

    async fn call(&self, client: &Client, service: &str, target: &str, action: &str, input: &Value) -> Value {
        let answer = client.call(service, &format!("{target}.{action}"), input).await;
        answer.unwrap_or_else(|refusal| panic!("{action} was refused: {refusal}"))
    }
}

/// The elements of a list; none where there is no list.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

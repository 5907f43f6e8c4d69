//! Looks at what came of it: through the APIs, as anyone would who does not trust our own records.

use std::collections::BTreeMap;

use local_protocol::{Client, Refusal, http};
use longshore_core::release::{Release, ReleaseId, State};
use longshore_local::Stack;
use serde_json::{Value, json};

use crate::{Local, within};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

impl Local {
    /// Every item of the table.
    ///
    /// # Panics
    ///
    /// When the table cannot be read.
    pub async fn items(&self) -> Vec<Value> {
        scan(&self.stack).await.unwrap_or_else(|refusal| panic!("Scan was refused: {refusal}"))
    }

    /// The records of all releases, by pipeline and number.
    ///
    /// # Panics
    ///
    /// When one cannot be read.
    pub async fn records(&self) -> Vec<Release> {
        let items = self.items().await;
        let records = items.iter().filter(|item| item["sk"]["S"] == "release");
        let read = |item: &Value| serde_json::from_str(item["record"]["S"].as_str().expect("a record"));
        let mut records: Vec<Release> = records.map(read).collect::<Result<_, _>>().expect("a record that can be read");
        records.sort_by(|a, b| (&a.pipeline, a.number).cmp(&(&b.pipeline, b.number)));
        records
    }

    /// Changes a release's record while no function runs: how a test makes time pass for it.
    ///
    /// # Panics
    ///
    /// When it is not in the table.
    pub async fn change_record(&self, id: &ReleaseId, change: impl FnOnce(&mut Release)) {
        within("the functions are idle", self.stack.host.idle()).await;
        let mut release = self.stack.release(id).await.expect("the release");
        change(&mut release);
        self.put_record(&release).await;
    }

    /// Writes a release's record over the one in the table.
    ///
    /// # Panics
    ///
    /// When it is not in the table.
    pub async fn put_record(&self, release: &Release) {
        let key = format!("release#{}", release.id);
        let item = self.items().await.into_iter().find(|item| item["pk"]["S"] == *key && item["sk"]["S"] == "release");
        let mut item = item.expect("the release");
        item["version"] = json!({ "N": release.version.to_string() });
        item["state"] = json!({ "S": release.state.word() });
        item["record"] = json!({ "S": serde_json::to_string(release).expect("JSON") });
        match release.open_for() {
            Some(open_for) => item["open_for"] = json!({ "S": open_for.word() }),
            None => drop(item.as_object_mut().expect("an item").remove("open_for")),
        }
        let put = json!({ "TableName": self.stack.table, "Item": item });
        self.call(&self.stack.dynamodb_api, "dynamodb", "DynamoDB_20120810", "PutItem", &put).await;
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

    /// Every build of every project, in the order in which they were started.
    pub async fn all_builds(&self) -> Vec<Value> {
        let listed = self.codebuild("ListBuilds", &json!({ "sortOrder": "ASCENDING" })).await;
        match list(&listed["ids"]) {
            ids if ids.is_empty() => ids,
            ids => list(&self.codebuild("BatchGetBuilds", &json!({ "ids": ids })).await["builds"]),
        }
    }

    /// A call of the CodeBuild API.
    pub async fn codebuild(&self, action: &str, input: &Value) -> Value {
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

/// Every item of a stack's table, page by page: DynamoDB answers with 1 MB at a time.
pub async fn scan(stack: &Stack) -> Result<Vec<Value>, Refusal> {
    let mut input = json!({ "TableName": stack.table, "ConsistentRead": true });
    let mut items = Vec::new();
    loop {
        let mut page = stack.dynamodb_api.call("dynamodb", "DynamoDB_20120810.Scan", &input).await?;
        items.append(&mut list(&page["Items"]));
        match page["LastEvaluatedKey"].take() {
            Value::Null => return Ok(items),
            last => input["ExclusiveStartKey"] = last,
        }
    }
}

/// A variable of a build, as CodeBuild describes it.
pub fn variable<'b>(build: &'b Value, name: &str) -> Option<&'b str> {
    let variables = build["environment"]["environmentVariables"].as_array()?;
    variables.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}

/// The elements of a list; none where there is no list.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// A release that was built, in a line: `web #1: refs/heads/main 0123456 by Ada`.
///
/// # Panics
///
/// When it was not built.
pub fn told(release: &Release) -> String {
    let Release { pipeline, number, reference, commit, state, reason, .. } = release;
    assert!(*state == State::Built, "{pipeline} #{number}: {state:?}, {reason:?}");
    format!("{pipeline} #{number}: {reference} {} by {}", commit.short(), commit.author)
}

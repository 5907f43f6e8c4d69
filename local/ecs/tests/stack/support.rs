//! A stack of its own for each test: an engine with a label, images of busybox on scratch, the API as a client sees it.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use local_ecs::{
    Ecs, Settings, Timing,
    engine::{Engine, Kind},
};
use local_protocol::{Client, Event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub struct Stack {
    pub ecs: Arc<Ecs>,
    pub engine: Engine,
    pub client: Client,
    pub url: String,
    pub balancing: String,
    pub events: mpsc::UnboundedReceiver<Event>,
    _directory: TempDir,
}

/// `None`, said aloud, where no engine is there.
pub async fn stack(label: &str) -> Option<Stack> {
    stack_with(label, &[]).await
}

/// The same with registries that speak plain HTTP.
pub async fn stack_with(label: &str, registries: &[String]) -> Option<Stack> {
    let directory = TempDir::new().expect("a directory");
    let label = format!("{label}-{}", std::process::id());
    let engine = match Engine::detect(directory.path(), registries, &label).await {
        Ok(engine) => engine,
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            return None;
        }
    };
    image(&engine, directory.path()).await;
    Some(serve(engine, directory).await)
}

/// A stack for calls that start no container.
pub async fn api() -> Stack {
    let engine = Engine::new(Kind::Podman, "none", BTreeMap::new());
    serve(engine, TempDir::new().expect("a directory")).await
}

async fn serve(engine: Engine, directory: TempDir) -> Stack {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, events) = mpsc::unbounded_channel();
    let settings = Settings { directory: directory.path().into(), url: url.clone(), quick: Timing::tests() };
    let ecs = Ecs::new(settings, engine.clone(), sender);
    let router = ecs.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let balancing = format!("http://{}", listener.local_addr().expect("an address"));
    let router = ecs.balancing_router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let stack = Stack { ecs, engine, client: Client::new(&url), url, balancing, events, _directory: directory };
    stack.call("CreateCluster", json!({ "clusterName": "demo" })).await;
    stack
}

/// An image of busybox alone; built once, and again harmlessly.
async fn image(engine: &Engine, directory: &Path) {
    let context = directory.join("image");
    std::fs::create_dir_all(&context).expect("a directory");
    std::fs::copy("/bin/busybox", context.join("busybox")).expect("busybox-static");
    let text = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n\
                RUN mkdir -p /tmp /www\n";
    std::fs::write(context.join("Containerfile"), text).expect("a file");
    let context = context.display().to_string();
    let file = format!("{context}/Containerfile");
    let words = ["build", "--quiet", "-f", &file, "-t", "localhost/longshore-ecs-test", &context];
    engine.output(&words).await.expect("an image");
}

impl Stack {
    pub async fn refused(&self, action: &str, input: Value) -> (String, String) {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        let refusal = self.client.call("ecs", &target, &input).await.expect_err("a refusal");
        (refusal.code, refusal.message)
    }

    pub async fn call(&self, action: &str, input: Value) -> Value {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        self.client.call("ecs", &target, &input).await.unwrap_or_else(|refusal| panic!("{action}: {refusal}"))
    }

    /// Registers a version of the web server: its page says `text`.
    pub async fn version(&self, text: &str, check: &str) -> String {
        // A request takes a moment, so that some are under way whenever a task is taken off.
        let script = format!(
            "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\nsleep 0.1\\nprintf \"Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n{text}\"\\n' \
             > /www/cgi-bin/v; chmod +x /www/cgi-bin/v; echo {text} > /www/index.html; trap 'exit 0' TERM; \
             httpd -f -p 80 -h /www & wait"
        );
        let answer = self
            .call(
                "RegisterTaskDefinition",
                json!({
                    "family": "web", "memory": "64",
                    "containerDefinitions": [{
                        "name": "web", "image": "localhost/longshore-ecs-test", "command": ["sh", "-c", script],
                        "portMappings": [{ "containerPort": 80 }],
                        "healthCheck": { "command": ["CMD-SHELL", check], "interval": 5, "retries": 2 },
                    }],
                }),
            )
            .await;
        answer["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").into()
    }

    pub async fn service(&self, definition: &str, desired: u32) -> Value {
        let input = json!({
            "cluster": "demo", "serviceName": "web", "taskDefinition": definition, "desiredCount": desired,
            "launchType": "FARGATE",
            "loadBalancers": [{ "targetGroupArn": "arn:local:web", "containerName": "web", "containerPort": 80 }],
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        });
        self.call("CreateService", input).await["service"].clone()
    }

    pub async fn update(&self, definition: &str) -> Value {
        let input = json!({ "cluster": "demo", "service": "web", "taskDefinition": definition });
        self.call("UpdateService", input).await["service"].clone()
    }

    /// What Elastic Load Balancing says of a target group.
    pub async fn targets(&self, group: &str) -> String {
        let form = [("Action", "DescribeTargetHealth"), ("Version", "2015-12-01"), ("TargetGroupArn", group)];
        let body = form.map(|(name, value)| format!("{name}={value}")).join("&");
        let answer = local_protocol::http()
            .post(&self.balancing)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        answer.text().await.expect("XML")
    }

    pub async fn described(&self) -> Value {
        let input = json!({ "cluster": "demo", "services": ["web"] });
        self.call("DescribeServices", input).await["services"][0].clone()
    }

    /// The service deployment, whole, once it has ended.
    pub async fn ended(&self, arn: &Value) -> Value {
        self.until("the end of a service deployment", async || {
            let answer = self.call("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [arn] })).await;
            let deployment = answer["serviceDeployments"][0].clone();
            (!deployment["finishedAt"].is_null()).then_some(deployment)
        })
        .await
    }

    pub async fn stopped(&self, task: &Value) -> Value {
        self.until("stopped task", async || {
            let input = json!({ "cluster": "demo", "tasks": [task["taskArn"]] });
            let task = self.call("DescribeTasks", input).await["tasks"][0].clone();
            (task["lastStatus"] == "STOPPED").then_some(task)
        })
        .await
    }

    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if Instant::now() > deadline {
                let service = serde_json::to_string_pretty(&self.described().await).unwrap_or_default();
                panic!("no {what} after 90 s; the service: {service}");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that was emitted until now.
    pub fn emitted(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub async fn close(self) {
        self.ecs.shutdown().await;
        assert_eq!(self.engine.containers().await, Vec::<String>::new(), "no container is left");
    }
}

/// Asks without a pause until it is told to stop; gives the distinct answers in order.
pub fn ask(address: String) -> (CancellationToken, tokio::task::JoinHandle<Vec<String>>) {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let http = local_protocol::http();
    let task = tokio::spawn(async move {
        let mut seen: Vec<String> = Vec::new();
        while !stopped.is_cancelled() {
            let answer = timeout(Duration::from_secs(20), http.get(format!("{address}/cgi-bin/v")).send());
            let answer = answer.await.expect("an answer in time").expect("an answer");
            assert_eq!(answer.status().as_u16(), 200, "a request failed; seen so far: {seen:?}");
            let text = answer.text().await.expect("a body");
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        seen
    });
    (stop, task)
}

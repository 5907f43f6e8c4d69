//! The generated settings: plain commands of a buildspec work, and an image goes through a registry to a task.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::stack_with;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_without_flags_is_pushed_and_runs_by_its_digest() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a port").port();
    let directory = tempfile::TempDir::new().expect("a directory");
    let config = directory.path().join("config.yml");
    let root = directory.path().join("registry");
    let text = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        root.display()
    );
    std::fs::write(&config, text).expect("a file");
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(registry) = command.spawn() else {
        eprintln!("SKIPPED: docker-registry is not installed");
        return;
    };
    let address = format!("127.0.0.1:{port}");
    let Some(stack) = stack_with("plain", std::slice::from_ref(&address)).await else { return };
    stack.until("registry", async || tokio::net::TcpStream::connect(&address).await.ok().map(drop)).await;

    let program = stack.engine.kind().program();
    let image = format!("{address}/web");
    let script = format!(
        "set -e; printf 'FROM localhost/longshore-ecs-test\\nRUN echo built > /built\\n' > Containerfile; \
         {program} build -q -f Containerfile -t {image} . ; {program} run --rm {image} cat /built; {program} push -q {image}"
    );
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .envs(stack.engine.environment())
        .current_dir(directory.path())
        .output()
        .await
        .expect("a shell");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("built"), "{said}{errors}");

    let manifest = local_protocol::http()
        .get(format!("http://{address}/v2/web/manifests/latest"))
        .header(
            "accept",
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
        )
        .send()
        .await
        .expect("a manifest");
    let digest = manifest.headers()["docker-content-digest"].to_str().expect("a digest").to_owned();
    stack.engine.output(&["rmi", "--force", &image]).await.expect("the image is gone");
    let container = json!({ "name": "web", "image": format!("{image}@{digest}"), "command": ["cat", "/built"] });
    let input = json!({ "family": "web", "memory": "64", "containerDefinitions": [container] });
    stack.call("RegisterTaskDefinition", input).await;
    let task = stack.call("RunTask", json!({ "cluster": "demo", "taskDefinition": "web" })).await["tasks"][0].clone();
    let ended = stack.stopped(&task).await;
    assert_eq!(ended["containers"][0]["exitCode"], 0, "{ended:#}");
    assert_eq!(ended["containers"][0]["imageDigest"], digest.as_str());
    stack.engine.output(&["rmi", "--force", &format!("{image}@{digest}")]).await.expect("the image is gone");
    stack.close().await;
    drop(registry);
}

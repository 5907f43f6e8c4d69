//! What is not good enough does not get through, and what runs goes on running.

use std::time::Duration;

use local_protocol::http;
use longshore_core::release::{Outcome, State};
use longshore_tests::{Application, Local, Quality, eventually, with_stack};
use serde_json::json;
use tokio::{sync::oneshot, time::interval};

#[test]
fn failing_container_tests_push_nothing_and_deploy_nothing() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::FailingTests).await;
            let service = local.service().await;
            let release = local.closed(&application.push().await).await;

            assert_eq!((release.state, release.build.outcome), (State::Failed, Some(Outcome::Failed)));
            let reason = release.reason.as_deref().expect("a reason");
            assert_eq!(reason, "test: container tests failed: not ok 2 - the tide is high");
            assert_eq!(release.image, None);
            assert_eq!(local.tags().await, [""; 0], "nothing was pushed");
            assert_eq!(local.service().await["taskDefinition"], service["taskDefinition"]);
            assert_eq!(local.service_deployments().await, 1, "nothing was deployed");
            assert!(local.page().await.contains("Nothing was deployed yet"), "what ran still runs");

            let message = local.message(&release.id, ": failed after ", 4).await;
            let blocks = message.attachments[0]["blocks"].to_string();
            assert!(blocks.contains(":x: test") && blocks.contains("not ok 2 - the tide is high"), "{blocks}");
            assert!(
                local.thread(&message).concat().contains("container tests failed"),
                "{:#?}",
                local.thread(&message)
            );
            assert_eq!(local.messages().len(), 1);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_build_that_is_stopped_in_its_container_tests_fails_its_release() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::HangingTests).await;
            let id = application.push().await;
            // A service's container is named by digest, the tests' by the tag that the image is to be pushed under.
            let tested = format!("{}/web:", local.stack.registry);
            let tests_run = async || {
                let running =
                    local.stack.engine.output(&["ps", "--format", "{{.Image}}"]).await.expect("the containers");
                running.lines().any(|image| image.starts_with(&tested))
            };
            eventually("the tests run in their container", async || tests_run().await.then_some(())).await;

            let build = local.stack.release(&id).await.expect("the release").build.id;
            let stop = json!({ "id": build });
            let stopped = local.stack.codebuild_api.call("codebuild", "CodeBuild_20161006.StopBuild", &stop).await;
            assert_eq!(stopped.expect("the build")["build"]["buildStatus"], "STOPPED");

            let release = local.closed(&id).await;
            assert_eq!((release.state, release.build.outcome), (State::Failed, Some(Outcome::Stopped)));
            assert_eq!(release.reason.as_deref(), Some("the build was stopped in test: BUILD stopped"));
        },
    );
}

#[test]
fn an_unhealthy_version_is_rolled_back_and_no_request_fails_meanwhile() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let first = local.closed(&application.push().await).await;
            assert_eq!(first.state, State::Live);
            let serving = local.service().await["taskDefinition"].clone();

            let requests = Requests::start(local);
            application.commit("version two", Quality::Unhealthy).await;
            let second = local.closed(&application.push().await).await;
            let message = local.message(&second.id, ": rolled back after ", 7).await;
            let Answers { right, wrong } = requests.stop().await;

            assert_eq!(second.state, State::RolledBack);
            assert_eq!(second.build.outcome, Some(Outcome::Succeeded));
            assert!(second.reason.is_some(), "why");
            assert_eq!(wrong, [""; 0], "every request got version one");
            assert!(right > 50, "requests ran throughout: {right}");
            assert_eq!(local.service().await["taskDefinition"], serving, "the service is back where it was");
            let blocks = message.attachments[0]["blocks"].to_string();
            assert!(blocks.contains(":rewind: production rolled back"), "{blocks}");
            assert_eq!(local.messages().len(), 2);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

/// Asks for the page again and again until it is stopped.
struct Requests {
    stop: oneshot::Sender<()>,
    answers: tokio::task::JoinHandle<Answers>,
}

/// How many answers were version one's page, and what the others were.
#[derive(Default)]
struct Answers {
    right: usize,
    wrong: Vec<String>,
}

impl Requests {
    fn start(local: &Local) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let address = local.address();
        let answers = tokio::spawn(async move {
            let (client, mut answers) = (http(), Answers::default());
            let mut pace = interval(Duration::from_millis(10));
            loop {
                tokio::select! {
                    _ = &mut stopped => return answers,
                    _ = pace.tick() => {}
                }
                let answer = match client.get(&address).send().await {
                    Ok(answer) => {
                        format!("{} {}", answer.status(), answer.text().await.unwrap_or_else(|e| e.to_string()))
                    }
                    Err(error) => error.to_string(),
                };
                if answer == "200 OK <title>version one</title>\n" {
                    answers.right += 1;
                } else {
                    answers.wrong.push(answer);
                }
            }
        });
        Self { stop, answers }
    }

    async fn stop(self) -> Answers {
        self.stop.send(()).expect("the requests still run");
        self.answers.await.expect("answers")
    }
}
